"""Work that is done more than once: for results that nobody kept, and in each new worker."""

from __future__ import annotations

import statistics
from collections import defaultdict

from sdprofile.explain.causes.found import Found, Seen, range_of
from sdprofile.units import format_seconds, plural

_ALL = 1.4
"""What keeping results saves, at most, over the time of the tasks alone."""

_LONG = 2.0
"""How many times the median of the others the first task of a worker takes."""

_MANY = 3
"""Other tasks of its prefix that each worker must have run."""


def works_out_again(seen: Seen) -> Found | None:
    """Return which blocks are worked out several times; None where none are."""
    what, total = seen.run.steps.recomputed, seen.run.work.task_seconds
    if what is None or not total:
        return None
    share = min(0.95, what.seconds / (seen.threads * seen.run.seconds))
    times = what.made / what.blocks
    most = 1 - 1 / times
    keep = f"{what.variable} = {what.variable}.persist()" if what.variable else ".persist()"
    return seen.found(
        "worked out again",
        share=share,
        fact=f"{what.name} is worked out {times:.3g} times, {what.made} tasks for"
        f" {plural(what.blocks, 'block')}: {format_seconds(what.seconds)} of the"
        f" {format_seconds(total)} of all tasks go into repeating it",
        change=f"keep it from one computation to the next by {keep}, or write it to zarr and read"
        " it from there",
        # With the tasks goes what dask does around them, and what brings them their inputs; the
        # first time stays.
        gain=range_of(min(0.6 * share, most), min(_ALL * share, most)),
    )


def starts_cold(seen: Seen) -> Found | None:
    """Return that the first task on each worker takes longer than those after it.

    Parameters
    ----------
    seen
        A run.

    Notes
    -----
    What is done once in each process: imports, compilation (numba), caches, opening of files.
    """
    trace = seen.trace
    mine: defaultdict[tuple[int, str], list[tuple[float, float]]] = defaultdict(list)
    for task, seconds in seen.ended:
        mine[trace.worker[task], seen.prefix(task)].append((trace.begun[task], seconds))
    workers: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for (_, prefix), tasks in mine.items():
        tasks.sort()
        first = [seconds for _, seconds in tasks[: seen.run.threads]]
        others = [seconds for _, seconds in tasks[seen.run.threads :]]
        if len(others) >= _MANY and min(first) > _LONG * max(others):
            usual = statistics.median(others)
            workers[prefix].append((min(first), sum(first) - len(first) * usual))
    every = {prefix: each for prefix, each in workers.items() if len(each) == seen.run.workers}
    if not every:
        return None
    prefix, each = max(every.items(), key=lambda item: sum(lost for _, lost in item[1]))
    share = sum(lost for _, lost in each) / (seen.threads * seen.run.seconds)
    return seen.found(
        "cold workers",
        share=share,
        fact=f"the first task of {seen.place(prefix)} on each worker takes"
        f" {format_seconds(min(first for first, _ in each))}, those after it are short: imports,"
        f" compilation or caches, {100 * share:.0f} % of the time",
        change="profile it with -r 3 or more, for only the first run pays it; to be rid of it,"
        " import it before by client.run, or let numba keep what it compiles (cache=True)",
        gain=range_of(0.6 * share, share),
    )
