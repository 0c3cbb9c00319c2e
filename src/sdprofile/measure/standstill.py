"""Notices that a run waits for what will never come."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sdprofile.model.units import plural

if TYPE_CHECKING:
    from distributed import Client, Scheduler

PATIENCE = 20.0
"""Seconds in which nothing at all must have happened."""

_EVERY = 2.0
_FRESH = 5.0
"""Seconds since a worker's last heartbeat from which it is not known what it does."""

_WAITING: tuple[Literal["waiting", "queued", "processing", "no-worker"], ...] = (
    "waiting",
    "queued",
    "processing",
    "no-worker",
)
_AT_WORK = ("executing", "long-running", "flight", "resumed", "cancelled")


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

    at_work: bool
    """Whether a worker executes or fetches something, or may do so."""

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


class Watchdog:
    """Looks at the scheduler every few seconds, and barks once if nothing happens any more.

    Notes
    -----
    Workers that are paused by memory that they cannot spill stay so for ever
    (https://github.com/dask/distributed/issues/5999), and a task that asks for a worker or a
    resource that does not exist waits for it.
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
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="sdprofile-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()

    def _watch(self) -> None:
        last: Look | None = None
        since = time.monotonic()
        while not self._stopped.wait(min(_EVERY, self._patience / 4)):
            try:
                now = self._client.run_on_scheduler(look)
            except (OSError, RuntimeError, ValueError, asyncio.CancelledError):
                return  # the scheduler is gone, which the cell will notice
            if now.at_work or not now.waiting or last is None or now.state != last.state:
                since = time.monotonic()
            elif time.monotonic() - since >= self._patience:
                if not self._stopped.is_set():
                    self._bark(explain(now, seconds=self._patience))
                return
            last = now


def look(dask_scheduler: Scheduler) -> Look:
    """Return what the scheduler knows now.

    Parameters
    ----------
    dask_scheduler
        In whose process this runs.
    """
    from distributed.core import Status
    from distributed.metrics import time as now

    workers = list(dask_scheduler.workers.values())
    counts = dict.fromkeys(_WAITING, 0)
    for group in dask_scheduler.task_groups.values():
        for state in _WAITING:
            counts[state] += group.states[state]
    return Look(
        at_work=any(
            now() - worker.last_seen > _FRESH
            or any(worker.metrics.get("task_counts", {}).get(state) for state in _AT_WORK)
            for worker in workers
        ),
        waiting=sum(counts.values()),
        homeless=next((str(task.key) for task in dask_scheduler.unrunnable), ""),
        workers=len(workers),
        paused=sum(worker.status == Status.paused for worker in workers),
        state=(
            *sorted(counts.items()),
            *((worker.address, worker.status, worker.memory.spilled) for worker in workers),
        ),
    )


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
    return Standstill(message=tasks, advice="Look at the dashboard for what the tasks wait for")
