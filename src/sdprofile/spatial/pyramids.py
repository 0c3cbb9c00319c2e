"""Finds what was made from a finer scale of a pyramid than it shows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from sdprofile.model.elements import FinerThanNeeded
from sdprofile.spatial.loaded import data_of, is_a, is_dask_array

_COARSER = 2.5
"""How many times longer the sides of pixels must be for another scale to be worth a word: given
the whole pyramid, spatialdata itself takes one that is up to twice as fine as is asked."""

_SAME = 1.01


def finer_than_needed(named: Mapping[str, Any]) -> Iterator[FinerThanNeeded]:
    """Yield the images that were made from a finer scale than they needed.

    Parameters
    ----------
    named
        Elements by name; pyramids and what may have been made from them.
    """
    trees = {name: each for name, each in named.items() if is_a(each, "xarray", "DataTree")}
    for name, image in named.items():
        if not is_a(image, "xarray", "DataArray") or not is_dask_array(data_of(image.variable)):
            continue
        layers = image.data.__dask_graph__().layers
        for tree_name, tree in trees.items():
            found = _compare(image, layers, tree)
            if found is not None:
                ratio, read, enough = found
                yield FinerThanNeeded(
                    name=name,
                    pyramid=tree_name,
                    scale=read[0],
                    nbytes=int(read[1].nbytes),
                    ratio=ratio,
                    enough=enough[0],
                    enough_bytes=int(enough[1].nbytes),
                )


def _compare(
    image: Any, layers: Mapping[str, Any], tree: Any
) -> tuple[float, tuple[str, Any], tuple[str, Any]] | None:
    """Return how much coarser an image is than the scale it was made from, that, and a better."""
    scales = [
        (str(node.name), array)
        for node in tree.children.values()
        for array in node.data_vars.values()
        if is_dask_array(data_of(array.variable))
    ]
    read = [each for each in scales if each[1].data.name in layers]
    if not read or read[-1][1].data.name == image.data.name:
        return None
    made_from = read[-1]  # whose graph may hold those of finer scales
    pixels = _pixel_sizes(image)
    given = _pixel_sizes(made_from[1])
    for system in pixels.keys() & given.keys():
        ratio = pixels[system] / given[system]
        enough = [
            each
            for each in scales
            if given[system] * _SAME
            < _pixel_sizes(each[1]).get(system, math.inf)
            <= pixels[system] * _SAME
        ]
        if ratio >= _COARSER and enough:
            return ratio, made_from, enough[-1]
    return None


def _pixel_sizes(image: Any) -> dict[str, float]:
    """Return the length of a pixel's side in each coordinate system."""
    return {
        system: math.sqrt(abs(_determinant(transformation)))
        for system, transformation in image.attrs.get("transform", {}).items()
    }


def _determinant(transformation: Any) -> float:
    try:
        (a, b, _), (c, d, _), _ = transformation.to_affine_matrix(("x", "y"), ("x", "y"))
    except ValueError:  # it is not one of x and y alone
        return math.nan
    return float(a * d - b * c)
