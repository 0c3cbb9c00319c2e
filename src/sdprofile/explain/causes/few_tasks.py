"""Threads without a task: a straggler, fewer tasks than threads, or a chain of tasks."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from sdprofile.explain.causes.again import cold_tasks
from sdprofile.explain.causes.found import Found
from sdprofile.explain.causes.reading import reads_of
from sdprofile.explain.causes.seen import Seen
from sdprofile.explain.causes.without import (
    crowded,
    cut,
    gain_without,
    with_usual_overhead,
)
from sdprofile.explain.causes.written import resized
from sdprofile.model.account import Cause
from sdprofile.model.trace import TICKS
from sdprofile.replay.what_if import Setup, apart
from sdprofile.units import format_seconds, listed, plural

_LONG = 2.0
"""How many times the median of its prefix a straggler takes."""

_PART = 0.25
"""Fraction of the time that a straggler takes at least."""

_MOST = 0.5
"""Fraction of the time of the tasks that ended last, one after another, from which it is a task."""

_NAMED = 0.2
"""Fraction of the tasks of a chain from which their prefix is named."""

_PER_THREAD = 4
"""Tasks that each thread should have."""

_LEAST = 0.4
"""Fraction of the idle time that is saved at least: side by side tasks take longer."""

_MORE = 0.15
"""Fraction of its time that a straggler takes more in parts, at most."""

_PARTS = 16
"""Parts of a straggler for each thread from which it is no matter how many there are."""

_SHORTEST = 1 / TICKS
"""Seconds below which it is not known how long a task takes."""

_RESULT = 10_000_000
"""Bytes from which a result that the kernel gets takes time to be put together."""

_MUCH = 0.15
"""Share of the time from which a chain is more than the end of a reduction."""


def few_tasks(seen: Seen) -> Found | None:
    """Return why threads had no task; None where they had.

    Parameters
    ----------
    seen
        A run.

    Notes
    -----
    What the other threads waited for is the path of tasks that ended last, each with the input
    that it waited for: one task that takes most of it, or many.
    """
    if seen.threads < 2 or not seen.prefixes or seen.waits_for_each:
        return None
    share = seen.share(Cause.NO_MORE, Cause.CHAIN)
    found = _straggler(seen)
    if found is not None or not share:
        return found
    path = _path(seen)
    seconds = [seen.trace.durations[task] for task in path]
    longest = max(range(len(path)), key=seconds.__getitem__)
    if seconds[longest] < _MOST * sum(seconds):
        return _chain(seen, path, share)
    prefix = seen.prefix(path[longest])
    if prefix.startswith("finalize") or (
        seen.trace.wanted[path[longest]] and seen.trace.nbytes[path[longest]] >= _RESULT
    ):
        return None  # it puts the result together: see `brings_result`
    if path[longest] in cold_tasks(seen):
        return None
    alike = seen.by_prefix[prefix]
    number = len(alike)
    factor = min(0.5, number / (_PER_THREAD * seen.threads))
    parts = dict.fromkeys(alike, math.ceil(1 / factor))
    there = "there is only 1 task" if number == 1 else f"there are only {number} tasks"
    return seen.found(
        "few tasks",
        share=share,
        fact=f"{there} of {seen.place(prefix)} for {plural(seen.threads, 'thread')}, which had"
        f" nothing to do for {100 * share:.0f} % of the time",
        change=resized(
            seen.profile.code,
            factor,
            parts=number,
            collections=seen.run.data.partitioned,
            line=seen.text_of(prefix),
            stores=reads_of(seen),
        ),
        gain=gain_without(
            seen,
            least=lambda was: cut(crowded(was, alike, beside=sum(parts.values())), parts),
            most=lambda was: cut(with_usual_overhead(was), parts),
            instead=(_LEAST * share, share),
        ),
    )


def _straggler(seen: Seen) -> Found | None:
    """Return that other threads had nothing to do while the longest task ran."""
    trace = seen.trace
    longest, seconds = max(seen.ended, key=lambda each: each[1])
    tasks = seen.of_prefix(seen.prefix(longest))
    if len(tasks.seconds) < 3 or seconds < _LONG * tasks.median:
        return None
    if seconds < _PART * seen.run.seconds or longest in cold_tasks(seen):
        return None
    begin, end = trace.begun[longest], trace.ended[longest]
    busy = sum(
        max(0.0, min(end, trace.ended[task]) - max(begin, trace.begun[task]))
        for task, _ in seen.ended
    )
    share = (seen.threads * seconds - busy) / (seen.threads * seen.run.seconds)
    times = seconds / max(tasks.median, _SHORTEST)
    parts = {longest: math.ceil(min(times, _PARTS * seen.threads))}
    return seen.found(
        "straggler",
        share=share,
        fact=f"one task of {seen.place(tasks.prefix)} takes {format_seconds(seconds)},"
        f" {times:.0f} times the median of all {len(tasks.seconds)}, while"
        f" threads had nothing to do for {100 * share:.0f} % of the time",
        change="cut what it works on into parts as large as the others, or let it start first",
        gain=gain_without(
            seen,
            least=lambda was: cut(with_usual_overhead(was), parts, longer=_MORE),
            most=lambda was: cut(with_usual_overhead(was), parts),
            instead=(0.6 * share, share),
        ),
    )


def _chain(seen: Seen, path: list[int], share: float) -> Found | None:
    """Return that tasks wait for each other, unless it is about the end of a reduction only."""
    if share < _MUCH:
        return None
    most = [
        seen.place(prefix)
        for prefix, tasks in Counter(map(seen.prefix, path)).most_common(2)
        if tasks >= _NAMED * len(path)
    ]

    def side_by_side(was: Setup) -> Setup:
        return replace(was, trace=apart(was.trace, set(path)))

    return seen.found(
        "chain",
        share=share,
        fact=f"{plural(len(path), 'task')} run one after another, each on the result of the one"
        f" before ({listed(list(dict.fromkeys(most)))}), while other threads have nothing to do for"
        f" {100 * share:.0f} % of the time",
        change="compute parts that do not need each other's results side by side"
        + (", or use fewer workers" if seen.run.workers else ""),
        gain=gain_without(
            seen,
            least=lambda was: side_by_side(crowded(was, path, beside=len(path))),
            most=side_by_side,
            instead=(0.3 * share, share),
        ),
    )


def _path(seen: Seen) -> list[int]:
    """Return the task that ended last, its input that ended last, and so on."""
    trace = seen.trace
    ended = [end if end < float("inf") else 0.0 for end in trace.ended]
    task: int | None = max(range(len(trace)), key=ended.__getitem__, default=None)
    path = []
    while task is not None:
        path.append(task)
        task = max(trace.inputs_of[task], key=ended.__getitem__, default=None)
    return path
