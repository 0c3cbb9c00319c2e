"""Chunks that cost more than they need to, and the line to change."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sdprofile.explain.notices.task_memory import most_crowded
from sdprofile.model.notice import Notice
from sdprofile.model.spans import EXECUTE
from sdprofile.units import format_bytes, format_seconds, plural

if TYPE_CHECKING:
    from sdprofile.model.elements import Element
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run

_WORK = ("thread-cpu", "thread-noncpu", "disk-read", "disk-write")
"""What a thread does in a task that is no overhead."""

_OVERHEAD = 0.2
"""Fraction of the tasks' time that dask may need around them."""

_FOR_EACH_THREAD = 4
"""Chunks that a thread must have at least, for all to be busy to the end."""

_MANY_TASKS = 100
"""Tasks from which their overhead is worth a word."""

_GOOD_BYTES = 100_000_000
"""Bytes that a chunk may have, as dask recommends
(https://docs.dask.org/en/stable/array-chunks.html)."""

_UNEVEN = 2.0
"""How many times the median chunk the largest may have."""

_READS = 1.1
"""How often a chunk of the store may be read, on average."""

_EMBEDDED_BYTES = 10_000_000
"""Bytes that a graph may hold; dask itself warns from there on."""

_LARGE_GRAPH = 50_000
"""Tasks from which the scheduler alone takes most of a minute, at about 1 ms each."""


def element_notices(profile: Measured) -> Iterator[Notice]:
    """Yield what is wrong with the chunks of the elements that the cell works on.

    Parameters
    ----------
    profile
        What was measured.

    Yields
    ------
    Notice
        The costliest first.
    """
    elements = profile.elements
    rasters = [each for each in elements if each.chunks]
    finished = [run for run in profile.runs if run.status == "ok"]
    yield from _too_large(profile, rasters)
    yield from _too_small(finished, rasters, decimal=profile.decimal)
    yield from _large_graph(finished, rasters)
    yield from _finer_than_needed(profile)
    for each in elements:
        yield from _shape_of_chunks(each)
        if each.embedded_bytes > _EMBEDDED_BYTES:
            amount = format_bytes(each.embedded_bytes, decimal=profile.decimal)
            yield Notice(
                fact=f"The graph of {each.where} holds {amount} of data, which are sent with it",
                advice="Write it to zarr and read it from there, or make it with dask",
            )


def _too_large(profile: Measured, rasters: list[Element]) -> Iterator[Notice]:
    """Yield the prefix of which as many tasks as a worker runs at a time pass its limit."""
    crowd = most_crowded(profile)
    if crowd is None or not rasters:
        return
    need, run = crowd.need, crowd.run
    largest = max(rasters, key=lambda each: each.chunk_bytes)
    amount, limit, size = (
        format_bytes(each, decimal=profile.decimal)
        for each in (need.nbytes, run.memory_limit or 0, largest.chunk_bytes)
    )
    beside = f", so {crowd.together} side by side pass" if crowd.together > 1 else ", more than"
    yield Notice(
        fact=f"Chunks are too large: a task of {crowd.prefix} takes"
        f" {'' if need.exact else 'at least '}{amount}{beside} the limit of {limit}",
        advice=f"{_make(largest)} smaller chunks than {_written(largest.chunks)} ({size}), or"
        f" raise --memory{', or use fewer --threads' if crowd.together > 1 else ''}",
    )


def _too_small(finished: list[Run], rasters: list[Element], *, decimal: bool) -> Iterator[Notice]:
    """Yield how much of the tasks' time dask needed around them."""
    shares = [each for each in map(_overhead, finished) if each is not None]
    if not shares or not rasters or min(run.work.tasks for run in finished) < _MANY_TASKS:
        return
    share = statistics.median(shares)
    worked_on = max(rasters, key=lambda each: max(each.chunk_count, _stored_chunks(each)))
    is_stored = _stored_chunks(worked_on) >= worked_on.chunk_count
    smallest = _as_stored(worked_on) if is_stored else worked_on
    if share <= _OVERHEAD or smallest.chunk_bytes > _GOOD_BYTES / 4:
        return
    tasks = statistics.median(run.work.tasks for run in finished)
    seconds = statistics.median(run.work.task_seconds for run in finished)
    threads = max(run.workers * run.threads for run in finished)
    least = _FOR_EACH_THREAD * threads if threads > 1 else 1
    better = _larger_chunks(smallest, share, least=least)
    count, size = (
        _count(smallest.shape, better),
        format_bytes(smallest.chunk_bytes, decimal=decimal),
    )
    make = f"Write the store of {smallest.where} in" if is_stored else _make(smallest)
    now = f"{_written(smallest.chunks)} ({size})"
    advice = (
        f"{make} {_written(better)} instead of {now}: {plural(count, 'chunk')} instead of"
        f" {smallest.chunk_count}"
        if better != smallest.chunks
        else f"Use fewer workers, for {plural(smallest.chunk_count, 'chunk')} of {smallest.where},"
        f" {now}, are few for {plural(threads, 'thread')}; then larger chunks"
    )
    yield Notice(
        fact=f"Chunks are too small: {100 * share:.0f} % of the time of {tasks:.0f} tasks of"
        f" {format_seconds(seconds / tasks)} each was dask's overhead",
        advice=advice,
    )


def _large_graph(finished: list[Run], rasters: list[Element]) -> Iterator[Notice]:
    most = max((run.work.tasks for run in finished), default=0)
    if most <= _LARGE_GRAPH or not rasters:
        return
    finest = max(rasters, key=lambda each: each.chunk_count)
    yield Notice(
        fact=f"The graph is large: {most} tasks, each of which costs the scheduler about 1 ms",
        advice=f"{_make(finest)} larger chunks than {_written(finest.chunks)}: it has"
        f" {finest.chunk_count}",
    )


def _finer_than_needed(profile: Measured) -> Iterator[Notice]:
    found = (
        run.data.finer_than_needed for run in reversed(profile.runs) if run.data.finer_than_needed
    )
    for each in next(found, ()):
        read, enough = (
            format_bytes(amount, decimal=profile.decimal)
            for amount in (each.nbytes, each.enough_bytes)
        )
        yield Notice(
            fact=f"{each.name} was made from {each.scale} of {each.pyramid} ({read}), though its"
            f" pixels are {each.ratio:.1f} times as long",
            advice=f'Make it from {each.pyramid}["{each.enough}"] ({enough})',
        )


def _shape_of_chunks(each: Element) -> Iterator[Notice]:
    if each.unevenness >= _UNEVEN:
        yield Notice(
            fact=f"Chunks of {each.where} are uneven: the largest has {each.unevenness:.1f} times"
            " the pixels of the median one",
            advice="Give it chunks of one size, as .chunk() with one number for each axis does",
        )
    if each.reads >= _READS:
        yield Notice(
            fact=f"Chunks of {each.where} are not aligned with its store's: each of those is read"
            f" {each.reads:.1f} times on average",
            advice=f"Read it in multiples of {_written(each.store_chunks)} instead of"
            f" {_written(each.chunks)}",
        )


def _overhead(run: Run) -> float | None:
    """Return which fraction of the tasks' thread time was overhead; None if none was counted."""
    total = run.work.task_seconds
    work = sum(p.seconds for p in run.work.spans if p.context == EXECUTE and p.activity in _WORK)
    return 1 - work / total if total > 0 else None


def _stored_chunks(element: Element) -> int:
    """Return in how many chunks an element is stored; 0 where it is not known."""
    if not element.store_chunks:
        return 0
    return _count(element.shape, element.store_chunks)


def _as_stored(element: Element) -> Element:
    """Return an element with the chunks of its store."""
    factor = math.prod(element.store_chunks) / math.prod(element.chunks)
    return replace(
        element,
        chunks=element.store_chunks,
        chunk_count=_stored_chunks(element),
        chunk_bytes=round(element.chunk_bytes * factor),
    )


def _larger_chunks(element: Element, share: float, *, least: int) -> tuple[int, ...]:
    """Return chunks with which the overhead would be half of what is worth a word.

    They are no larger than that so many are left for the threads to share.
    """
    # Overhead is per task, work per pixel.
    factor = share / (1 - share) * (1 - _OVERHEAD / 2) / (_OVERHEAD / 2)
    factor = min(factor, _GOOD_BYTES / element.chunk_bytes)
    chunks = element.chunks
    # The last two axes are x and y: both are doubled as long as more pixels are worth it.
    while factor > 1 and chunks[-2:] != element.shape[-2:]:
        doubled = map(min, [2 * length for length in chunks[-2:]], element.shape[-2:])
        larger = (*chunks[:-2], *doubled)
        if _count(element.shape, larger) < least:
            break
        factor *= math.prod(chunks) / math.prod(larger)
        chunks = larger
    return chunks


def _make(element: Element) -> str:
    if element.line is None:
        return f"Store or read {element.name} in"
    return f"In line {element.line} make {element.name} of"


def _count(shape: tuple[int, ...], chunks: tuple[int, ...]) -> int:
    return math.prod(math.ceil(n / chunk) for n, chunk in zip(shape, chunks, strict=True))


def _written(chunks: tuple[int, ...]) -> str:
    return f"chunks=({', '.join(map(str, chunks))}{',' if len(chunks) == 1 else ''})"
