"""Describes the SpatialData elements that a cell works on, without computing anything."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sdprofile.model.elements import Data, Element, FinerThanNeeded
from sdprofile.model.lazy import LazyValue
from sdprofile.spatial.loaded import data_of, is_a, is_dask_array
from sdprofile.spatial.pyramids import finer_than_needed
from sdprofile.spatial.scope import Scope

_VALUE = "the cell's value"

_LAYERS_OF_READING = 2
"""Layers of a graph that only reads: the stored array, and its blocks."""

_SPACE = frozenset("xyz")
"""Axes of a raster, of which it has one at least."""


@dataclass(frozen=True)
class Candidate:
    """An element that may have been worked on, and by which layers of a graph that can be told."""

    element: Element
    layers: frozenset[str] | None
    """One of them is in the graph if it was; None where that cannot be told."""


class Elements:
    """The elements that a cell may have worked on; nothing of them is held."""

    def __init__(self, scope: Scope | None, value: object) -> None:
        """Describe what there is.

        Parameters
        ----------
        scope
            The names that the cell uses; None where it is not known.
        value
            The cell's last value.
        """
        self._found: list[Candidate] = []
        self._finer: tuple[FinerThanNeeded, ...] = ()
        if "spatialdata" not in sys.modules:
            return
        named = list(_named(scope)) if scope is not None else []
        if not any(value is each for _, _, each in named):
            named.append((_VALUE, None, value))
        for name, line, each in named:
            for found in _described(each):
                element = replace(found.element, name=name, line=line)
                self._found.append(replace(found, element=element))
        self._finer = tuple(finer_than_needed({_where(name, line): v for name, line, v in named}))

    def reading(self, layers: set[str] | None, *, lazy: LazyValue | None) -> Data:
        """Return what was worked on.

        Parameters
        ----------
        layers
            The layers whose tasks were sent; None where none were, or they are not known.
        lazy
            What is lazy in the cell's last value.
        """
        used = self._worked_on(layers)
        names = {each.where for each in used}
        finer = tuple(each for each in self._finer if each.name in names)
        return Data(elements=used, finer_than_needed=finer, lazy=lazy)

    def _worked_on(self, layers: set[str] | None) -> tuple[Element, ...]:
        """Return the elements that were worked on, each once."""
        chosen: dict[str, Element] = {}
        for each in self._found:
            # Of a pyramid the largest scale comes first.
            if each.layers is None or layers is None or each.layers & layers:
                chosen.setdefault(each.element.name, each.element)
        return tuple(chosen.values())


def _where(name: str, line: int | None) -> str:
    return Element(name=name, kind="", line=line).where


def _named(scope: Scope) -> Iterator[tuple[str, int | None, object]]:
    values: dict[str, Any] = scope.values()
    for name, value in values.items():
        line = scope.line(name)
        if is_a(value, "spatialdata", "SpatialData"):
            inside = {key: element for _, key, element in value.gen_elements()}
            # Without any of its names in the cell, whatever was worked on.
            for key in [key for key in inside if key in scope.strings] or inside:
                yield f'{name}["{key}"]', line, inside[key]
        else:
            yield name, line, value


def _described(value: Any) -> Iterator[Candidate]:
    if is_a(value, "xarray", "DataTree"):
        scales = [node for node in value.children.values() if len(node.data_vars) == 1]
        for node in scales:
            [array] = node.data_vars.values()
            for found in _described(array):
                element = replace(found.element, scales=len(scales), scale=node.name or "")
                yield replace(found, element=element)
    elif is_a(value, "xarray", "DataArray"):
        # A mean of all pixels keeps the attributes.
        if _is_element(value) and not _SPACE.isdisjoint(value.dims):
            yield _raster(value)
    elif is_a(value, "geopandas", "GeoDataFrame"):
        if _is_element(value):
            yield Candidate(Element(name="", kind="Shapes", shape=value.shape), None)
    elif is_a(value, "anndata", "AnnData"):
        if "spatialdata_attrs" in value.uns:
            yield Candidate(Element(name="", kind="Table", shape=value.shape), None)
    elif is_a(value, "dask.dataframe", "DataFrame") and _is_element(value):
        element = Element(
            name="", kind="Points", chunk_count=value.npartitions, store=_store_of(value)
        )
        yield Candidate(element, None)


def _is_element(value: object) -> bool:
    attributes = getattr(value, "attrs", None)  # dask's own data frames have none
    return isinstance(attributes, Mapping) and "transform" in attributes


def _raster(array: Any) -> Candidate:
    space = sum(dim in _SPACE for dim in array.dims)
    kind = f"{'Image' if 'c' in array.dims else 'Labels'}{space}D"
    element = Element(
        name="", kind=kind, shape=array.shape, dtype=str(array.dtype), nbytes=int(array.nbytes)
    )
    data = data_of(array.variable)
    if not is_dask_array(data) or any(map(math.isnan, data.shape)):
        return Candidate(element, None)
    layers = data.__dask_graph__().layers
    largest = tuple(max(sizes) for sizes in data.chunks)
    # The last along an axis is what is left over.
    medians = [statistics.median(sizes[:-1] or sizes) for sizes in data.chunks]
    element = replace(
        element,
        chunks=largest,
        chunk_count=data.npartitions,
        chunk_bytes=math.prod(largest) * data.dtype.itemsize,
        unevenness=math.prod(n / median for n, median in zip(largest, medians, strict=True)),
    )
    stored = _stored(layers)
    if stored is None:
        return Candidate(element, frozenset({data.name}))
    # Dask may read and cut in one task: of what was just read any layer tells.
    is_whole = stored.shape == data.shape
    is_fresh = is_whole and len(layers) <= _LAYERS_OF_READING
    element = replace(
        element,
        store=store_path(stored),
        store_chunks=tuple(stored.chunks) if is_whole else (),
        reads=_reads(data.chunks, stored.chunks) if is_fresh else 1.0,
    )
    return Candidate(element, frozenset(layers if is_fresh else {data.name}))


def _reads(chunks: Sequence[Sequence[int]], stored: Sequence[int]) -> float:
    """Return how often each chunk of a store is read by chunks of these lengths.

    Examples
    --------
    >>> _reads([(100, 100)], [100]), _reads([(150, 150)], [100])
    (1.0, 1.3333333333333333)
    """
    product = 1.0
    for sizes, length in zip(chunks, stored, strict=True):
        start = touched = 0
        for size in sizes:
            touched += (start + size - 1) // length - start // length + 1
            start += size
        product *= touched / math.ceil(start / length)
    return product


def embedded_bytes(layers: Mapping[str, Any]) -> int:
    """Return the bytes of NumPy arrays in the layers of a graph."""
    import numpy as np

    embedded = {
        id(each): each.nbytes
        for layer in layers.values()
        if getattr(layer, "is_materialized", bool)()
        for each in layer.values()
        if isinstance(each, np.ndarray)
    }
    return sum(embedded.values())


def _stored(layers: Mapping[str, Any]) -> Any:
    """Return the zarr array that a graph reads, if it reads one."""
    zarr = sys.modules.get("zarr")
    if zarr is None:
        return None
    found = {
        id(each): each
        for name, layer in layers.items()
        if name.startswith("original-")
        for each in layer.values()
        if isinstance(each, zarr.Array)
    }
    return next(iter(found.values())) if len(found) == 1 else None


def store_path(stored: Any) -> str:
    """Return where a zarr array is: its store, and the path in it."""
    root = getattr(stored.store, "root", None) or getattr(stored.store, "path", stored.store)
    return f"{str(root).rstrip('/')}/{stored.path}".rstrip("/")


def _store_of(frame: Any) -> str:
    files = sys.modules["spatialdata"].get_dask_backing_files(frame)
    return files[0] if files else ""
