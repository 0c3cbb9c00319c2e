"""What a cell's value leaves to be computed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LazyValue:
    """A cell's last value that holds dask collections."""

    kind: str
    """Name of its type."""

    parts: int
    """Number of dask collections in it."""

    chunks: int
    """Number of their chunks or partitions together."""

    nbytes: int | None
    """What they will take together once they are computed, in bytes; None where dask cannot say."""
