"""Better chunks for the elements that a cell works on, with the line to change."""

from __future__ import annotations

import pytest
from profiles import make_element

from sdprofile.explain.causes.chunks import larger_chunks
from sdprofile.model.elements import Element


def better(*elements: Element, factor: float = 9.0, least: int = 1) -> str | None:
    return larger_chunks(elements, factor, least=least, decimal=True)


def test_chunks_are_told_with_the_line_that_makes_them() -> None:
    assert better(make_element()) == (
        "in line 2 give image chunks=(1, 400, 400) instead of chunks=(1, 100, 100) (80.0 kB):"
        " 27 chunks instead of 300"
    )


def test_element_of_another_cell_has_no_line() -> None:
    text = better(make_element('data["image"]', line=None))
    assert text is not None
    assert text.startswith('store or read data["image"] in chunks=(1, 400, 400) instead')


@pytest.mark.parametrize("chunks", [(1, 100, 100), (1, 500, 500)])
def test_small_chunks_of_a_store_are_told_also_where_they_are_put_together(
    chunks: tuple[int, ...],
) -> None:
    read = make_element(
        chunks=chunks,
        chunk_count=3 * (1000 // chunks[1]) ** 2,
        chunk_bytes=8 * chunks[1] ** 2,
        store_chunks=(1, 100, 100),
    )
    assert better(read) == (
        "write the store of image (line 2) in chunks=(1, 400, 400) instead of"
        " chunks=(1, 100, 100) (80.0 kB): 27 chunks instead of 300"
    )


def test_chunks_that_are_smaller_than_those_of_the_store_are_told() -> None:
    text = better(make_element(store_chunks=(1, 200, 200)))
    assert text is not None
    assert text.startswith("in line 2 give image chunks=(1, 400, 400)")


def test_larger_chunks_are_multiples_of_those_of_the_store() -> None:
    read = make_element(store_chunks=(1, 300, 300))  # read in chunks of 100 x 100
    text = better(read)
    assert text is not None
    assert "give image chunks=(1, 600, 600) instead of chunks=(1, 100, 100)" in text


def test_better_chunks_do_not_pass_the_image() -> None:
    text = better(make_element(shape=(6, 150, 1000)), factor=900.0)
    assert text is not None
    assert "chunks=(1, 150, 1000)" in text


@pytest.mark.parametrize(
    ("least", "said"),
    [
        (24, "in line 2 give image chunks=(1, 400, 400) instead of"),
        (28, "in line 2 give image chunks=(1, 200, 200) instead of"),
        (72, "in line 2 give image chunks=(1, 200, 200) instead of"),
    ],
)
def test_enough_chunks_are_left_for_all_threads(least: int, said: str) -> None:
    text = better(make_element(), least=least)
    assert text is not None
    assert text.startswith(said)


def test_where_too_few_would_be_left_there_is_nothing_to_change() -> None:
    assert better(make_element(), least=76) is None


@pytest.mark.parametrize(
    "elements",
    [
        (),
        (make_element(chunk_bytes=30_000_000),),
        (make_element(kind="Points", chunks=()),),
    ],
)
def test_no_chunks_to_make_larger(elements: tuple[Element, ...]) -> None:
    assert better(*elements) is None
