"""Tells what a worker died of, and what it was doing."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from sdprofile.cluster.ask import ask_workers
from sdprofile.measure.instrument import Instrument

if TYPE_CHECKING:
    from distributed import Client, Nanny, Scheduler
    from distributed.nanny import WorkerProcess

_REMOVED_TIMEOUT = 5.0
"""Seconds in which the scheduler notices that a worker is gone."""

_POLL = 0.02

_exits: dict[str, int] = {}
"""In the process of the nannies: exit codes of workers, by address."""


class WorkerExits(Instrument):
    """Notes with what code the processes of workers end during a run.

    Notes
    -----
    A nanny (`distributed.nanny.WorkerProcess`) learns the code and only logs it. So its callback
    is wrapped for the time of the run. What has no nanny, or one that cannot be reached, is not
    known.
    """

    def begin(self) -> None:
        """Start to note; forget what was noted before."""
        ask_workers(self._client, _begin, nanny=True)

    def end(self) -> None:
        """Leave the nannies as they were; what was noted is kept until the next run begins."""
        ask_workers(self._client, _end, nanny=True)

    def what_happened(self, worker: str) -> str:
        """Return in words what a worker died of.

        Parameters
        ----------
        worker
            Its address.
        """
        code = _exits.get(worker)
        if code is None and self._client.status == "running":
            answers = ask_workers(self._client, _exit_code, worker, nanny=True)
            code = next((each for each in answers.values() if each is not None), None)
        return exit_words(code)


def exit_words(code: int | None) -> str:
    """Return what the exit code of a worker's process tells; None for one that is not known.

    Examples
    --------
    >>> exit_words(3), exit_words(-11)
    ('a worker exited with status 3', 'a worker crashed (SIGSEGV)')
    """
    if code is None:
        return "a worker was lost, and what it died of is not known"
    if code == 0:
        return "a worker was closed or restarted, as by client.restart() or cluster.scale()"
    if code > 0:
        return f"a worker exited with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name in ("SIGKILL", "SIGTERM", "SIGINT"):
        by = ", perhaps by the system for lack of memory" if name == "SIGKILL" else ""
        return f"a worker was killed from outside ({name}{by})"
    return f"a worker crashed ({name})"


def tasks_at_death(client: Client, worker: str) -> tuple[str, ...]:
    """Return the keys of the tasks that a worker was given when it died.

    Parameters
    ----------
    client
        Of the cluster.
    worker
        Its address. The scheduler learns of the death a moment after a nanny tells of its kill.
    """
    deadline = time.monotonic() + _REMOVED_TIMEOUT
    ask = partial(_processing_when_removed, worker)
    while (tasks := client.run_on_scheduler(ask)) is None:
        if time.monotonic() >= deadline:
            return ()
        time.sleep(_POLL)
    return tuple(tasks)


def _processing_when_removed(worker: str, dask_scheduler: Scheduler) -> list[str] | None:
    for _, event in reversed(dask_scheduler.get_events(worker)):
        if event.get("action") == "remove-worker":
            return [str(key) for key in event["processing-tasks"]]
    return None


class _Noted:
    """A nanny's callback that notes the exit code first."""

    def __init__(self, process: WorkerProcess) -> None:
        self._process = process
        self.usual: Callable[[int], None] | None = process.on_exit

    def __call__(self, code: int) -> None:
        # Only now: the scheduler may know a new worker before its nanny has its address.
        _exits[self._process.worker_address or ""] = code
        if self.usual is not None:
            self.usual(code)


def _begin(dask_worker: Nanny) -> None:
    _end(dask_worker)  # it may have died since
    _exits.clear()
    if dask_worker.process is not None:
        dask_worker.process.on_exit = _Noted(dask_worker.process)


def _end(dask_worker: Nanny) -> None:
    process = dask_worker.process
    if process is not None and isinstance(process.on_exit, _Noted):
        process.on_exit = process.on_exit.usual


def _exit_code(worker: str) -> int | None:
    return _exits.get(worker)
