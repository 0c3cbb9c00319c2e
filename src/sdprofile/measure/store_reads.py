"""Counts the chunks of zarr arrays that are read in this process, piece by piece."""

from __future__ import annotations

import functools
import math
import numbers
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdprofile.model.disk import MOST_STORES, StoreReads
from sdprofile.spatial.elements import store_path

Bounds = tuple[tuple[int, int], ...]
"""Along each axis where a piece begins, and where it ends."""

_METHODS = ("get_basic_selection", "get_orthogonal_selection")
"""Of `zarr.Array`: through them goes all reading by slices, that of dask and xarray, too."""

_MOST_PIECES = 20_000
"""Unlike pieces of an array that are kept in a process, some 300 bytes each."""

_MOST_CHUNKS = 50_000_000
"""Chunks of an array from which they are not counted."""


@dataclass
class ArrayReads:
    """What one process read of an array."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    itemsize: int
    seconds: float = 0.0
    prefixes: Counter[str] = field(default_factory=Counter)
    pieces: Counter[Bounds] = field(default_factory=Counter)
    overflowed: bool = False
    """Whether there were too many pieces to count."""


class StoreCounter:
    """Stands in for zarr's methods that read, from `start` to `stop`.

    Notes
    -----
    Zarr reads each chunk that a piece touches once for that piece, and keeps none of them. So the
    pieces tell which chunks were read, whatever the store is and whoever reads it; of shards these
    are the chunks within. Chunks that are not there, for they hold nothing but the fill value,
    count too. Pieces that are lists of indices or masks, steps that are longer than a chunk, and
    arrays with chunks of several lengths are not counted, nor is what is read past `zarr.Array`.
    """

    def __init__(self, prefix: Callable[[], str]) -> None:
        """Prepare; `prefix` gives that of the task that the thread runs which asks."""
        self._prefix = prefix
        self._found: dict[str, ArrayReads] = {}
        self._lock = threading.Lock()
        self._before: list[tuple[str, Any]] = []

    def start(self) -> None:
        """Begin to count, if zarr is loaded here."""
        kind: Any = getattr(sys.modules.get("zarr"), "Array", None)
        for name in _METHODS if kind is not None else ():
            select = getattr(kind, name, None)
            if select is not None:
                self._before.append((name, select))
                setattr(kind, name, self._counted(select))

    def stop(self) -> dict[str, ArrayReads]:
        """Put the methods back; return what was read, by array."""
        for name, select in self._before:
            setattr(sys.modules["zarr"].Array, name, select)
        self._before.clear()
        return self._found

    def _counted(self, select: Any) -> Any:
        @functools.wraps(select)
        def read(array: Any, selection: Any = ..., **options: Any) -> Any:
            began = time.perf_counter()
            value = select(array, selection, **options)
            self._note(array, selection, time.perf_counter() - began)
            return value

        return read

    def _note(self, array: Any, selection: Any, seconds: float) -> None:
        try:
            chunks = array.chunks
        except NotImplementedError:  # they are of several lengths
            return
        shape = array.shape
        bounds = bounds_of(selection, shape, chunks)
        if bounds is None:
            return
        path, prefix = store_path(array), self._prefix()
        with self._lock:
            found = self._found.get(path)
            if found is None:
                found = self._found[path] = ArrayReads(shape, chunks, array.dtype.itemsize)
            found.seconds += seconds
            found.prefixes[prefix] += 1
            if bounds in found.pieces or len(found.pieces) < _MOST_PIECES:
                found.pieces[bounds] += 1
            else:
                found.overflowed = True


def bounds_of(selection: Any, shape: Sequence[int], chunks: Sequence[int]) -> Bounds | None:
    """Return the bounds of a piece of an array.

    Parameters
    ----------
    selection
        What was asked for, as in square brackets.
    shape, chunks
        Length of each axis, and of the chunks along it.

    Returns
    -------
    tuple or None
        None where it is no piece that touches all chunks between its bounds.

    Examples
    --------
    >>> bounds_of((0, ..., slice(5, 20)), (3, 10, 10), (1, 5, 5))
    ((0, 1), (0, 10), (5, 10))
    """
    items = list(selection) if isinstance(selection, tuple) else [selection]
    dots = [place for place, each in enumerate(items) if each is ...]
    missing = [slice(None)] * (len(shape) - len(items) + len(dots))
    place = dots[0] if dots else len(items)
    items[place : place + len(dots)] = missing
    if len(items) != len(shape):
        return None
    found = [_along(*each) for each in zip(items, shape, chunks, strict=True)]
    known = tuple(each for each in found if each is not None)
    return known if len(known) == len(found) else None


def _along(item: Any, length: int, chunk: int) -> tuple[int, int] | None:
    if isinstance(item, slice):
        start, stop, step = item.indices(length)
        return (start, max(start, stop)) if 0 < step <= max(1, chunk) else None
    if isinstance(item, numbers.Integral):
        index = int(item) + (length if item < 0 else 0)
        return index, index + 1
    return None


def store_reads(processes: Iterable[dict[str, ArrayReads]]) -> tuple[StoreReads, ...]:
    """Return what several processes read together, the arrays with most bytes first.

    Parameters
    ----------
    processes
        What each has counted.
    """
    merged: dict[str, ArrayReads] = {}
    for arrays in processes:
        for path, more in arrays.items():
            known = merged.setdefault(path, ArrayReads(more.shape, more.chunks, more.itemsize))
            known.seconds += more.seconds
            known.prefixes += more.prefixes
            known.pieces += more.pieces
            # One that has changed meanwhile is two arrays.
            known.overflowed |= more.overflowed or known.shape != more.shape
    found = (_of_array(path, reads) for path, reads in merged.items())
    known_reads = [each for each in found if each is not None]
    return tuple(sorted(known_reads, key=lambda each: (-each.nbytes, each.array))[:MOST_STORES])


def _of_array(path: str, found: ArrayReads) -> StoreReads | None:
    """Return the chunks that the pieces of an array touch; None where they are not known."""
    import numpy as np

    grid = [
        math.ceil(n / max(1, chunk)) for n, chunk in zip(found.shape, found.chunks, strict=True)
    ]
    if found.overflowed or math.prod(grid) > _MOST_CHUNKS:
        return None
    touched = np.zeros(grid, dtype=bool)
    lengths: Counter[tuple[int, ...]] = Counter()
    once = reads = 0
    for bounds, times in found.pieces.items():
        place = tuple(
            slice(start // max(1, chunk), math.ceil(stop / max(1, chunk)) if stop > start else 0)
            for (start, stop), chunk in zip(bounds, found.chunks, strict=True)
        )
        touched[place] = True
        size = int(touched[place].size)
        once += size
        reads += size * times
        lengths[tuple(stop - start for start, stop in bounds)] += times
    if not once:
        return None
    return StoreReads(
        array=path,
        prefix=found.prefixes.most_common(1)[0][0],
        shape=found.shape,
        chunks=found.chunks,
        pieces=max(lengths, key=lambda each: (lengths[each], each)),
        chunk_bytes=math.prod(found.chunks) * found.itemsize,
        needed=int(np.count_nonzero(touched)),
        once=once,
        reads=reads,
        seconds=found.seconds,
    )
