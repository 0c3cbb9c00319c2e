"""What is made from a finer scale than it shows is found, and nothing else."""

from __future__ import annotations

from typing import Any

import dask.array as da
import pytest
import spatialdata as sd
from spatialdata.models import Image2DModel
from spatialdata.transformations import MapAxis, set_transformation

from sdprofile.model.elements import FinerThanNeeded
from sdprofile.spatial.pyramids import finer_than_needed


def pyramid() -> Any:
    pixels = da.ones((1, 800, 800), chunks=(1, 200, 200))
    return Image2DModel.parse(pixels, dims="cyx", scale_factors=[2, 2])


def rasterized(image: Any, pixels: float) -> Any:
    return sd.rasterize(
        image,
        axes=("x", "y"),
        min_coordinate=[0, 0],
        max_coordinate=[800, 800],
        target_coordinate_system="global",
        target_unit_to_pixels=pixels,
    )


@pytest.mark.parametrize(
    ("scale", "pixels", "enough"),
    [
        ("scale0", 0.25, "scale2"),
        ("scale0", 0.3, "scale1"),
        ("scale1", 0.1, "scale2"),
        ("scale1", 0.25, None),
        ("scale0", 0.125, "scale2"),
        ("scale0", 1.0, None),
        ("scale0", 0.6, None),
        ("scale2", 0.1, None),
    ],
)
def test_pixels_are_held_against_those_of_the_scales(
    scale: str, pixels: float, enough: str | None
) -> None:
    tree = pyramid()
    made = rasterized(tree[scale]["image"], pixels)
    assert [each.enough for each in finer_than_needed({"tree": tree, "made": made})] == (
        [enough] if enough else []
    )


def test_what_is_told_of_it() -> None:
    tree = pyramid()
    made = rasterized(tree["scale0"]["image"], 0.25)
    assert list(finer_than_needed({"tree": tree, "made": made})) == [
        FinerThanNeeded(
            name="made",
            pyramid="tree",
            scale="scale0",
            nbytes=5_120_000,
            ratio=4.0,
            enough="scale2",
            enough_bytes=320_000,
        )
    ]


def test_pyramid_itself_chooses_its_scale_well() -> None:
    tree = pyramid()
    assert not list(finer_than_needed({"tree": tree, "made": rasterized(tree, 0.25)}))


def test_transformation_of_other_axes_is_not_compared() -> None:
    tree = pyramid()
    made = rasterized(tree["scale0"]["image"], 0.25)
    set_transformation(made, MapAxis({"x": "c", "c": "x"}), "global")
    assert not list(finer_than_needed({"tree": tree, "made": made}))
