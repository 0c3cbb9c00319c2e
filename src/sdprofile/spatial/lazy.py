"""Finds what is lazy in a value, and computes it without bringing it anywhere."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections import deque
from collections.abc import Iterator
from typing import Any

from sdprofile.model.lazy import LazyValue
from sdprofile.spatial.loaded import data_of, is_a, is_dask_array
from sdprofile.spatial.scope import Scope

_DEPTH = 4
"""How deep lists, tuples and dicts are looked into."""


def lazy_parts(value: object) -> list[Any]:
    """Return the dask collections in a value, each once; nothing is computed.

    Parameters
    ----------
    value
        A dask collection; a DataArray, Dataset, DataTree, SpatialData or AnnData; or a list, tuple
        or dict of such.

    Returns
    -------
    list of dask collections
        Empty if nothing in it is lazy.

    Notes
    -----
    What ``dask.compute`` would look for by itself is less: it gives a DataTree and a SpatialData
    back as they are. Types are looked up among the modules that are imported already.
    """
    return list({id(part): part for part in _parts(value, _DEPTH)}.values())


def describe(value: object) -> LazyValue | None:
    """Return what is lazy in a value, in numbers; None if nothing is."""
    parts = lazy_parts(value)
    if not parts:
        return None
    # Data frames have no size, and arrays with chunks of unknown size none that is a number.
    nbytes = sum(part.nbytes if is_dask_array(part) else math.nan for part in parts)
    return LazyValue(
        kind=type(value).__name__,
        parts=len(parts),
        chunks=sum(map(_chunks, parts)),
        nbytes=None if math.isnan(nbytes) else int(nbytes),
    )


def held_names(scope: Scope, *, all_names: bool = True) -> tuple[str, ...]:
    """Return the names of the session that hold results on the workers.

    Parameters
    ----------
    scope
        Names of the cell come first, then all others of its namespace.
    all_names
        Whether these others are looked at.

    Notes
    -----
    Dask computes nothing again whose result a name holds, as a future or a persisted collection.
    """
    from distributed import Future, futures_of

    found = []
    others = scope.namespace if all_names else {}
    for name, value in {**scope.values(), **others}.items():
        if name in ("_", "__", "___", "_oh", "Out"):  # IPython's second names
            continue
        with contextlib.suppress(Exception):  # of a collection that is broken
            parts = [value] if isinstance(value, Future | list | tuple | dict) else []
            if futures_of([*parts, *lazy_parts(value)]):
                found.append(name)
    return tuple(found)


def compute_lazy(value: object, *, how: str) -> None:
    """Compute what is lazy in a value, all of it together, and bring it nowhere.

    Parameters
    ----------
    value
        See `lazy_parts`.
    how
        ``"discard"``: each block is dropped where and when it is made. What drops it is fused into
        the task that makes it, as dask fuses any function of a block, so there are no more tasks
        than ``.compute()`` has. ``"persist"``: each block stays on its worker until all are made.
    """
    from dask.base import compute, persist
    from distributed import futures_of, wait

    parts = lazy_parts(value)
    if not parts:
        return
    with warnings.catch_warnings():
        # Data frames lose some of dask's optimisation beside arrays; together is what was asked.
        warnings.filterwarnings("ignore", message="Computing mixed collections")
        if how == "discard":
            compute(*map(_without_result, parts))
            return
        futures = futures_of(persist(*parts))
    if futures:  # without a cluster the blocks are in the kernel by now
        wait(futures)
    for future in futures:
        if future.status != "finished":
            future.result()  # raises what the task did


def _parts(value: Any, depth: int) -> Iterator[Any]:
    from dask.base import is_dask_collection

    if isinstance(value, (list, tuple, set, dict)):
        items = value.values() if isinstance(value, dict) else value
        for item in items if depth else ():
            yield from _parts(item, depth - 1)
    elif is_a(value, "spatialdata", "SpatialData"):
        for _, _, element in value.gen_elements():
            yield from _parts(element, depth)
    elif is_a(value, "xarray", "DataTree"):
        for node in value.subtree:
            yield from _parts(node.to_dataset(inherit=False), depth)
    elif is_a(value, "xarray", "Dataset"):
        for variable in value.variables.values():
            yield from _parts(data_of(variable), depth)
    elif is_a(value, "xarray", "DataArray"):
        yield from _parts(data_of(value.variable), depth)
        for coordinate in value.coords.values():
            yield from _parts(data_of(coordinate.variable), depth)
    elif is_a(value, "anndata", "AnnData"):
        for held in (value.X, *value.layers.values(), *value.obsm.values()):
            yield from _parts(held, depth)
    elif is_dask_collection(value):
        yield value


def _chunks(part: Any) -> int:
    number = getattr(part, "npartitions", None)
    return number if isinstance(number, int) else 1  # a Delayed has any attribute, all of them lazy


def _without_result(part: Any) -> Any:
    """Return a collection whose tasks make each block of another one, and give nothing back."""
    import numpy as np
    from dask.delayed import delayed

    if is_dask_array(part):
        return part.map_blocks(
            discard,
            chunks=tuple((1,) * number for number in part.numblocks),
            dtype=bool,
            meta=np.zeros((1,) * part.ndim, dtype=bool),
        )
    if isinstance(getattr(part, "divisions", None), tuple):  # a Delayed has any attribute
        return part.map_partitions(discard)
    if is_a(part, "dask.bag", "Bag"):
        return part.map_partitions(discard)
    return delayed(discard)(part)


def discard(block: Any) -> Any:
    """Return next to nothing in place of a block of a collection; its name shows in task names."""
    if isinstance(block, Iterator):  # a bag's block is made as it is walked
        deque(block, maxlen=0)
        return []
    if hasattr(block, "iloc") or isinstance(block, list):
        return block[:0]
    if hasattr(block, "ndim"):
        import numpy as np

        return np.zeros((1,) * block.ndim, dtype=bool)
    return None
