"""Exact peaks of the workers' memory, as the Linux kernel marks them, in all and for each task."""

from __future__ import annotations

import functools
import math
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdprofile.cluster.questions import Answer, Questions
from sdprofile.internals.dask import prefix_of
from sdprofile.internals.distributed.worker import worker_plugins
from sdprofile.measure.instrument import Instrument
from sdprofile.model.memory_use import Marks
from sdprofile.model.tasks import PrefixMemory, merge

if TYPE_CHECKING:
    import ctypes

    from distributed import Worker

_NAME = "sdprofile-peak-marks"
_RUNNING = ("executing", "long-running")

_SAME = 0.0005
"""Seconds after the end of a task in which the next may begin without another look."""

_LONGEST = 4096
"""Bytes that are read of a file, which has some 1500."""


class PeakMarks(Instrument[Marks]):
    """Each worker's memory before the run, its peak during it, and that of its tasks.

    Notes
    -----
    Linux keeps the highest resident memory of a process as ``VmHWM`` in ``/proc/<pid>/status``,
    and resets it when ``5`` is written to ``/proc/<pid>/clear_refs`` (``man 5 proc``): no spike is
    too short for it. ``ru_maxrss`` would not do: a process inherits its parent's, and it cannot be
    reset. Elsewhere there are no marks, and nothing is read. The mark is read and reset whenever a
    task starts or ends, so what the worker itself needs meanwhile counts with the task.
    """

    def begin(self, asked: Questions) -> None:
        """Reset the marks."""
        self._baselines = asked.workers(_begin)

    def end(self, asked: Questions) -> None:
        """Ask for the marks."""
        self._ended = asked.workers(_end)

    def read(self) -> Marks:
        """Return the marks."""
        of_workers: dict[str, _OfWorker] = _known(self._ended)
        return Marks(
            baselines=_known(self._baselines),
            peaks={worker: marks.peak for worker, marks in of_workers.items()},
            prefixes=merge(part for marks in of_workers.values() for part in marks.tasks),
            swapped=sum(marks.swapped for marks in of_workers.values()),
        )


class OwnMark:
    """The mark of the process that asks; raises OSError where there is none.

    Notes
    -----
    Its files are read by the C library itself, which takes some 4 us. `os.pread` lets other threads
    run meanwhile and then waits for its turn, up to 5 ms beside a task that computes in Python
    (`sys.getswitchinterval`).
    """

    nbytes_read: ClassVar[int] = 0
    """Bytes that all marks of this process have read: no task asked for them."""

    def __init__(self) -> None:
        # Kept open: opening them takes longer than reading.
        self._status = os.open("/proc/self/status", os.O_RDONLY)
        try:
            self._refs = os.open("/proc/self/clear_refs", os.O_WRONLY)
        except OSError:
            os.close(self._status)
            raise
        import ctypes

        self._buffer = ctypes.create_string_buffer(_LONGEST)

    def read(self) -> tuple[int, int]:
        """Return ``VmHWM`` and ``VmRSS`` in bytes."""
        status = self._read_status()
        OwnMark.nbytes_read += len(status)
        # In this order, and next to each other; to look for all fields takes twice as long.
        return _field(status, b"VmHWM:"), _field(status, b"VmRSS:")

    def swapped(self) -> int:
        """Return ``VmSwap`` in bytes."""
        return _field(self._read_status(), b"VmSwap:")

    def reset(self) -> None:
        """Bring the mark down to what is resident now."""
        _c_library().pwrite(self._refs, b"5", 1, 0)

    def close(self) -> None:
        """Close the files."""
        os.close(self._status)
        os.close(self._refs)

    def _read_status(self) -> bytes:
        length = _c_library().pread(self._status, self._buffer, _LONGEST, 0)
        return self._buffer.raw[: max(0, length)]


@functools.cache
def _c_library() -> ctypes.PyDLL:
    """Return the C library, whose functions keep Python's lock here."""
    import ctypes

    library = ctypes.PyDLL(None)
    for function in (library.pread, library.pwrite):
        function.argtypes = ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_long
        function.restype = ctypes.c_ssize_t
    return library


def _field(status: bytes, name: bytes) -> int:
    """Return a field of ``/proc/<pid>/status`` in bytes; 0 where it is missing."""
    found = status.find(name)
    if found < 0:
        return 0
    begin = found + len(name)
    return int(status[begin : status.index(b"kB", begin)]) * 1024


@dataclass
class _Task:
    prefix: str
    start: int
    peak: int
    company: int
    """How many tasks ran at some time while it ran, itself included."""
    mixed: bool = False
    """Whether one of them was of another prefix."""


@dataclass
class _Most:
    """What the tasks of a prefix took at most; see `PrefixMemory`."""

    tasks: int = 0
    peak: int = 0
    rise_low: int = 0
    rise_high: int = 0


@dataclass(frozen=True)
class _OfWorker:
    peak: int
    swapped: int
    tasks: tuple[PrefixMemory, ...]


class _WorkerMarks:
    """A plugin of a worker that reads the mark at the bounds of each task."""

    def __init__(self) -> None:
        self._mark = OwnMark()
        self._mark.reset()
        self.baseline = self.peak = self._mark.read()[0]
        self._looked, self._resident = -math.inf, self.baseline
        self._running: dict[Any, _Task] = {}
        self._most: dict[str, _Most] = {}

    def transition(self, key: Any, start: str, finish: str, **_: object) -> None:
        if finish in _RUNNING and key not in self._running:
            self._begin_task(key)
        elif finish not in _RUNNING and key in self._running:
            self._end_task(self._running.pop(key))

    def close(self) -> _OfWorker:
        self._look()
        swapped = self._mark.swapped()
        self._mark.close()
        tasks = [PrefixMemory(prefix=prefix, **vars(most)) for prefix, most in self._most.items()]
        return _OfWorker(self.peak, swapped, tuple(tasks))

    def _look(self) -> int:
        """Read the mark, for all tasks that run, and reset it."""
        highest, self._resident = self._mark.read()
        if highest > self._resident:
            self._mark.reset()
        self.peak = max(self.peak, highest)
        for task in self._running.values():
            task.peak = max(task.peak, highest)
        self._looked = time.perf_counter()
        return highest

    def _begin_task(self, key: Any) -> None:
        if time.perf_counter() > self._looked + _SAME:
            self._look()
        resident = self._resident
        new = _Task(prefix_of(key), resident, resident, 1 + len(self._running))
        for task in self._running.values():
            task.company += 1
            unlike = task.prefix != new.prefix
            task.mixed, new.mixed = task.mixed or unlike, new.mixed or unlike
        self._running[key] = new

    def _end_task(self, task: _Task) -> None:
        task.peak = max(task.peak, self._look())
        rise = task.peak - task.start
        own = rise if task.company == 1 else 0 if task.mixed else rise // task.company
        most = self._most.setdefault(task.prefix, _Most())
        most.tasks += 1
        most.peak = max(most.peak, task.peak)
        most.rise_low = max(most.rise_low, own)
        most.rise_high = max(most.rise_high, rise)


def _known(answer: Answer[dict[str, Any]]) -> dict[str, Any]:
    """Return what workers answered; one may have died meanwhile, or keep no marks."""
    return {worker: value for worker, value in answer.value.items() if value}


def _begin(dask_worker: Worker) -> int:
    """Start to watch this worker's mark; return its resident memory in bytes, 0 without marks."""
    _drop(dask_worker)
    plugins = worker_plugins(dask_worker)
    if plugins is None:
        return 0
    try:
        marks = _WorkerMarks()
    except OSError:
        return 0
    plugins[_NAME] = marks
    return marks.baseline


def _end(dask_worker: Worker) -> _OfWorker | None:
    return _drop(dask_worker)


def _drop(dask_worker: Worker) -> _OfWorker | None:
    marks = (worker_plugins(dask_worker) or {}).pop(_NAME, None)
    return marks.close() if isinstance(marks, _WorkerMarks) else None
