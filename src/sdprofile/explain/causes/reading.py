"""Chunks of a store that are read more often than they are needed."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import TYPE_CHECKING

from sdprofile.explain.causes.chunks import written
from sdprofile.explain.causes.found import LEAST_GAIN, Found, range_of
from sdprofile.explain.causes.seen import Seen
from sdprofile.units import format_bytes

if TYPE_CHECKING:
    from sdprofile.model.disk import StoreReads

_OFTEN = 1.5
"""How often a chunk may be read, on average."""

_MUCH = 10_000_000
"""Bytes that may be decompressed in vain."""

_LEAST = 0.5
"""Fraction of the time of needless reading that is saved at least: larger pieces take longer, too,
and what is read again may still be in memory."""

_PARTS_OF_PATH = 3


def reads_again(seen: Seen) -> Found | None:
    """Return that chunks of a zarr array are read several times; None where none are."""
    found = [each for each in reads_of(seen) if is_often(each)]
    if not found:
        return None
    worst = max(found, key=lambda each: (each.seconds * _saved(each), each.nbytes))
    cuts = is_cut(worst)
    if not cuts and seen.run.steps.recomputed is not None:
        return None  # which is told with what else is made anew
    share = worst.seconds * _saved(worst) / (seen.threads * seen.run.seconds)
    gain = range_of(_LEAST * share, share)
    nbytes, needed = (
        format_bytes(each, decimal=seen.profile.decimal)
        for each in (worst.nbytes, worst.needed_bytes)
    )
    why = "by pieces that cut them" if cuts else "by the same tasks again"
    elements = {each.store: each.name for each in seen.profile.elements}
    name = elements.get(worst.array) or short_path(worst.array)
    return seen.found(
        "reading again",
        share=share,
        fact=f"each chunk of {name} is read {worst.amplification:.1f} times, {why}:"
        f" {nbytes} instead of {needed}" + (f" ({seen.place(worst.prefix)})" * bool(worst.prefix)),
        change=_larger_pieces(seen, worst, name)
        if cuts
        else "compute what is made of it at once, dask.compute(a, b), or keep it with .persist()",
        gain=gain if gain[0] >= LEAST_GAIN else None,
    )


def reads_of(seen: Seen) -> tuple[StoreReads, ...]:
    """Return what a run read of zarr arrays, or another like it where that was not counted."""
    same = (run for run in seen.profile.runs if run.setting == seen.run.setting)
    return next((run.disk.stores for run in (seen.run, *same) if run.disk.stores), ())


def short_path(path: str) -> str:
    """Return the end of a path, which is enough to tell an array.

    Examples
    --------
    >>> short_path("/data/sample.zarr/images/he/0")
    '.../images/he/0'
    """
    parts = PurePath(path).parts
    if len(parts) <= _PARTS_OF_PATH:
        return path
    return f".../{'/'.join(parts[-_PARTS_OF_PATH:])}"


def is_often(reads: StoreReads) -> bool:
    """Whether chunks were read so often, and so many bytes for nothing, that it is worth a word."""
    return reads.amplification > _OFTEN and reads.nbytes - reads.needed_bytes >= _MUCH


def is_cut(reads: StoreReads) -> bool:
    """Whether it is more for pieces that cut chunks than for those that are read several times."""
    return reads.cut**2 >= reads.amplification


def _saved(reads: StoreReads) -> float:
    """Return which fraction of the reading the change saves."""
    return 1 - 1 / reads.cut if is_cut(reads) else 1 - reads.once / reads.reads


def _larger_pieces(seen: Seen, reads: StoreReads, name: str) -> str:
    """Return how to read whole chunks; where these are too few for the threads, to write others."""
    axes = tuple(zip(reads.pieces, reads.chunks, reads.shape, strict=True))
    whole = tuple(
        min(chunk * math.ceil(piece / chunk), length) if chunk else piece
        for piece, chunk, length in axes
    )
    parts = math.prod(
        math.ceil(length / each) if each else 1
        for each, length in zip(whole, reads.shape, strict=True)
    )
    most = max(run.all_threads for run in seen.profile.runs)
    if parts < most:
        return f"write {name} again in {written(reads.pieces)} instead of {written(reads.chunks)}"
    those = f"multiples of the store's {reads.chunks}"
    return (
        f"read {name} with {written(whole)} instead of {written(reads.pieces)}:"
        f" {'the chunks of the store, or multiples of them' if whole == reads.chunks else those}"
    )
