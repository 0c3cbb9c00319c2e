"""A cell whose value is lazy is told so, and computed as part of the run if that is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import dask.bag
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import spatialdata as sd
import xarray as xr
from anndata import AnnData
from conftest import wait_until
from distributed import Client
from images import image
from runs import MIB, sweep_of

from sdprofile.cluster.garbage import collect_garbage
from sdprofile.model.lazy import LazyValue
from sdprofile.results.profile import Profile
from sdprofile.spatial.lazy import compute_lazy, describe, lazy_parts


def blocks(size: int = 400) -> Any:
    return da.ones((size, size), chunks=size // 4)


def points() -> Any:
    frame = pd.DataFrame({"x": np.arange(8.0), "y": np.arange(8.0)})
    return sd.models.PointsModel.parse(dd.from_pandas(frame, npartitions=2))


def spatial_data() -> sd.SpatialData:
    table = AnnData(X=blocks(), layers={"raw": blocks()}, obsm={"pca": np.ones((400, 2))})
    return sd.SpatialData(
        images={"one": image(), "many": image(scale_factors=[2])},
        points={"few": points()},
        tables={"table": table},
    )


@pytest.mark.parametrize(
    ("make", "parts", "chunks"),
    [
        (blocks, 1, 16),
        (image, 1, 48),
        (lambda: image(scale_factors=[2]), 2, None),
        (points, 1, 2),
        (spatial_data, 6, None),
        (lambda: xr.Dataset({"a": (("y", "x"), blocks()), "b": ("x", [1] * 400)}), 1, 16),
        (lambda: xr.DataArray(np.ones(400), dims="x", coords={"t": ("x", blocks()[0])}), 1, 4),
        (lambda: [1, {"a": (blocks(), points())}, blocks()], 3, 34),
        (lambda: (blocks(),) * 3, 1, 16),
        (lambda: dask.bag.from_sequence([1, 2, 3], npartitions=3), 1, 3),
        (lambda: dask.delayed(abs)(-1), 1, 1),
        (lambda: xr.DataArray(np.ones(4)), 0, 0),
        (lambda: "text", 0, 0),
        (lambda: None, 0, 0),
    ],
)
def test_all_that_is_lazy_in_a_value_is_found(
    make: Callable[[], object], parts: int, chunks: int | None
) -> None:
    value = make()
    assert len(lazy_parts(value)) == parts
    found = describe(value)
    assert (found.parts if found else 0) == parts
    if chunks is not None:
        assert (found.chunks if found else 0) == chunks


def test_a_list_that_holds_itself_is_looked_through() -> None:
    value: list[Any] = [blocks()]
    value.append(value)
    assert len(lazy_parts(value)) == 1


def test_size_is_told_where_dask_knows_it() -> None:
    assert describe(blocks()) == LazyValue(kind="Array", parts=1, chunks=16, nbytes=1_280_000)
    unknown = blocks()[blocks() > 0]
    assert describe(unknown) == LazyValue(kind="Array", parts=1, chunks=16, nbytes=None)


@pytest.mark.parametrize("how", ["discard", "persist"])
@pytest.mark.parametrize("make", [spatial_data, points, lambda: dask.delayed(abs)(-1)])
def test_every_block_is_computed_and_nothing_stays(
    client: Client, make: Callable[[], object], how: str
) -> None:
    with client.as_current():
        compute_lazy(make(), how=how)
    collect_garbage()
    wait_until(lambda: not client.futures)


@pytest.mark.parametrize("how", ["discard", "persist"])
def test_each_item_of_a_bag_is_made_once(client: Client, tmp_path: Path, how: str) -> None:
    made = dask.bag.from_sequence(range(6), npartitions=3).map(
        lambda item: (tmp_path / f"{item}").touch(exist_ok=False)
    )
    with client.as_current():
        compute_lazy(made, how=how)
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize("how", ["discard", "persist"])
def test_each_block_is_made_once(client: Client, tmp_path: Path, how: str) -> None:
    log = tmp_path / "made"

    def noted(block: Any) -> Any:
        with log.open("a") as file:
            file.write("made\n")
        return block

    made = blocks().map_blocks(noted, meta=np.ones((0, 0)))
    with client.as_current():
        compute_lazy([made, {"smaller": made[:200] + 1}, made.sum()], how=how)
    assert log.read_text().count("made") == 16


def profile_of(work: Callable[[], object], **options: Any) -> Profile:
    sweep = sweep_of(work, **{"workers": "1", "repeats": 1, **options})
    for _ in sweep:
        pass
    return sweep.profile()


def facts(profile: Profile) -> list[str]:
    return [notice.fact for notice in profile.notices]


def test_a_lazy_cell_that_ran_no_task_is_told_so(client: Client) -> None:
    profile = profile_of(image)
    assert facts(profile)[0] == (
        "No task ran: the cell's value is lazy (DataArray, 3.84 MB in 48 chunks)"
    )
    assert profile.runs[0].work.tasks == 0


@pytest.mark.parametrize("how", [True, "persist"])
def test_what_is_lazy_is_computed_if_asked(client: Client, how: object) -> None:
    profile = profile_of(image, compute=how)
    assert profile.runs[0].work.tasks >= 48
    assert "DataArray, 3.84 MB in 48 chunks" in facts(profile)[0]


def test_dropping_blocks_adds_no_task(client: Client) -> None:
    dropped = profile_of(image, compute=True).runs[0]
    fetched = profile_of(lambda: image().compute()).runs[0]
    assert dropped.work.tasks == fetched.work.tasks


def test_a_value_that_is_not_lazy_is_told(client: Client) -> None:
    profile = profile_of(lambda: image().compute(), compute=True)
    assert facts(profile)[0].startswith("--compute had nothing to do")


def test_an_error_in_a_task_is_the_cells_own(client: Client) -> None:
    def broken(block: Any) -> Any:
        raise LookupError("mine")

    for how in ("discard", "persist"):
        lazy = blocks().map_blocks(broken, meta=np.ones((0, 0)))
        with pytest.raises(LookupError, match="mine"):
            profile_of(lambda lazy=lazy: lazy, compute=how)


def test_discarding_needs_less_memory_than_keeping(client: Client) -> None:
    def work() -> Any:
        return da.ones((8, 40 * MIB // 8), chunks=(1, -1)).map_blocks(lambda block: block + 1)

    dropped, kept = (
        profile_of(work, compute=how).runs[0].peak_worker for how in ("discard", "persist")
    )
    assert dropped is not None
    assert kept is not None
    assert kept - dropped > 200 * MIB
