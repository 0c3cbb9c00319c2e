"""Notices that a run waits for what will never come."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from sdprofile.cluster.scheduler_calls import ask_scheduler
from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.cluster.worker_states import worker_states
from sdprofile.internals.distributed.worker import active_threads
from sdprofile.units import plural

if TYPE_CHECKING:
    from types import FrameType

    from distributed import Client, Scheduler, Worker

PATIENCE = 20.0
"""Seconds in which nothing at all must have happened."""

_EVERY = 2.0
_SOME = 1.0
_FRESH = 5.0
"""Seconds since a worker's last heartbeat from which it is not known what it does."""

_ANSWER = 2.0
"""Seconds that a worker has to tell what its tasks do."""

_WAITING: tuple[Literal["waiting", "queued", "processing", "no-worker"], ...] = (
    "waiting",
    "queued",
    "processing",
    "no-worker",
)
_GONE = (OSError, RuntimeError, ValueError, asyncio.CancelledError)
"""What asking a scheduler raises that is gone."""

_FETCHING = ("flight", "resumed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class Standstill:
    """Why nothing happens."""

    message: str
    """What is the matter, in one line."""

    advice: str
    """What to do about it."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the scheduler knows at one moment."""

    fetching: bool
    """Whether a worker fetches something, or may do anything: it has not been heard of."""

    waiting: int
    """Number of tasks that are not done."""

    homeless: str
    """A task that no worker may run; empty for none."""

    workers: int
    """Number of workers."""

    paused: int
    """How many of them are paused for lack of memory."""

    state: Hashable
    """Changes whenever something happens."""

    blocked: tuple[str, ...] = ()
    """Tasks that wait for others, which they have submitted themselves and which do not run."""

    waited_for: int = 0
    """How many others those are."""


class Watchdog:
    """Looks at the scheduler every few seconds, and barks once if nothing happens any more.

    Notes
    -----
    Workers that are paused by memory that they cannot spill stay so for ever
    (https://github.com/dask/distributed/issues/5999), and a task that asks for a worker or a
    resource that does not exist waits for it. A task that waits for tasks which it has submitted
    keeps its thread, and waits for ever if they need that thread.
    """

    def __init__(
        self, client: Client, bark: Callable[[Standstill], None], *, patience: float | None = None
    ) -> None:
        """Prepare it.

        Parameters
        ----------
        client
            Of the cluster to look at.
        bark
            Called in a thread of its own.
        patience
            Seconds in which nothing must have happened; `PATIENCE` if left out.
        """
        self._client = client
        self._bark = bark
        self._patience = PATIENCE if patience is None else patience
        self._last: Look | None = None
        self._since = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="sdprofile-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def look_again(self) -> Standstill | None:
        """Return why nothing happens, if nothing has since a look some time ago; None else."""
        try:
            return self._look(patience=min(_SOME, self._patience))
        except _GONE:
            return None

    def _watch(self) -> None:
        while not self._stopped.wait(min(_EVERY, self._patience / 4)):
            try:
                found = self._look(patience=self._patience)
            except _GONE:
                return  # the cell will notice
            if found is not None:
                if not self._stopped.is_set():
                    self._bark(found)
                return

    def _look(self, *, patience: float) -> Standstill | None:
        now: Look = ask_scheduler(self._client, look)
        last, self._last = self._last, now
        if now.fetching or not now.waiting or last is None or now.state != last.state:
            self._since = time.monotonic()
            return None
        seconds = time.monotonic() - self._since
        if seconds < patience:
            return None
        idle = self._none_runs(now)
        return explain(idle, seconds=seconds) if idle else None

    def _none_runs(self, now: Look) -> Look | None:
        """Ask the workers which of their tasks wait for others, and the scheduler for how many.

        That costs the workers a moment, so it is asked only where nothing else happens. None if a
        task does anything else, or may do so.
        """
        workers = [state.address for state in worker_states(self._client, parked=True)]
        answers = ask_workers(self._client, _clients_waited_with, workers=workers, timeout=_ANSWER)
        tasks = {task: client for answer in answers.values() for task, client in answer.items()}
        if len(answers) < len(workers) or not all(tasks.values()):
            return None
        if not tasks:
            return now
        count = partial(_count_not_begun, frozenset(tasks.values()), frozenset(tasks))
        waited_for: int = self._client.run_on_scheduler(count)
        return replace(now, blocked=tuple(tasks), waited_for=waited_for) if waited_for else None


def look(dask_scheduler: Scheduler) -> Look:
    """Return what the scheduler knows now.

    Parameters
    ----------
    dask_scheduler
        In whose process this runs.
    """
    workers = list(dask_scheduler.workers.values())
    counts = dict.fromkeys(_WAITING, 0)
    for group in dask_scheduler.task_groups.values():
        for state in _WAITING:
            counts[state] += group.states[state]

    told = [worker.metrics.get("task_counts", {}) for worker in workers]
    return Look(
        fetching=any(each.get(state) for each in told for state in _FETCHING)
        or any(time.time() - worker.last_seen > _FRESH for worker in workers),
        waiting=sum(counts.values()),
        homeless=next((str(task.key) for task in dask_scheduler.unrunnable), ""),
        workers=len(workers),
        paused=sum(worker.status.name == "paused" for worker in workers),
        state=(
            *sorted(counts.items()),
            *((worker.address, worker.status, worker.memory.spilled) for worker in workers),
        ),
    )


def _clients_waited_with(dask_worker: Worker) -> dict[str, str]:
    """Return for each task that runs the id of the client in which it waits; empty if it does not.

    A task that runs in no thread, as a coroutine, is not looked into.
    """
    from distributed import default_client

    state = dask_worker.state
    clients = {str(task.key): "" for task in (*state.executing, *state.long_running)}
    frames = sys._current_frames()
    for thread, key in active_threads(dask_worker).items():
        if _waits_in_client(frames.get(thread)):
            clients[str(key)] = default_client().id
    return clients


def _waits_in_client(frame: FrameType | None) -> bool:
    """Whether a thread waits for another one in dask's client, as for a future's result."""
    if frame is None or frame.f_globals.get("__name__") != "threading":
        return False
    while frame is not None and frame.f_globals.get("__name__") != "distributed.client":
        frame = frame.f_back
    return frame is not None


def _count_not_begun(
    clients: Collection[str], running: Collection[str], dask_scheduler: Scheduler
) -> int:
    """Return how many tasks some clients want that are neither done nor among those that run."""
    known = [each for each in map(dask_scheduler.clients.get, clients) if each is not None]
    wanted = {task for client in known for task in client.wants_what}
    return sum(task.state in _WAITING and str(task.key) not in running for task in wanted)


def explain(now: Look, *, seconds: float) -> Standstill:
    """Say why nothing happens.

    Parameters
    ----------
    now
        What the scheduler knows.
    seconds
        For how long it has been so.
    """
    import dask

    tasks = f"no task ran for {seconds:.0f} s though {plural(now.waiting, 'task')} waited"
    if not now.workers:
        return Standstill(
            message=f"{tasks}: no worker is left", advice="Look for what took them away"
        )
    if now.paused:
        # The fraction is the workers' own; they have been told of no other than this process.
        pause = dask.config.get("distributed.worker.memory.pause", None)
        above = f" above {pause:.0%} of its limit" if pause else ""
        return Standstill(
            message=f"{tasks}: {now.paused} of {plural(now.workers, 'worker')} paused, with"
            f" memory{above} that dask cannot spill",
            advice="Raise --memory, use smaller chunks, or look for what keeps memory in the"
            " workers that dask does not know of",
        )
    if now.homeless:
        return Standstill(
            message=f"{tasks}: {now.homeless} may run on no worker that there is",
            advice="Take workers=, resources= or dask.annotate out of the cell, or start such"
            " workers",
        )
    if now.blocked:
        first, *others = now.blocked
        who = f"{first} and {plural(len(others), 'other task')}" if others else first
        waits, has, holds = ("wait", "have", "hold") if others else ("waits", "has", "holds")
        return Standstill(
            message=f"no task made progress for {seconds:.0f} s: {who} {waits} for"
            f" {plural(now.waited_for, 'task')} that {'they' if others else 'it'} {has} submitted,"
            f" and {holds} the {'threads' if others else 'thread'} that those need",
            advice="Wait within `with worker_client():` or after secede(), which free the thread of"
            " a task that waits, or use more --threads or --workers",
        )
    return Standstill(message=tasks, advice="Look at the dashboard for what the tasks wait for")
