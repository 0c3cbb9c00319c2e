"""Images of SpatialData, with all that it imports at its first use imported."""

from __future__ import annotations

import warnings
from typing import Any

import dask.array as da
from spatialdata.models import Image2DModel

from sdprofile.spatial.functions import public_functions

with warnings.catch_warnings():
    # A second use would not warn.
    warnings.simplefilter("ignore", DeprecationWarning)
    FUNCTIONS = public_functions()


def image(size: int = 400, chunk: int | None = None, *, channels: int = 3, **how: Any) -> Any:
    """Return an image of ones in square chunks, by default of a quarter of its side."""
    side = chunk or size // 4
    pixels = da.ones((channels, size, size), chunks=(1, side, side))
    return Image2DModel.parse(pixels, dims="cyx", **how)
