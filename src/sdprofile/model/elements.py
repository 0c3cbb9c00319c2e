"""The SpatialData elements that a cell works on."""

from __future__ import annotations

from dataclasses import dataclass

from sdprofile.model.lazy import LazyValue


@dataclass(frozen=True, kw_only=True)
class Element:
    """An element that the cell names, and from which its tasks were made."""

    name: str
    """How the cell calls it: ``image``, or ``data["image"]``."""

    kind: str
    """``Image2D``, ``Labels2D``, ``Image3D``, ``Labels3D``, ``Points``, ``Shapes`` or ``Table``."""

    line: int | None = None
    """The line of the cell that made it; None if it was there before."""

    scales: int = 0
    """Number of scales, if it is a pyramid; all that follows is of the largest that was read."""

    scale: str = ""
    """Name of that scale."""

    shape: tuple[int, ...] = ()
    """Length of each axis; of shapes and tables rows and columns; empty where it is not known."""

    dtype: str = ""
    """Type of a pixel."""

    nbytes: int | None = None
    """Bytes of all pixels; None where there are none."""

    chunks: tuple[int, ...] = ()
    """Largest length of a chunk along each axis; empty for what is not in chunks."""

    chunk_count: int = 0
    """Number of chunks, or of partitions."""

    chunk_bytes: int = 0
    """Bytes of the largest chunk; 0 where they are not known."""

    unevenness: float = 1.0
    """How many times larger the largest chunk is than the median one."""

    store: str = ""
    """Where it was read from; empty for nowhere."""

    store_chunks: tuple[int, ...] = ()
    """Length of the chunks there along each axis; empty where it is not known."""

    reads: float = 1.0
    """How often each chunk of the store is read, because chunks begin and end within it."""

    @property
    def where(self) -> str:
        """Its name, with the line that made it."""
        return self.name if self.line is None else f"{self.name} (line {self.line})"


@dataclass(frozen=True, kw_only=True)
class FinerThanNeeded:
    """An image that was made from a scale of a pyramid with smaller pixels than its own."""

    name: str
    """How the cell calls it, with the line that made it."""

    pyramid: str
    """How the cell calls the pyramid."""

    scale: str
    """Name of the scale that was read."""

    nbytes: int
    """Bytes of that scale."""

    ratio: float
    """How many times longer the sides of the image's pixels are."""

    enough: str
    """Name of the coarsest scale whose pixels are small enough."""

    enough_bytes: int
    """Bytes of that scale."""


@dataclass(frozen=True, kw_only=True)
class Partitioned:
    """A dask collection that the cell uses."""

    name: str
    """How the cell calls it."""

    kind: str
    """``array``, ``frame`` or ``bag``."""

    parts: int
    """Number of its chunks or partitions."""

    chunks: tuple[int, ...] = ()
    """Largest length of a chunk along each axis of an array."""

    shape: tuple[int, ...] = ()
    """Length of each axis of an array."""

    dims: tuple[str, ...] = ()
    """Names of the axes of a DataArray; empty for what is none."""


@dataclass(frozen=True, kw_only=True)
class SentData:
    """What the graphs of a run hold beside their tasks; it is sent with them."""

    nbytes: int = 0
    """Bytes of all graphs, as they are pickled."""

    outside: int = 0
    """Bytes of those that are arrays and the like, kept outside of the pickles."""

    names: tuple[str, ...] = ()
    """How the cell calls what is sent, the largest first; empty where that is not known."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """What is known of the cell's data, as one run found them; nothing of them is computed."""

    elements: tuple[Element, ...] = ()
    """The SpatialData elements that the cell worked on."""

    finer_than_needed: tuple[FinerThanNeeded, ...] = ()
    """What was made from a finer scale of a pyramid than it shows."""

    partitioned: tuple[Partitioned, ...] = ()
    """The dask collections that the cell uses by a name."""

    lazy: LazyValue | None = None
    """What was lazy in the cell's last value; None for nothing."""

    sent: SentData = SentData()
    """What was sent with the graphs."""

    held: tuple[str, ...] = ()
    """Names of the cell whose values were on the workers already, so that they take no tasks."""
