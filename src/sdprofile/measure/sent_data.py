"""Data that travel in graphs, and by which names a cell has them."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

from dask.base import is_dask_collection

from sdprofile.internals.distributed.client import packed_graphs
from sdprofile.measure.instrument import Instrument
from sdprofile.model.elements import SentData
from sdprofile.spatial.scope import Scope, scope_of

if TYPE_CHECKING:
    from distributed import Client

    from sdprofile.cluster.questions import Questions

_WORTH = 1_000_000
"""Bytes of all graphs from which it is asked what they are."""

_LARGE = 10_000
"""Bytes of a buffer that may be of a value with a name."""

_KEPT = 1000
"""Buffers that are remembered, at most."""

_OF_DATA = ("numpy", "pandas", "xarray", "scipy", "anndata", "geopandas", "pyarrow")
"""Libraries whose values are asked where their bytes are; others' may do anything when pickled."""

_ALIKE = 0.01
"""Fraction by which sizes may differ of what is the same but for its packing."""


class GraphData(Instrument[SentData]):
    """The bytes of all graphs that a run sends, and the names of the data in them.

    Notes
    -----
    Large arrays are pickled as buffers of their own (PEP 574), which are where the arrays are: that
    is how a name is found, also where a function brings it along. Of what dask cuts or copies first
    the size tells, if there is only one of that size.
    """

    def __init__(self, client: Client, scope: Scope | None) -> None:
        """Prepare.

        Parameters
        ----------
        client
            Of the workers.
        scope
            The names that the cell uses; None where they are not known.
        """
        super().__init__(client)
        self._scope = scope

    def begin(self, asked: Questions) -> None:
        """Start to look at what is sent."""
        self._nbytes = self._outside = 0
        self._buffers: dict[int, int] = {}
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(packed_graphs(self._look))

    def end(self, asked: Questions) -> None:
        """Stop."""
        self._stack.close()

    def read(self) -> SentData:
        """Look for the names of what was sent."""
        names = self._names() if self._nbytes > _WORTH and self._scope is not None else ()
        self._buffers.clear()
        return SentData(nbytes=self._nbytes, outside=self._outside, names=names)

    def abandon(self) -> None:
        """Stop."""
        self._stack.close()

    def _look(self, frames: Sequence[Any]) -> None:
        for index, frame in enumerate(frames):
            view = memoryview(frame)
            self._nbytes += view.nbytes
            if index and view.nbytes >= _LARGE:
                self._outside += view.nbytes
                if len(self._buffers) < _KEPT:
                    self._buffers[_address(view)] = view.nbytes

    def _names(self) -> tuple[str, ...]:
        values = dict(_values(self._scope))
        sizes: dict[str, int] = {}
        for name, value in values.items():
            places = list(_places(value)) if _size(value) <= 2 * self._nbytes else ()
            inside = (
                nbytes
                for address, nbytes in self._buffers.items()
                if any(first <= address < first + length for first, length in places)
            )
            sizes[name] = sum(inside)
        found = sorted((name for name, size in sizes.items() if size), key=lambda n: -sizes[n])
        if found:
            return tuple(found)
        alike = [name for name, value in values.items() if self._is_all(value)]
        return tuple(alike) if len(alike) == 1 else _collections_with_data(values)

    def _is_all(self, value: object) -> bool:
        """Whether a value is of the size of all that was sent."""
        return abs(self._nbytes - _size(value)) <= _ALIKE * self._nbytes


def _values(scope: Scope | None) -> Iterator[tuple[str, object]]:
    """Yield the names of a scope with their values, and those of the functions among these."""
    for name, value in (scope.values() if scope is not None else {}).items():
        yield name, value
        if isinstance(value, FunctionType) and (inner := scope_of(value)) is not None:
            yield from inner.values().items()


def _places(value: object) -> Iterator[tuple[int, int]]:
    """Yield where the bytes of a value are, as addresses and lengths."""
    if not _is_of_data(value):
        return
    buffers: list[pickle.PickleBuffer] = []
    with contextlib.suppress(Exception):  # what cannot be pickled was not sent
        pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    for buffer in buffers:
        with contextlib.suppress(BufferError), buffer.raw() as view:
            if view.nbytes >= _LARGE:
                yield _address(view), view.nbytes


def _size(value: Any) -> int:
    """Return the bytes of a value; 0 where it does not tell."""
    if not _is_of_data(value):
        return 0
    nbytes = getattr(value, "nbytes", None)
    if not isinstance(nbytes, int) and hasattr(value, "memory_usage"):
        nbytes = sum(value.memory_usage(index=False))
    return int(nbytes) if isinstance(nbytes, int) else 0


def _is_of_data(value: object) -> bool:
    root = type(value).__module__.partition(".")[0]
    return root in _OF_DATA and not isinstance(value, type) and not is_dask_collection(value)


def _collections_with_data(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the name of what dask has made of arrays: of several with the same, of the first."""
    from sdprofile.spatial.elements import embedded_bytes

    found = []
    for name, value in values.items():
        if is_dask_collection(value):
            layers = getattr(value.__dask_graph__(), "layers", None) or {}
            if embedded_bytes(layers) > _WORTH:
                found.append((len(layers), name))
    return (min(found)[1],) if found else ()


def _address(view: memoryview) -> int:
    import numpy as np

    address: int = np.frombuffer(view, np.uint8).__array_interface__["data"][0]
    return address
