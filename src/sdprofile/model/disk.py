"""What the workers read and wrote in one run, and which chunks of zarr arrays their tasks read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

MOST_STORES = 3
"""Zarr arrays of a run that are kept: some 350 bytes each in a file."""


@dataclass(frozen=True, kw_only=True)
class WorkerDisk:
    """What one worker's process read and wrote, with its child processes that have ended.

    `read` and `written` are what the code asked for, wherever it came from: also the pages of files
    that the system still had in memory, pipes, and what dask spills. The others are what went to or
    came from the storage itself: 0 where the system had all of it in memory, as for a file that was
    written a moment ago.
    """

    worker: str
    """Its address."""

    read: int
    """Bytes that it read."""

    written: int
    """Bytes that it wrote."""

    from_storage: int
    """Bytes that the system fetched from storage for it."""

    to_storage: int
    """Bytes that the system has written, or is to write, to storage for it."""


@dataclass(frozen=True, kw_only=True)
class StoreReads:
    """What the tasks of one run read of one zarr array."""

    array: str
    """Where it is: the store, and the path in it."""

    prefix: str = ""
    """Prefix of the tasks that read it most often; empty where that is not known."""

    shape: tuple[int, ...]
    """Length of each axis."""

    chunks: tuple[int, ...]
    """Length of its chunks along each axis; of shards those of the chunks within."""

    pieces: tuple[int, ...]
    """What was read at a time, most often: its length along each axis."""

    chunk_bytes: int
    """Bytes of a chunk, decompressed."""

    needed: int
    """How many chunks were read, each counted once."""

    once: int
    """How many chunks would be read if each piece was read once: more than are needed where pieces
    begin or end within chunks."""

    reads: int
    """How many chunks were read, each counted as often as it was."""

    seconds: float
    """What reading took the tasks' threads, in seconds."""

    @property
    def amplification(self) -> float:
        """How often each chunk was read, on average."""
        return self.reads / max(1, self.needed)

    @property
    def cut(self) -> float:
        """The same if each piece was read once: 1.0 where none begins or ends within a chunk."""
        return self.once / max(1, self.needed)

    @property
    def nbytes(self) -> int:
        """Bytes that were decompressed."""
        return self.reads * self.chunk_bytes

    @property
    def needed_bytes(self) -> int:
        """Bytes that would have been, with each chunk read once."""
        return self.needed * self.chunk_bytes


@dataclass(frozen=True, kw_only=True)
class Disk:
    """What the workers read and wrote in one run."""

    workers: tuple[WorkerDisk, ...] = ()
    """Each worker; empty where the system does not tell, as on macOS."""

    stores: tuple[StoreReads, ...] = ()
    """The zarr arrays that tasks read, those with most bytes first; empty for none, and where zarr
    was not loaded in the workers yet when the run began."""

    @property
    def read(self) -> int | None:
        """Bytes that all workers read; None where it is not known."""
        return self._total(attrgetter("read"))

    @property
    def written(self) -> int | None:
        """Bytes that all workers wrote; None where it is not known."""
        return self._total(attrgetter("written"))

    @property
    def from_storage(self) -> int | None:
        """Bytes that were fetched from storage for all workers; None where it is not known."""
        return self._total(attrgetter("from_storage"))

    @property
    def to_storage(self) -> int | None:
        """Bytes that go to storage for all workers; None where it is not known."""
        return self._total(attrgetter("to_storage"))

    def _total(self, of: Callable[[WorkerDisk], int]) -> int | None:
        return sum(map(of, self.workers)) if self.workers else None
