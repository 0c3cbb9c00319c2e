"""Which chunks the pieces touch that are read of an array."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from sdprofile.measure import store_reads
from sdprofile.measure.store_reads import ArrayReads, StoreCounter, bounds_of
from sdprofile.model.disk import StoreReads


def read_of(pieces: Counter[Any], shape: tuple[int, ...], chunks: tuple[int, ...]) -> StoreReads:
    found = ArrayReads(shape, chunks, 1, pieces=pieces, prefixes=Counter(a=1))
    [reads] = store_reads.store_reads([{"array": found}])
    return reads


@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    chunks=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    pieces=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_chunks_are_those_that_hold_a_pixel_of_the_piece(
    shape: tuple[int, int], chunks: tuple[int, int], pieces: tuple[int, int]
) -> None:
    starts = [range(0, n, piece) for n, piece in zip(shape, pieces, strict=True)]
    every = Counter[Any]()
    touched = Counter[tuple[int, ...]]()
    for start in itertools.product(*starts):
        ends = [min(s + p, n) for s, p, n in zip(start, pieces, shape, strict=True)]
        every[tuple(zip(start, ends, strict=True))] += 1
        pixels = itertools.product(*map(range, start, ends))
        touched.update({(y // chunks[0], x // chunks[1]) for y, x in pixels})

    found = read_of(every, shape, chunks)

    assert found.needed == len(touched)
    assert found.reads == found.once == touched.total()
    assert found.chunk_bytes == math.prod(chunks)


@pytest.mark.parametrize(
    ("selection", "bounds"),
    [
        (..., ((0, 3), (0, 10))),
        (1, ((1, 2), (0, 10))),
        (np.int64(-1), ((2, 3), (0, 10))),
        ((slice(None), slice(2, 7)), ((0, 3), (2, 7))),
        ((slice(1, 1),), ((1, 1), (0, 10))),
        ((..., slice(0, 10, 5)), ((0, 3), (0, 10))),
        ((..., slice(0, 10, 6)), None),  # it may leave out whole chunks
        ((slice(None), [1, 2]), None),
        (np.array([True, False, True]), None),
        ((0, 0, 0), None),
    ],
)
def test_bounds_of_what_was_asked_for(selection: object, bounds: object) -> None:
    assert bounds_of(selection, (3, 10), (1, 5)) == bounds


def test_pieces_are_counted_by_whoever_reads_them(tmp_path: Path) -> None:
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(8, 8), chunks=(2, 2), shards=(4, 4), dtype="int16"
    )
    array[...] = 1
    before = zarr.Array.get_basic_selection
    counter = StoreCounter(lambda: "prefix")
    counter.start()
    try:
        assert array[0:4, 0:4].sum() == 16
        assert array[0:4, 0:4].sum() == 16
        assert array.get_basic_selection(selection=(slice(1, 3), 0)).sum() == 2
        assert array.oindex[[0], :].sum() == 8  # a list is not counted
        assert array.read_only is False
    finally:
        found = counter.stop()

    assert zarr.Array.get_basic_selection is before
    [reads] = store_reads.store_reads([found, found])
    assert (reads.array, reads.prefix, reads.chunks) == (str(tmp_path / "a.zarr"), "prefix", (2, 2))
    assert (reads.needed, reads.once, reads.reads) == (4, 4 + 2, 2 * (4 + 4 + 2))
    assert reads.pieces == (4, 4)
    assert reads.nbytes == 20 * 4 * 2
    assert reads.needed_bytes == 4 * 4 * 2


def test_an_array_with_too_many_pieces_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_reads, "_MOST_PIECES", 2)
    array = zarr.ones(shape=(4,), chunks=(1,))
    counter = StoreCounter(str)
    counter.start()
    try:
        assert [array[place] for place in range(4)] == [1.0] * 4
    finally:
        found = counter.stop()
    assert store_reads.store_reads([found]) == ()


def test_nothing_is_counted_where_nothing_was_asked_for() -> None:
    found = ArrayReads((4,), (2,), 1, pieces=Counter({((1, 1),): 3}), prefixes=Counter(a=3))
    assert store_reads.store_reads([{"array": found}]) == ()
