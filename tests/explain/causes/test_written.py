"""How a cell says into how many parts its data are cut, and how to say it otherwise."""

from __future__ import annotations

import pytest

from sdprofile.explain.causes.written import resized
from sdprofile.model.disk import StoreReads
from sdprofile.model.elements import Partitioned


@pytest.mark.parametrize(
    ("code", "factor", "said"),
    [
        (
            "da.ones((5000, 5000), chunks=(100, 100)).sum()",
            100.0,
            "use chunks=(1000, 1000) instead of (100, 100) in da.ones",
        ),
        (
            "x = da.random.random((3, 4000, 4000), chunks=(1, 250, 250))",
            4.0,
            "use chunks=(1, 500, 500) instead of (1, 250, 250) in da.random.random",
        ),
        ("da.ones(10**6, chunks=1000)", 9.0, "use chunks=9000 instead of 1000 in da.ones"),
        (
            "da.ones((4500, 4500), chunks=-1).sum()",
            0.125,
            "use chunks=1600 instead of -1 in da.ones",
        ),
        (
            "da.ones(shape=(3, 4000, 4000), chunks=(1, -1, -1))",
            0.125,
            "use chunks=(1, 1400, 1400) instead of (1, -1, -1) in da.ones",
        ),
        (
            "da.ones((8000, 8000), chunks=(400, 8000))",
            4.0,
            "use chunks=(1600, 8000) instead of (400, 8000) in da.ones",
        ),
        ("x.rechunk(-1).sum()", 0.5, "make chunks at least 2 times smaller, where they are made"),
        (
            "x.map_blocks(f).rechunk((10, 10)).sum()",
            16.0,
            "use chunks=(40, 40) instead of (10, 10) in .rechunk",
        ),
        (
            "ds.chunk({'y': 100, 'x': 100, 't': 1})",
            16.0,
            "use chunks={'y': 400, 'x': 400, 't': 1} instead of {'y': 100, 'x': 100, 't': 1} in",
        ),
        (
            "n = 2 * 400\ndd.from_pandas(frame, n)",
            100.0,
            "use npartitions=8 instead of n in dd.from_pandas",
        ),
        (
            "db.from_sequence(reads, partition_size=1).map(f).sum()",
            150.0,
            "use partition_size=150 instead of 1 in db.from_sequence",
        ),
        (
            "db.read_text(files).map(f).sum()",
            9.0,
            "make partitions about 9 times larger, by npartitions=... where the bag is made",
        ),
        ("da.ones((8000, 8000), chunks=8000)", 0.25, "use chunks=4000 instead of 8000 in da.ones"),
        (
            "db.from_sequence(range(2000), npartitions=1000).map(f)",
            50.0,
            "use npartitions=20 instead of 1000 in db.from_sequence",
        ),
        (
            "dask.compute(*[delayed(f)(i) for i in range(9)])",
            20.0,
            "give each call a batch of about 20 inputs, delayed(lambda batch: [f(each) for each in"
            " batch])(batch)",
        ),
        (
            "futures = client.map(f, range(900))",
            20.0,
            "give each call a batch of about 20 inputs, client.map(lambda batch: [f(each) for each",
        ),
        ("client.map(g, range(3))", 0.5, "make what each task does at least 2 times smaller, so"),
        (
            "frame.map_partitions(f).compute()",
            8.0,
            "make partitions about 8 times larger, by df.repartition(npartitions=...)",
        ),
        (
            "image.map_blocks(f).compute()",
            0.5,
            "make chunks at least 2 times smaller, where they are made or by .rechunk(...)",
        ),
        ("%time x.sum()", 3.0, "make chunks about 3 times larger, where they are made or by"),
        ('da.ones(9, chunks="auto")', 3.0, "make chunks about 3 times larger, where they are made"),
    ],
)
def test_the_change_is_the_code_of_the_cell_where_it_has_a_number(
    code: str, factor: float, said: str
) -> None:
    assert resized(code, factor, prefix="f").startswith(said)


@pytest.mark.parametrize(
    ("collection", "factor", "said"),
    [
        (
            Partitioned(name="x", kind="frame", parts=100),
            25.0,
            "use npartitions=4 instead of 100 where x is made, or x = x.repartition(npartitions=4)",
        ),
        (
            Partitioned(name="x", kind="array", parts=100, chunks=(1, 50, 50), shape=(1, 500, 500)),
            4.0,
            "use chunks=(1, 100, 100) instead of (1, 50, 50) where x is made",
        ),
        (
            Partitioned(
                name="x",
                kind="array",
                parts=100,
                chunks=(100, 100),
                shape=(1000, 1000),
                dims=("y", "x"),
            ),
            0.25,
            "use chunks={'y': 50, 'x': 50} instead of {'y': 100, 'x': 100} where x is made, or"
            " x = x.chunk({'y': 50, 'x': 50})",
        ),
    ],
)
def test_a_collection_from_before_is_told_with_its_name(
    collection: Partitioned, factor: float, said: str
) -> None:
    other = Partitioned(name="other", kind="bag", parts=7)
    both = (collection, other)
    assert resized("x.sum().compute()", factor, parts=100, collections=both) == said
    assert "x is made" not in resized("x.sum().compute()", factor, parts=50, collections=both)


SEVERAL = """
b = da.from_zarr("b.zarr", chunks=(512, 512))
for _ in range(2):
    b.sum().compute()
first = da.from_zarr("a.zarr", chunks=(300, 300))
a = first + 1
a.mean().compute()
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("b.sum().compute()", "use chunks=(1024, 1024) instead of (512, 512) in da.from_zarr"),
        ("a.mean().compute()", "use chunks=(512, 512) instead of (300, 300) in da.from_zarr"),
    ],
)
def test_chunks_are_those_of_the_array_of_the_line_and_multiples_of_the_stores(
    line: str, said: str
) -> None:
    stores = [
        StoreReads(
            array=f"{name}.zarr",
            shape=(2048, 2048),
            chunks=(512, 512),
            pieces=pieces,
            chunk_bytes=2**21,
            needed=16,
            once=16,
            reads=100,
            seconds=1.0,
        )
        for name, pieces in (("a", (300, 300)), ("b", (512, 512)))
    ]
    assert resized(SEVERAL, 3.5, line=line, stores=stores) == said


def test_an_array_that_is_not_of_the_line_is_left_as_it_is() -> None:
    other = Partitioned(name="b", kind="array", parts=16, chunks=(9, 9), shape=(36, 36))
    code = "b = da.ones(9, chunks=3)\nc.sum().compute()"
    said = resized(code, 2.0, parts=16, collections=(other,), line="c.sum().compute()")
    assert said == "make chunks about 2 times larger, where they are made or by .rechunk(...)"
