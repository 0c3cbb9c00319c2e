"""What a cell would take with chunks of another size, by a replay of its tasks split or joined."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.explain.causes.without import WITHIN, batched, cut
from sdprofile.replay.what_if import recorded

if TYPE_CHECKING:
    from sdprofile.model.run import Run
    from sdprofile.replay.what_if import Setup

FACTORS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16)
"""How many times as large chunks are tried."""

_MOST = 10_000
"""Tasks above which smaller chunks are not tried: a replay takes about 50 us for each."""


@dataclass(frozen=True, kw_only=True)
class ChunkSize:
    """What a run would have taken with chunks of a size."""

    factor: float
    """How many times as large as they were: in elements, not along each dimension."""

    chunks: int
    """Number of chunks: of tasks in the layer that has most."""

    tasks: int
    """Number of tasks."""

    seconds: float
    """Wall time of the cell."""


def chunk_sizes(run: Run, *, cpus: int) -> tuple[ChunkSize, ...]:
    """Return what a run would have taken with chunks of other sizes.

    Parameters
    ----------
    run
        That ended well.
    cpus
        CPUs of this machine.

    Returns
    -------
    tuple of ChunkSize
        Ascending; from 1/16 to 16 times, as far as there are not too few chunks for that, or too
        many tasks. Empty where the tasks were not recorded, or a replay of the run as it was is
        more than 25 % off.

    Notes
    -----
    Tasks are taken to be blockwise: a part of one needs that part of what it reads, and takes that
    part of its time; of several that are joined the time is the sum, without 1 ms of each that is
    dask's. What a cache holds, and what compresses better, is not known.
    """
    trace = run.trace
    was = recorded(run, trace, cpus=cpus) if trace is not None and run.workers else None
    if was is None:
        return ()
    chunks = max(Counter(was.trace.group).values())
    found = []
    for factor in FACTORS:
        if factor > 1 and chunks < factor or factor < 1 and len(was.trace) / factor > _MOST:
            continue
        changed = _changed(was, factor)
        found.append(
            ChunkSize(
                factor=factor,
                chunks=max(1, round(chunks / factor)),
                tasks=len(changed.trace),
                # The replay as it was is off by as much.
                seconds=changed.seconds / was.seconds * run.seconds,
            )
        )
    return tuple(found)


def _changed(was: Setup, factor: float) -> Setup:
    """Return the tasks of chunks so many times as large."""
    if factor == 1:
        return was
    durations = was.trace.durations
    mean = sum(durations) / len(durations)
    if factor > 1:
        return batched(was, factor, shorter=min(0.95, WITHIN / mean) * (1 - 1 / factor))
    parts = dict.fromkeys(range(len(durations)), round(1 / factor))
    return cut(was, parts, longer=WITHIN * (1 / factor - 1) / mean)
