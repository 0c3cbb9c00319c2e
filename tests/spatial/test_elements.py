"""What a cell works on is described as it is, and nothing is computed for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import dask.dataframe as dd
import geopandas
import numpy as np
import pandas as pd
import pytest
import spatialdata as sd
from anndata import AnnData
from shapely import Point
from spatialdata.models import Image2DModel, Labels3DModel, PointsModel, ShapesModel, TableModel

from sdprofile.model.elements import Element
from sdprofile.spatial.elements import Elements
from sdprofile.spatial.scope import Scope


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("something was computed")


def image(size: int = 400, chunk: int = 100, **how: Any) -> Any:
    pixels = da.ones((3, size, size), chunks=(1, chunk, chunk), dtype="uint16")
    return Image2DModel.parse(pixels, dims="cyx", **how)


def elements(source: str, layers: set[str] | None = None, **names: object) -> list[Element]:
    scope = Scope([compile(source, "cell", "exec")], names)
    with dask.config.set(scheduler=refuse):
        return list(Elements(scope, None).reading(layers, lazy=None).elements)


def test_an_image_in_numbers() -> None:
    [found] = elements("\none = two", one=image())
    assert found == Element(
        name="one",
        kind="Image2D",
        line=2,
        shape=(3, 400, 400),
        dtype="uint16",
        nbytes=960_000,
        chunks=(1, 100, 100),
        chunk_count=48,
        chunk_bytes=20_000,
    )
    assert found.where == "one (line 2)"


def points() -> Any:
    frame = pd.DataFrame({"x": np.arange(8.0), "y": np.arange(8.0)})
    return PointsModel.parse(dd.from_pandas(frame, npartitions=2))


def shapes() -> Any:
    frame = geopandas.GeoDataFrame({"radius": [1.0, 1.0]}, geometry=[Point(0, 0), Point(1, 1)])
    return ShapesModel.parse(frame)


def table() -> Any:
    data = AnnData(np.ones((2, 3)), obs=pd.DataFrame({"region": ["one"] * 2, "id": [0, 1]}))
    data.obs["region"] = data.obs["region"].astype("category")
    return TableModel.parse(data, region="one", region_key="region", instance_key="id")


def labels() -> Any:
    return Labels3DModel.parse(da.ones((4, 50, 50), chunks=25, dtype=int), dims="zyx")


@pytest.mark.filterwarnings("ignore:.*infer_string")  # of what anndata asks pandas
@pytest.mark.filterwarnings("ignore:Transforming to str index")
@pytest.mark.filterwarnings("ignore:Call to deprecated class Scaler")  # of an import by spatialdata
@pytest.mark.parametrize(
    ("make", "kind", "shape", "chunks"),
    [
        (labels, "Labels3D", (4, 50, 50), 4),
        (points, "Points", (), 2),
        (shapes, "Shapes", (2, 2), 0),
        (table, "Table", (2, 3), 0),
    ],
)
def test_other_kinds(
    make: Callable[[], Any], kind: str, shape: tuple[int, ...], chunks: int
) -> None:
    [found] = elements("one", one=make())
    assert (found.kind, found.shape, found.chunk_count) == (kind, shape, chunks)


def test_what_is_no_element_is_not_listed() -> None:
    frame = pd.DataFrame({"attrs": [1]})
    other = {
        "array": da.ones(3),
        "frame": frame,
        "number": 1,
        "bare": image().drop_attrs(),
        "lazy": dd.from_pandas(frame, npartitions=1),
    }
    assert elements("array, frame, number, bare, lazy", **other) == []


def test_a_single_value_made_of_an_image_is_not_listed() -> None:
    for dims in (None, ["y", "x"]):
        mean = image().mean(dim=dims, keep_attrs=True)
        assert mean.attrs["transform"]
        assert elements("mean", mean=mean) == []


def test_of_spatialdata_what_the_cell_names_or_else_what_was_worked_on() -> None:
    data = sd.SpatialData(images={"one": image(), "two": image(800)}, points={"few": points()})
    assert [each.name for each in elements("data['one']", data=data)] == ['data["one"]']
    layers = {data["two"].data.name}
    used = elements("for name in names: data[name]", layers, data=data)
    assert [each.name for each in used] == ['data["two"]', 'data["few"]']


def test_of_a_pyramid_the_largest_scale_that_was_read() -> None:
    tree = image(scale_factors=[2, 2])
    layers = {tree[scale]["image"].data.name for scale in ("scale1", "scale2")}
    [found] = elements("tree", layers, tree=tree)
    assert (found.scales, found.scale, found.shape) == (3, "scale1", (3, 200, 200))


def test_what_was_not_worked_on_is_left_out() -> None:
    one, two = image(), image(800)
    assert [each.name for each in elements("one, two", {two.data.name}, one=one, two=two)] == [
        "two"
    ]
    assert len(elements("one, two", None, one=one, two=two)) == 2


def test_value_of_the_cell_is_an_element_too() -> None:
    one = image()
    [found] = Elements(None, one).reading(None, lazy=None).elements
    assert found.where == "the cell's value"
    scope = Scope([compile("one", "cell", "exec")], {"one": one})
    [found] = Elements(scope, one).reading(None, lazy=None).elements
    assert found.where == "one"


def test_uneven_chunks_are_counted() -> None:
    uneven = Image2DModel.parse(da.ones((1, 100, 130), chunks=((1,), (100,), (90, 10, 10, 10, 10))))
    [found] = elements("one", one=uneven)
    assert found.unevenness == 9.0
    rest = Image2DModel.parse(da.ones((1, 100, 130), chunks=(1, 100, 120)))
    [found] = elements("one", one=rest)
    assert found.unevenness == 1.0
    [found] = elements("one", one=image())
    assert found.unevenness == 1.0


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "image.zarr"
    da.ones((1, 400, 400), chunks=(1, 100, 100)).to_zarr(path)
    return path


def read(path: Path, chunk: int) -> Any:
    return Image2DModel.parse(da.from_zarr(path, chunks=(1, chunk, chunk)), dims="cyx")


@pytest.mark.parametrize(("chunk", "reads"), [(100, 1.0), (200, 1.0), (150, 1.5625), (50, 4.0)])
def test_chunks_are_held_against_those_of_the_store(stored: Path, chunk: int, reads: float) -> None:
    [found] = elements("one", one=read(stored, chunk))
    assert found.store == str(stored)
    assert found.store_chunks == (1, 100, 100)
    assert found.reads == reads


def test_chunks_that_were_changed_after_reading_read_those_of_the_store_once(stored: Path) -> None:
    one = read(stored, 100)
    [found] = elements("one", one=one.chunk({"x": 150}))
    assert found.store == str(stored)
    assert (found.chunks, found.store_chunks, found.reads) == ((1, 100, 150), (1, 100, 100), 1.0)
