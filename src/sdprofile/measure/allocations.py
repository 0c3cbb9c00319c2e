"""What tasks allocate, line by line: memray looks at those of one prefix, in a run of its own."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.questions import Questions
from sdprofile.errors import SdprofileError
from sdprofile.internals.dask import prefix_of
from sdprofile.internals.distributed.worker import worker_plugins
from sdprofile.measure.branches import frame_named
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.task_calls import modules_by_file
from sdprofile.model.allocations import Allocation
from sdprofile.model.calls import Frame

if TYPE_CHECKING:
    from distributed import Client, Worker

    from sdprofile.model.run import Run
    from sdprofile.model.setting import Setting

_NAME = "sdprofile-allocations"
_RUNNING = ("executing", "long-running")

_MOST_TASKS = 100
"""Tasks that are looked at in each worker, at most."""

_MOST_LINES = 12
"""Lines that are told, at most."""

_LEAST = 0.01
"""Fraction of the peak from which a line is told."""

_FIRST, _LAST = 2, 3
"""Functions that are kept of those that were called within each other, at both ends."""

_PLUMBING = ("dask", "distributed", "python")
"""Whose functions call those that a task is about."""

_BESIDE = {*_PLUMBING, "sdprofile", "tornado", "msgpack", "cloudpickle", "psutil"}
"""Whose functions alone run beside tasks: in the event loop, and where threads are looked at."""

_OF_TASKS = "distributed.threadpoolexecutor"
"""Module of the functions that the threads of tasks begin with."""


@dataclass(frozen=True)
class Tracked:
    """What was allocated at the highest peak of any task that was looked at."""

    nbytes: int = 0
    """Bytes at the peak."""

    tasks: int = 0
    """How many tasks were looked at."""

    largest: tuple[Allocation, ...] = ()
    """The lines that had allocated most of it."""


class TaskAllocations(Instrument[Tracked]):
    """What the tasks of a prefix allocate, as memray tracks it in the workers.

    Notes
    -----
    Memray stands in for the functions by which a process gets memory
    (https://bloomberg.github.io/memray/), and for as long as a task runs it looks at all threads:
    what runs beside the task counts with it, but for what dask and sdprofile do there. It can look
    at one thing at a time, so that of tasks which run side by side in one worker one is looked at.
    A worker without memray tells nothing.
    """

    def __init__(self, client: Client, prefix: str) -> None:
        """Prepare to look at the tasks of a prefix."""
        super().__init__(client)
        self._prefix = prefix

    def begin(self, asked: Questions) -> None:
        """Start to look at them."""
        asked.workers(partial(_begin, prefix=self._prefix))

    def end(self, asked: Questions) -> None:
        """Stop."""
        self._tracked = asked.workers(_end)

    def read(self) -> Tracked:
        """Return what the worker tells in which a task allocated most."""
        found: list[Tracked] = [each for each in self._tracked.value.values() if each is not None]
        worst = max(found, key=lambda each: each.nbytes, default=Tracked())
        tasks = sum(each.tasks for each in found)
        return Tracked(nbytes=worst.nbytes, tasks=tasks, largest=worst.largest)


def check_memray() -> None:
    """Make sure that memray is installed here, and so most likely in the workers.

    Raises
    ------
    SdprofileError
        If it is not.
    """
    if find_spec("memray") is None:
        raise SdprofileError(
            "--allocations: expected the package memray, got none (pip install 'sdprofile[memray]';"
            " there is none for Windows)"
        )


def worst_prefix(runs: Sequence[Run]) -> tuple[str, Setting] | None:
    """Return the tasks to look at: those of which one made its worker's memory rise the most.

    Where that is not known, as on macOS, those with the largest result.

    Parameters
    ----------
    runs
        What was measured; of those that ended well one is to be made again.

    Returns
    -------
    prefix, setting
        Of the tasks, and of the run in which it was so. None where no task ran.
    """
    well = [run for run in runs if run.status == "ok" and run.workers]
    risen = [
        (part.rise_high, part.prefix, run.setting) for run in well for part in run.memory.prefixes
    ]
    large = [
        (nbytes, run.trace.groups[group].prefix, run.setting)
        for run in well
        if run.trace is not None
        for nbytes, group in zip(run.trace.nbytes, run.trace.group, strict=True)
    ]
    found = max(risen or large, key=lambda each: each[0], default=None)
    return None if found is None else found[1:]


class _Looking:
    """A plugin of a worker that has memray look at tasks of a prefix, one at a time."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._key: Any = None
        self._tracker: Any = None
        self._path = Path()
        self.worst = Tracked()

    def transition(self, key: Any, start: str, finish: str, **_: object) -> None:
        if finish not in _RUNNING:
            if self._tracker is not None and key == self._key:
                self.stop()
        elif (
            self._tracker is None
            and start not in _RUNNING
            and self.worst.tasks < _MOST_TASKS
            and prefix_of(key) == self._prefix
        ):
            self._start(key)

    def stop(self) -> None:
        """Stop to look, and keep what was seen if it is the worst so far."""
        tracker, self._tracker = self._tracker, None
        if tracker is None:
            return
        tracker.__exit__(None, None, None)
        try:
            seen = _seen(self._path)
        finally:
            self._path.unlink(missing_ok=True)
        worse = max(self.worst, seen, key=lambda each: each.nbytes)
        tasks = self.worst.tasks + 1
        self.worst = Tracked(nbytes=worse.nbytes, tasks=tasks, largest=worse.largest)

    def _start(self, key: Any) -> None:
        from memray import FileDestination, FileFormat, Tracker

        handle, path = tempfile.mkstemp(prefix="sdprofile-", suffix=".memray")
        os.close(handle)
        self._path = Path(path)
        tracker = Tracker(
            destination=FileDestination(path, overwrite=True),
            file_format=FileFormat.AGGREGATED_ALLOCATIONS,
        )
        try:
            tracker.__enter__()
        except RuntimeError:  # another worker of this process, or the user, tracks already
            self._path.unlink(missing_ok=True)
            return
        self._key, self._tracker = key, tracker


def _seen(path: Path) -> Tracked:
    """Return what memray has written."""
    from memray import FileReader

    nbytes: defaultdict[tuple[Frame, ...], int] = defaultdict(int)
    times: defaultdict[tuple[Frame, ...], int] = defaultdict(int)
    modules = modules_by_file(len(sys.modules))
    with FileReader(path) as reader:
        for record in reader.get_high_watermark_allocation_records(merge_threads=True):
            every = _frames(record.stack_trace(), modules)
            if not _is_of_task(every):
                continue
            stack = _stack(every)
            nbytes[stack] += record.size
            times[stack] += record.n_allocations
    total = sum(nbytes.values())
    most = sorted(nbytes, key=lambda stack: -nbytes[stack])[:_MOST_LINES]
    return Tracked(
        nbytes=total,
        largest=tuple(
            Allocation(nbytes=nbytes[stack], times=times[stack], stack=stack)
            for stack in most
            if stack and nbytes[stack] >= _LEAST * total
        ),
    )


def _frames(
    innermost_first: Iterable[tuple[str, str, int]], modules: dict[str, str]
) -> list[Frame]:
    """Return the functions of a stack, the outermost first."""
    return [
        frame_named(name, module=modules.get(file, ""), file=file, line=line)
        for name, file, line in innermost_first
    ][::-1]


def _is_of_task(frames: Sequence[Frame]) -> bool:
    """Whether it is the task that allocates, and not what dask and sdprofile do beside it."""
    origins = {each.origin for each in frames}
    if not frames or origins - _BESIDE:
        return True
    return "sdprofile" not in origins and any(each.module == _OF_TASKS for each in frames)


def _stack(every: Sequence[Frame]) -> tuple[Frame, ...]:
    """Return the functions from the first that is neither dask's nor Python's."""
    first = next(
        (n for n, each in enumerate(every) if each.origin not in _PLUMBING), len(every) - 1
    )
    kept = every[max(0, first) :]
    return tuple(kept if len(kept) <= _FIRST + _LAST else [*kept[:_FIRST], *kept[-_LAST:]])


def _begin(dask_worker: Worker, prefix: str) -> None:
    _end(dask_worker)
    plugins = worker_plugins(dask_worker)
    if plugins is not None and find_spec("memray") is not None:
        plugins[_NAME] = _Looking(prefix)


def _end(dask_worker: Worker) -> Tracked | None:
    looking = (worker_plugins(dask_worker) or {}).pop(_NAME, None)
    if not isinstance(looking, _Looking):
        return None
    looking.stop()
    return looking.worst
