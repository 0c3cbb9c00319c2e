"""Work that is done more than once: for results that nobody kept, and in each new worker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

from sdprofile.explain.causes.found import Found, range_of
from sdprofile.explain.causes.seen import Seen
from sdprofile.explain.causes.without import gain_without, lasts
from sdprofile.explain.lines import most_of
from sdprofile.units import format_seconds, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.circumstances import Circumstances
    from sdprofile.replay.what_if import Setup

_LEAST = 0.6
"""What keeping results saves, at least, of the time of the tasks alone."""

_ALL = 1.4
"""What keeping results saves, at most, over the time of the tasks alone."""

_LONG = 2.0
"""How many times the median of the others the first task of a worker takes."""

_NAMES = 3
"""Packages that are named, at most."""

_NUMBA = "NUMBA_NUM_THREADS"
"""Pool of threads that there is where numba is loaded."""

_MANY = 3
"""Other tasks of its prefix that there must be."""


def works_out_again(seen: Seen) -> Found | None:
    """Return which blocks are worked out several times; None where none are."""
    what, total = seen.run.steps.recomputed, seen.run.work.task_seconds
    if what is None or not total:
        return None
    share = min(0.95, what.seconds / (seen.threads * seen.run.seconds))
    times = what.made / what.blocks
    most = 1 - 1 / times
    name = what.name if "(" in what.name else f"each block of {what.name}"
    again = [task for task, _ in seen.ended if seen.trace.graph[task] in what.graphs[1:]]
    of_later = sum(map(seen.trace.durations.__getitem__, again))

    def without(was: Setup, part: float) -> Setup:
        left = max(0.0, 1.0 - part * what.seconds / of_later)
        return lasts(was, {task: left * was.trace.durations[task] for task in again})

    instead = (min(_LEAST * share, most), min(_ALL * share, most))
    keep = f"{what.variable} = {what.variable}.persist()" if what.variable else ".persist()"
    return seen.found(
        "worked out again",
        share=share,
        lines=() if "(" in what.name else _lines(seen, set(what.graphs)),
        fact=f"{name} is computed {times:.3g} times, {what.made} tasks for"
        f" {plural(what.blocks, 'block')}: repeating it takes {format_seconds(what.seconds)} of the"
        f" {format_seconds(total)} of all tasks",
        change=f"keep it between computations with {keep}, or write it to zarr and read it from"
        " there",
        # With the tasks goes what dask does around them, and what brings them their inputs; the
        # first time stays.
        gain=gain_without(
            seen,
            least=lambda was: without(was, _LEAST),
            most=lambda was: without(was, _ALL),
            instead=instead,
        )
        if of_later
        else range_of(*instead),
    )


def _lines(seen: Seen, graphs: Set[int]) -> tuple[int, ...]:
    """Return the lines that sent these graphs, without those whose tasks took little time."""
    taken: defaultdict[int, float] = defaultdict(float)
    for task, seconds in seen.ended:
        if seen.trace.graph[task] in graphs:
            taken[seen.lines[seen.trace.graph[task]]] += seconds
    return most_of(taken)


def starts_cold(seen: Seen) -> Found | None:
    """Return that the first task on each new worker takes longer than those after it.

    Parameters
    ----------
    seen
        A run.

    Notes
    -----
    What is done once in each process: imports, compilation (numba), caches, opening of files.
    """
    found = cold_tasks(seen)
    if not found:
        return None
    prefix = seen.prefix(found[0])
    usual = seen.of_prefix(prefix).median
    seconds = [seen.trace.durations[task] for task in found]
    share = sum(each - usual for each in seconds) / (seen.threads * seen.run.seconds)

    def warm(was: Setup, part: float) -> Setup:
        return lasts(
            was,
            {task: each - part * (each - usual) for task, each in zip(found, seconds, strict=True)},
        )

    once, change = _done_once(seen.run.circumstances)
    return seen.found(
        "cold workers",
        share=share,
        fact=f"the first task of {seen.place(prefix)} on each new worker takes"
        f" {format_seconds(min(seconds))}, those after it about {format_seconds(usual)} ({once}),"
        f" {100 * share:.0f} % of the time",
        change=f"{change}only the first run pays it, so profile with -r 3 or more",
        gain=gain_without(
            seen,
            least=lambda was: warm(was, _LEAST),
            most=lambda was: warm(was, 1.0),
            instead=(_LEAST * share, share),
        ),
    )


def _done_once(around: Circumstances) -> tuple[str, str]:
    """Return what new workers do once, and how to do it before, a clause that another follows."""
    if packages := list(around.imported[:_NAMES]):
        before = f'import it before, client.run(__import__, "{packages[0]}"); '
        return f"it imports {listed(packages)}", before
    if any(pool.name == _NUMBA for pool in around.pools):
        before = "let numba cache what it compiles (cache=True), or compile before with client.run"
        return "numba compiles, or it fills caches", f"{before}; "
    return "it fills caches, or does something else once", ""


def cold_tasks(seen: Seen) -> list[int]:
    """Return the first tasks on the new workers, where what they do once makes them slow.

    Parameters
    ----------
    seen
        A run.

    Notes
    -----
    A long task that is the first on its worker by chance is none: where there is one such worker
    only, and nothing was imported, no worker that was not new may have taken as long for the same
    task in the run of another count.
    """
    trace, new = seen.trace, seen.new_workers
    slow: dict[str, list[int]] = {}
    for tasks in seen.prefixes if new else ():
        first = _first_on_new(seen, tasks.prefix)
        others = [
            trace.durations[task] for task in seen.by_prefix[tasks.prefix] if task not in first
        ]
        if len(others) < _MANY or {trace.worker[task] for task in first} != new:
            continue
        if min(trace.durations[task] for task in first) > _LONG * max(others):
            slow[tasks.prefix] = sorted(first)
    sure = [
        tasks
        for tasks in slow.values()
        if len(new) > 1 or seen.run.circumstances.imported or _is_short_elsewhere(seen, tasks)
    ]
    return max(sure, key=lambda each: sum(map(trace.durations.__getitem__, each)), default=[])


def _is_short_elsewhere(seen: Seen, cold: Sequence[int]) -> bool:
    """Whether no worker of another run, unless new, took as long for the tasks in their place."""
    prefix = seen.prefix(cold[0])
    least = min(seen.trace.durations[task] for task in cold)
    order = {task: place for place, task in enumerate(seen.by_prefix[prefix])}
    for other in seen.others:
        tasks = other.by_prefix.get(prefix, [])
        same = [tasks[order[task]] for task in cold] if len(tasks) == len(order) else []
        first = _first_on_new(other, prefix) if same else set()
        if any(_LONG * other.trace.durations[task] >= least for task in same if task not in first):
            return False
    return True


def _first_on_new(seen: Seen, prefix: str) -> set[int]:
    """Return the tasks of a prefix with which its new workers began."""
    first: defaultdict[int, list[int]] = defaultdict(list)
    for task in sorted(seen.by_prefix[prefix], key=seen.trace.begun.__getitem__):
        mine = first[seen.trace.worker[task]]
        if seen.trace.worker[task] in seen.new_workers and len(mine) < seen.run.threads:
            mine.append(task)
    return {task for tasks in first.values() for task in tasks}
