"""What a cell gains without what holds it back: its tasks are replayed as they were, and without.

What does not run as tasks is in both: the kernel's own work, a graph on its way, the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sdprofile.explain.causes.found import LEAST_GAIN, range_of
from sdprofile.explain.causes.seen import Seen
from sdprofile.replay.what_if import Setup, at_once, joined, lasting, split

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


Change = Callable[[Setup], Setup]

WITHIN = 0.001
"""Seconds of a task's own time that dask takes, to unpack it and to note that it is done."""

_CROWDED = 0.6
"""By which fraction a task takes longer for each other beside it, at most (measured: two halves of
one that filled the memory's bandwidth were 1.1 to 1.4 times as fast on two CPUs)."""

_OVERHEAD = 0.01
"""Seconds between two tasks, at most, that are dask's own (measured: 1 to 9 ms)."""


def gain_without(
    seen: Seen,
    *,
    least: Change,
    most: Change,
    instead: tuple[float, float],
    beside: tuple[float, float] = (0.0, 0.0),
    at_most: float = 1.0,
) -> tuple[float, float]:
    """Return from how many to how many times as fast a cell is without a cause.

    Parameters
    ----------
    seen
        The run.
    least, most
        Make of the run as it was the one without the cause, where that saves least and most.
    instead
        Fractions of the wall time that are saved at least and at most by the account, where the
        replay of the run as it was does not take the time that it took.
    beside
        Fractions of the wall time in which nothing is on the cluster that are saved with it.
    at_most
        Fraction of the wall time that can be saved, by the account.
    """
    was = seen.as_it_was
    if was is None or range_of(*instead)[1] < LEAST_GAIN:
        return range_of(*instead)
    saved = [
        min(at_most, 1.0 - change(was).seconds / was.seconds + more)
        for change, more in zip((least, most), beside, strict=True)
    ]
    return range_of(min(saved), max(saved))


def crowded(was: Setup, tasks: Collection[int], *, beside: int) -> Setup:
    """Return the same with tasks that take longer side by side, as far as they did not run so.

    Parameters
    ----------
    was
        The tasks.
    tasks
        Those that are to run side by side.
    beside
        How many run at a time, if there are as many CPUs.
    """
    most = min(beside, was.workers * was.trace.threads, max(1.0, was.costs.cpus))
    alone = min(was.costs.alone, most)
    longer = (1.0 + _CROWDED * (most - 1.0)) / (1.0 + _CROWDED * (alone - 1.0))
    return lasts(was, {task: longer * was.trace.durations[task] for task in tasks})


def cut(was: Setup, parts: Mapping[int, int], *, longer: float = 0.0) -> Setup:
    """Return the same with some tasks in parts.

    Parameters
    ----------
    was
        The tasks.
    parts
        Into how many, by their index.
    longer
        By which fraction of its time all parts together take longer than the whole.
    """
    seconds = {task: was.trace.durations[task] * (1 + longer) for task in parts}
    return replace(was, trace=split(lasting(was.trace, seconds), parts))


def with_usual_overhead(was: Setup) -> Setup:
    """Return the same with what dask takes between tasks at most: few may be long by chance."""
    overhead = min(was.costs.overhead, _OVERHEAD)
    return replace(was, costs=replace(was.costs, overhead=overhead))


def lasts(was: Setup, seconds: Mapping[int, float]) -> Setup:
    """Return the same with some tasks that take another time; see `lasting`."""
    return replace(was, trace=lasting(was.trace, seconds))


def together(was: Setup, *, kept: float, overhead: float = 1.0) -> Setup:
    """Return the same with all graphs sent as one.

    Parameters
    ----------
    was
        The tasks.
    kept
        Fraction of what the kernel did between them that it does for the one; see `at_once`.
    overhead
        Fraction of what dask takes around each task that it takes then.
    """
    costs = replace(
        was.costs,
        overhead=was.costs.overhead * overhead,
        scheduling=was.costs.scheduling * overhead,
    )
    return replace(was, trace=at_once(was.trace, kept=kept), costs=costs)


def batched(was: Setup, factor: float, *, shorter: float = 0.0) -> Setup:
    """Return the same with larger tasks.

    Parameters
    ----------
    was
        The tasks.
    factor
        How many are made one.
    shorter
        Fraction of the time of all together that the one saves.
    """
    trace = was.trace
    if len(trace) < factor * len(trace.arrivals):
        trace = at_once(trace)  # what comes with a graph each cannot be one task before
    trace = joined(trace, factor)
    seconds = {task: (1.0 - shorter) * each for task, each in enumerate(trace.durations)}
    # Small results take as long to fetch as larger ones.
    rate = was.costs.rate * (factor if shorter else min(2.0, factor))
    return replace(was, trace=lasting(trace, seconds), costs=replace(was.costs, rate=rate))


def waits(was: Setup, factor: float) -> Setup:
    """Return the same, but tasks wait so many times as long for what is not the CPU."""
    trace, costs = was.trace, was.costs
    times = [share + (1.0 - share) * factor for share in costs.cpu_share]
    seconds = {task: each * times[trace.group[task]] for task, each in enumerate(trace.durations)}
    cpu = (
        min(1.0, share / time) if time else 1.0
        for share, time in zip(costs.cpu_share, times, strict=True)
    )
    return replace(was, trace=lasting(trace, seconds), costs=replace(costs, cpu_share=tuple(cpu)))


def on(was: Setup, *, workers: int, threads: int) -> Setup:
    """Return the same on so many workers, each with so many threads."""
    return replace(was, trace=replace(was.trace, threads=threads), workers=workers)


def fetching(was: Setup, factor: float) -> Setup:
    """Return the same with workers that fetch from each other so many times as fast."""
    return replace(was, costs=replace(was.costs, rate=was.costs.rate * factor))
