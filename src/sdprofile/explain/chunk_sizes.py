"""What a cell would take with chunks of another size, by a replay of its tasks split or joined."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.explain.causes.without import batched, cut, lasts
from sdprofile.replay.what_if import recorded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sdprofile.model.run import Run
    from sdprofile.replay.what_if import Setup

FACTORS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16)
"""How many times as large chunks are tried."""

_MOST = 10_000
"""Tasks above which smaller chunks are not tried: a replay takes about 50 us for each."""

_FRESH = 32 * 2**20
"""Bytes from which C gives memory back to the system at once, and has to ask for it anew (glibc's
largest ``M_MMAP_THRESHOLD``)."""

_SECONDS_PER_BYTE = 1e-9
"""What it takes to get such memory, page by page (measured: 0.5 to 1.6 s for a GB)."""

_WITHIN = 0.001
"""Seconds of a task's own time that dask takes, to unpack it and to note that it is done."""


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
    dask's. Those that take more than 32 MiB then wait for the system to give it to them. What else
    a cache holds, and what compresses better, is not known.
    """
    trace = run.trace
    was = recorded(run, trace, cpus=cpus) if trace is not None and run.workers else None
    if was is None:
        return ()
    chunks = max(Counter(was.trace.group).values())
    rises = {each.prefix: each.rise_high for each in run.memory.prefixes}
    found = []
    for factor in FACTORS:
        if factor > 1 and chunks < factor or factor < 1 and len(was.trace) / factor > _MOST:
            continue
        changed = _changed(was, factor, rises)
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


def _changed(was: Setup, factor: float, rises: Mapping[str, int]) -> Setup:
    """Return the tasks of chunks so many times as large, of which each takes so many bytes."""
    if factor == 1:
        return was
    durations = was.trace.durations
    mean = sum(durations) / len(durations)
    if factor > 1:
        changed = batched(was, factor, shorter=min(0.95, _WITHIN / mean) * (1 - 1 / factor))
    else:
        parts = dict.fromkeys(range(len(durations)), round(1 / factor))
        changed = cut(was, parts, longer=_WITHIN * (1 / factor - 1) / mean)
    trace = changed.trace
    more = [
        _fresh(factor * rises.get(group.prefix, 0)) - factor * _fresh(rises.get(group.prefix, 0))
        for group in trace.groups
    ]
    times = {
        task: max(0.1 * seconds, seconds + more[trace.group[task]])
        for task, seconds in enumerate(trace.durations)
    }
    return lasts(changed, times)


def _fresh(nbytes: float) -> float:
    """Return the seconds that it takes to get so much memory for a while."""
    return _SECONDS_PER_BYTE * nbytes if nbytes > _FRESH else 0.0
