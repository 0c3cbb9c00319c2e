"""Tells what a value is without importing what it could be."""

from __future__ import annotations

import sys
from typing import Any


def is_a(value: object, module: str, name: str) -> bool:
    """Whether a value is of a type of a module; if that was not imported, nothing is.

    Examples
    --------
    >>> is_a(1, "builtins", "int"), is_a(1, "no_such_module", "int")
    (True, False)
    """
    kind = getattr(sys.modules.get(module), name, None) if module in sys.modules else None
    return kind is not None and isinstance(value, kind)


def data_of(variable: Any) -> Any:
    """Return what an xarray Variable holds if it is in chunks; None else.

    Asked for its data, one that is not loaded yet would load it.
    """
    return variable.data if variable.chunks is not None else None


def is_dask_array(value: object) -> bool:
    """Whether a value is a dask array."""
    return is_a(value, "dask.array", "Array")
