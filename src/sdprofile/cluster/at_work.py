"""How far the workers of a cluster are with a run, for those who wait for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from distributed import Scheduler

from sdprofile.model.at_work import AtWork

if TYPE_CHECKING:
    from distributed import Client


def watch_work(client: Client, *, decimal: bool) -> Callable[[], AtWork] | None:
    """Return what tells how far the workers are with what is sent from now on.

    Parameters
    ----------
    client
        Of the cluster.
    decimal
        Whether amounts are written in powers of 1000.

    Returns
    -------
    callable or None
        Any thread may call it, for it only reads what the scheduler counts. None where the
        scheduler is in another process: to ask it would take its time from the run.
    """
    scheduler = getattr(client.cluster, "scheduler", None)
    if not isinstance(scheduler, Scheduler):
        return None
    known, done = _counts(scheduler)

    def look() -> AtWork:
        known_now, done_now = _counts(scheduler)
        fullest = max(
            list(scheduler.workers.values()),
            key=lambda worker: worker.metrics.get("memory", 0),
            default=None,
        )
        return AtWork(
            done=done_now - done,
            known=known_now - known,
            nbytes=fullest.metrics.get("memory", 0) if fullest is not None else 0,
            limit=fullest.memory_limit or 0 if fullest is not None else 0,
            decimal=decimal,
        )

    return look


def _counts(scheduler: Scheduler) -> tuple[int, int]:
    """Return how many tasks there have been since the scheduler started, and how many were done."""
    counts = [prefix.state_counts for prefix in list(scheduler.task_prefixes.values())]
    return sum(each["waiting"] for each in counts), sum(each["memory"] for each in counts)
