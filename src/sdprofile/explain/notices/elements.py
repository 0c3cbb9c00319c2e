"""Chunks that cost more than they need to, and the line to change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.explain.causes.chunks import given_to, written
from sdprofile.explain.causes.reading import is_cut, is_often
from sdprofile.explain.notices.task_memory import most_crowded
from sdprofile.model.notice import Notice
from sdprofile.units import capitalized, format_bytes

if TYPE_CHECKING:
    from sdprofile.model.elements import Element
    from sdprofile.model.measured import Measured

_UNEVEN = 2.0
"""How many times the median chunk the largest may have."""

_READS = 1.1
"""How often a chunk of the store may be read, on average."""


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
    yield from _too_large(profile, rasters)
    yield from _finer_than_needed(profile)
    stores = (each for run in profile.runs for each in run.disk.stores)
    told = {each.array for each in stores if is_often(each) and is_cut(each)}
    for each in elements:
        yield from _shape_of_chunks(each, is_told=each.store in told)


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
        advice=f"{capitalized(given_to(largest))} smaller chunks than {written(largest.chunks)}"
        f" ({size}), or raise --memory{', or use fewer --threads' if crowd.together > 1 else ''}",
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


def _shape_of_chunks(each: Element, *, is_told: bool) -> Iterator[Notice]:
    if each.unevenness >= _UNEVEN:
        yield Notice(
            fact=f"Chunks of {each.where} are uneven: the largest has {each.unevenness:.1f} times"
            " the pixels of the median one",
            advice="Give it chunks of one size, as .chunk() with one number for each axis does",
        )
    if each.reads >= _READS and not is_told:  # by what holds the cell back
        yield Notice(
            fact=f"Chunks of {each.where} are not aligned with those of its store: each is read"
            f" {each.reads:.1f} times on average",
            advice=f"Read it in multiples of {written(each.store_chunks)} instead of"
            f" {written(each.chunks)}",
        )
