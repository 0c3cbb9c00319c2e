"""What the workers' processes read and wrote, and which chunks of zarr arrays their tasks read."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sdprofile.cluster.questions import Questions
from sdprofile.internals.dask import prefix_of
from sdprofile.internals.distributed.worker import key_of_thread
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.peak import OwnMark
from sdprofile.measure.store_reads import ArrayReads, StoreCounter, store_reads
from sdprofile.model.disk import Disk, WorkerDisk
from sdprofile.model.trace import KERNEL

if TYPE_CHECKING:
    from distributed import Worker

_FIELDS = ("rchar", "wchar", "read_bytes", "write_bytes")
"""Of ``/proc/<pid>/io``, in the order of the fields of `WorkerDisk`."""

Totals = tuple[int, ...]
"""What a process has read and written since it began, as in `_FIELDS`."""


class DiskUse(Instrument[Disk]):
    """Bytes that each worker read and wrote during one run, and the chunks that its tasks read.

    Notes
    -----
    Linux counts what a process reads and writes (``/proc/<pid>/io``, ``man 5 proc``), with what
    child processes did that have ended and were waited for. What a child does that lives on, as a
    pool of processes, and what comes through ``mmap``, is not in what was asked for. Sockets are
    not in it either, but for encrypted ones (TLS). Elsewhere nothing of this is known. A worker
    that is killed tells nothing.
    """

    def begin(self, asked: Questions) -> None:
        """Start to count."""
        asked.workers(_begin)

    def end(self, asked: Questions) -> None:
        """Stop to count."""
        self._counted = asked.workers(_end)

    def read(self) -> Disk:
        """Put together what the workers have counted."""
        counted: dict[str, Counted] = self._counted.value
        return disk_of({worker: each for worker, each in counted.items() if each is not None})


@dataclass(frozen=True)
class Counted:
    """What one process has read and written."""

    totals: Totals
    """As in `_FIELDS`; empty where the system does not tell."""

    arrays: dict[str, ArrayReads]
    """Zarr arrays."""


@dataclass
class _Process:
    """What is counted in this process, by whichever of its workers began first."""

    workers: list[Worker] = field(default_factory=list)
    counting: _Counting | None = None

    def prefix(self) -> str:
        """Return the prefix of the task that this thread runs; empty for none."""
        thread = threading.get_ident()
        keys = (key_of_thread(worker, thread) for worker in self.workers)
        return next((prefix_of(key) for key in keys if key is not None), "")


class _Counting:
    """Counts from when it is made until it is stopped."""

    def __init__(self) -> None:
        self._counter = StoreCounter(_process.prefix)
        self._counter.start()
        self._marks = OwnMark.nbytes_read
        self._before = totals()

    def stop(self) -> Counted:
        after = totals()
        ours = (OwnMark.nbytes_read - self._marks, 0, 0, 0)
        pairs = zip(after, self._before, ours, strict=False)
        return Counted(
            tuple(max(0, now - before - own) for now, before, own in pairs), self._counter.stop()
        )


_process = _Process()


def totals() -> Totals:
    """Return what this process has read and written; empty where the system does not tell."""
    try:
        with open("/proc/self/io", "rb") as file:
            found = dict(line.split(b": ") for line in file.read().splitlines())
        return tuple(int(found[name.encode()]) for name in _FIELDS)
    except (OSError, KeyError, ValueError):
        return ()


def disk_of(counted: dict[str, Counted]) -> Disk:
    """Return what workers have counted, by their address."""
    return Disk(
        workers=tuple(
            WorkerDisk(
                worker=worker,
                read=each.totals[0],
                written=each.totals[1],
                from_storage=each.totals[2],
                to_storage=each.totals[3],
            )
            for worker, each in counted.items()
            if each.totals
        ),
        stores=store_reads(each.arrays for each in counted.values()),
    )


@contextlib.contextmanager
def counted_here(found: dict[str, Counted]) -> Iterator[None]:
    """Count what this process reads and writes in this context, and add it as the kernel's."""
    counting = _Counting()
    try:
        yield
    finally:
        found[KERNEL] = counting.stop()


def _begin(dask_worker: Worker) -> None:
    if dask_worker in _process.workers:  # the end of an earlier run was not asked for
        _stop()
    if _process.counting is None:
        _process.counting = _Counting()
    _process.workers.append(dask_worker)


def _end(dask_worker: Worker) -> Counted | None:
    """Return what was counted; of several workers in a process, to the first that asks."""
    return _stop() if dask_worker in _process.workers else None


def _stop() -> Counted | None:
    counting, _process.counting = _process.counting, None
    _process.workers.clear()
    return None if counting is None else counting.stop()
