"""What spatialdata offers that builds or runs dask work; it is not imported here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

_FUNCTIONS = (
    *("aggregate", "bounding_box_query", "concatenate", "filter_by_table_query", "get_centroids"),
    *("get_extent", "get_values", "join_spatialelement_table", "map_raster"),
    *("match_element_to_table", "match_sdata_to_table", "match_table_to_element", "polygon_query"),
    *("rasterize", "rasterize_bins", "read_zarr", "relabel_sequential", "to_circles"),
    *("to_polygons", "transform", "unpad_raster"),
)
_METHODS = (
    *("aggregate", "transform_element_to_coordinate_system", "transform_to_coordinate_system"),
    *("write", "write_element"),
)
_MODELS = ("Image2DModel", "Labels2DModel", "Image3DModel", "Labels3DModel", "PointsModel")


def public_functions() -> dict[FunctionType, str]:
    """Return the functions of spatialdata that build or run dask work, with their names.

    Returns
    -------
    dict
        The name of one that a class is the first argument of begins with a dot, as in ``.parse``.
        Empty where spatialdata is not loaded. Where it is, what it imports when it is first used
        is imported now.
    """
    spatialdata = sys.modules.get("spatialdata")
    if spatialdata is None:
        return {}
    named = {name: _attribute(spatialdata, name) for name in _FUNCTIONS}
    methods = _attribute(spatialdata, "SpatialData")
    named |= {f"SpatialData.{name}": getattr(methods, name, None) for name in _METHODS}
    found = {each: name for name, each in named.items() if isinstance(each, FunctionType)}
    for name in _MODELS:
        model = _attribute(_attribute(spatialdata, "models"), name)
        found |= dict.fromkeys(_parsers(model), ".parse")
    return found


def _attribute(of: object, name: str) -> Any:
    try:
        return getattr(of, name, None)
    except ImportError:  # what is needed for it is not installed: nobody can call it
        return None


def _parsers(model: Any) -> Iterator[FunctionType]:
    """Yield what a model parses with: one function, or one for each type of its argument."""
    for kind in getattr(model, "__mro__", ()):
        parse = vars(kind).get("parse")
        dispatcher = getattr(parse, "dispatcher", None)
        for each in dispatcher.registry.values() if dispatcher is not None else (parse,):
            function = getattr(each, "__func__", None)
            if isinstance(function, FunctionType):
                yield function
