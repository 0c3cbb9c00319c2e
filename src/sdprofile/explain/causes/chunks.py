"""Better chunks for the elements that a cell works on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from sdprofile.model.disk import StoreReads
from sdprofile.model.elements import Element
from sdprofile.units import format_bytes, plural

_GOOD_BYTES = 100_000_000
"""Bytes that a chunk may have, as dask recommends
(https://docs.dask.org/en/stable/array-chunks.html)."""


def larger_chunks(
    elements: Sequence[Element], factor: float, *, least: int, decimal: bool
) -> str | None:
    """Return how to give the element with the most chunks larger ones.

    Parameters
    ----------
    elements
        What the cell works on.
    factor
        How many times as many pixels a chunk is to have.
    least
        Chunks that are to be left, for the threads to share.
    decimal
        Whether sizes are given in powers of 1000.

    Returns
    -------
    str or None
        A clause in the imperative; None where no element is of small chunks, or too few would be
        left of them.
    """
    rasters = [each for each in elements if each.chunks]
    if not rasters:
        return None
    worked_on = max(rasters, key=lambda each: max(each.chunk_count, _stored_chunks(each)))
    is_stored = _stored_chunks(worked_on) >= worked_on.chunk_count
    smallest = _as_stored(worked_on) if is_stored else worked_on
    if smallest.chunk_bytes > _GOOD_BYTES / 4:
        return None
    better = _larger(smallest, factor, least=least)
    size = format_bytes(smallest.chunk_bytes, decimal=decimal)
    now = f"{written(smallest.chunks)} ({size})"
    if better == smallest.chunks:
        return None
    make = f"write the store of {smallest.where} in" if is_stored else given_to(smallest)
    count = plural(_count(smallest.shape, better), "chunk")
    return f"{make} {written(better)} instead of {now}: {count} instead of {smallest.chunk_count}"


def given_to(element: Element) -> str:
    """Return where chunks of an element are chosen: a clause that ends before them."""
    if element.line is None:
        return f"store or read {element.name} in"
    return f"in line {element.line} give {element.name}"


def written(chunks: tuple[int, ...]) -> str:
    """Return chunks as code."""
    return f"chunks=({', '.join(map(str, chunks))}{',' if len(chunks) == 1 else ''})"


def scaled(
    lengths: tuple[object, ...], shape: tuple[object, ...], factor: float
) -> tuple[int, ...]:
    """Return lengths that make chunks so many times as large; empty where they are not known."""
    whole = shape if len(shape) == len(lengths) else (0,) * len(lengths)
    every = [
        most if each in (-1, None) else each for each, most in zip(lengths, whole, strict=True)
    ]
    if not every or not all(isinstance(each, int) and each > 0 for each in every):
        return ()
    numbers = [each for each in every if isinstance(each, int)]
    axes = [axis for axis, length in enumerate(numbers) if length > 1] or [len(numbers) - 1]
    new = list(numbers)
    while axes:
        along = factor ** (1 / len(axes))
        ends = [
            (axis, most)
            for axis, most in enumerate(whole)
            if axis in axes and isinstance(most, int) and 0 < most < numbers[axis] * along
        ]
        if not ends:
            break
        for axis, most in ends:  # the other axes take what this one cannot
            new[axis], factor = most, factor * numbers[axis] / most
            axes.remove(axis)
    for axis in axes:
        new[axis] = max(1, _round(numbers[axis] * along))
    return tuple(new)


def of_stores(
    lengths: tuple[int, ...], now: tuple[object, ...], stores: Sequence[StoreReads]
) -> tuple[int, ...]:
    """Return lengths as multiples of the chunks of the stores that are read in pieces as now."""
    read = [each.chunks for each in stores if each.pieces == now]
    if not lengths or not read:
        return lengths
    whole = [math.lcm(*each) or 1 for each in zip(*read, strict=True)]
    return tuple(
        chunk * max(1, round(length / chunk)) for length, chunk in zip(lengths, whole, strict=True)
    )


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


def _larger(element: Element, factor: float, *, least: int) -> tuple[int, ...]:
    """Return chunks of so many times the pixels, or less where too few would be left."""
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
    if not element.store_chunks or chunks == element.chunks:
        return chunks
    return tuple(
        min(stored * math.ceil(length / stored), whole) if stored else length
        for length, stored, whole in zip(chunks, element.store_chunks, element.shape, strict=True)
    )


def _count(shape: tuple[int, ...], chunks: tuple[int, ...]) -> int:
    return math.prod(math.ceil(n / chunk) for n, chunk in zip(shape, chunks, strict=True))


def _round(length: float) -> int:
    """Return a length with two digits that are not zero."""
    digits = max(0, math.floor(math.log10(max(length, 1))) - 1)
    return int(round(length, -digits))
