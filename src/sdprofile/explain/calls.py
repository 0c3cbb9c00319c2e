"""Where most of the time went within the tasks and within the kernel: the heaviest calls."""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from sdprofile.model.calls import KERNEL, Call, CallTree, CallTrees, Frame
from sdprofile.model.run import Run

_LEAST = 0.1
"""Share of all thread time, or of the kernel's, from which a tree is worth a line."""

_SAMPLES = 10
"""Samples from which a tree tells something: a share of a half is then known to a sixth."""

_HEAVY = 0.3
"""Share of its tree from which a call is on the path."""

_MOST_TREES, _MOST_STEPS = 3, 5

PLUMBING = ("dask", "distributed", "python")
"""Whose functions call those that a task is about."""


@dataclass(frozen=True, kw_only=True)
class HeavyPath:
    """The calls in which the tasks of a prefix, or the kernel, spent most of their time."""

    of: str
    """Prefix of the tasks, or `sdprofile.model.calls.KERNEL`."""

    seconds: float
    """Thread time of all of them, in seconds."""

    steps: tuple[tuple[Frame, float], ...]
    """Functions, each called within the one before, with their share of that time."""

    waits: bool = False
    """Whether the last of them mostly waited: for a disk, the network, a lock or sleep."""


def heavy_paths(run: Run) -> tuple[HeavyPath, ...]:
    """Return the paths that say something, the kernel's last.

    Parameters
    ----------
    run
        One of which it is known what was called.

    Returns
    -------
    tuple of HeavyPath
        Of the three prefixes that took most, and of the kernel, those which took a tenth of the
        time at least, and are not in dask itself.
    """
    if run.trace is None:
        return ()
    inside = run.trace.inside
    told = [
        HeavyPath(
            of=tree.of,
            seconds=tree.total,
            steps=tuple((call.frame, call.seconds / tree.total) for call in calls),
            waits=calls[-1].waits,
        )
        for tree in inside.trees
        if tree.samples >= _SAMPLES
        and tree.total >= _LEAST * run.seconds * (1 if tree.of == KERNEL else run.all_threads)
        and (calls := _steps(inside, tree))
    ]
    tasks = [path for path in told if path.of != KERNEL]
    return (*tasks[:_MOST_TREES], *(path for path in told if path.of == KERNEL))


def only_leads(calls: Sequence[Call], place: int) -> bool:
    """Whether a call of a tree is of dask or Python, and does no more than to call others."""
    call = calls[place]
    is_last = place + 1 == len(calls) or calls[place + 1].depth <= call.depth
    return call.frame.origin in PLUMBING and not is_last and call.own < call.seconds / 10


def seconds_of(inside: CallTrees, frames: Container[int]) -> tuple[int, float]:
    """Return how many calls there are of some functions, and their time in seconds.

    Parameters
    ----------
    inside
        What was called.
    frames
        Indices of the functions, in `CallTrees.frames`. What one of them calls counts once.
    """
    number, total = 0, 0.0
    for tree in inside.trees:
        within = math.inf
        for frame, depth, seconds in zip(tree.frame, tree.depth, tree.seconds, strict=True):
            if depth <= within:
                within = math.inf
            if frame in frames:
                number += 1
                if depth < within:
                    within, total = depth, total + seconds
    return number, total


def _steps(inside: CallTrees, tree: CallTree) -> tuple[Call, ...]:
    """Return the calls on the path that tell most: where another's code is entered, the last.

    Empty where there are none but those of dask and Python.
    """
    least = _HEAVY * tree.total
    path: list[Call] = []
    for call in inside.calls(tree):  # of those that a call makes, the longest comes first
        if call.depth != len(path) or call.seconds < least:
            break
        path.append(call)
    groups = [list(same) for _, same in groupby(path, key=attrgetter("frame.origin"))]
    while groups and groups[0][0].frame.origin in PLUMBING:
        del groups[0]
    kept = [group[0] for group in groups]
    if groups and len(groups[-1]) > 1:
        kept.append(groups[-1][-1])
    if len(kept) > _MOST_STEPS:
        kept = [*kept[:2], *kept[2 - _MOST_STEPS :]]
    return tuple(kept)
