"""What a cell's value leaves to be computed."""

from __future__ import annotations

from dataclasses import dataclass

from sdprofile.units import format_bytes, plural


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

    def in_words(self, *, decimal: bool) -> str:
        """Return what it is, in words.

        Parameters
        ----------
        decimal
            True for powers of 1000 (``GB``), False for powers of 1024 (``GiB``).

        Examples
        --------
        >>> value = LazyValue(kind="SpatialData", parts=3, chunks=300, nbytes=2_400_000_000)
        >>> value.in_words(decimal=True)
        'SpatialData, 3 lazy parts, 2.40 GB in 300 chunks'
        """
        parts = f", {plural(self.parts, 'lazy part')}" if self.parts > 1 else ""
        size = "" if self.nbytes is None else f"{format_bytes(self.nbytes, decimal=decimal)} in "
        return f"{self.kind}{parts}, {size}{plural(self.chunks, 'chunk')}"
