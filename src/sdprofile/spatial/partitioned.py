"""Describes the dask collections that a cell uses: into how many parts each is cut."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from sdprofile.model.elements import Partitioned
from sdprofile.spatial.loaded import data_of, is_a, is_dask_array
from sdprofile.spatial.scope import Scope


def partitioned(scope: Scope) -> tuple[Partitioned, ...]:
    """Return the arrays, data frames and bags that a cell uses by a name, in its order."""
    found = []
    for name, value in scope.values().items():
        with contextlib.suppress(Exception):  # of a collection that is broken
            found += list(_described(name, value))
    return tuple(found)


def _described(name: str, value: Any) -> Iterator[Partitioned]:
    dims: tuple[str, ...] = ()
    if is_a(value, "xarray", "DataArray"):
        dims, value = tuple(map(str, value.dims)), data_of(value.variable)
    if is_dask_array(value):
        yield Partitioned(
            name=name,
            kind="array",
            parts=value.npartitions,
            chunks=tuple(max(sizes) for sizes in value.chunks),
            shape=value.shape,
            dims=dims,
        )
    elif is_a(value, "dask.dataframe", "DataFrame") or is_a(value, "dask.dataframe", "Series"):
        yield Partitioned(name=name, kind="frame", parts=value.npartitions)
    elif is_a(value, "dask.bag", "Bag"):
        yield Partitioned(name=name, kind="bag", parts=value.npartitions)
