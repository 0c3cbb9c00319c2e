"""The clock of a run, and how far those of other processes and hosts are ahead of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sdprofile.cluster.session import is_local
from sdprofile.cluster.worker_calls import ask_workers

if TYPE_CHECKING:
    from distributed import Client

_TRIES = 3
"""How often a clock is asked for; the shortest way there and back counts."""


class Clock:
    """Wall time of one run, by `time.perf_counter`: nothing else happens within."""

    began: float = 0.0
    """When the run began, in seconds of the wall clock (`time.time`), to align other series."""

    seconds: float = 0.0
    """How long it took, in seconds."""

    running_since: float | None = None
    """When it began, by `time.perf_counter`; None before and after the run."""

    def __init__(self, *, scheduler_ahead: float = 0.0) -> None:
        """Remember by how many seconds the scheduler's clock is ahead of this one."""
        self.scheduler_ahead = scheduler_ahead

    @property
    def began_there(self) -> float:
        """When the run began by the scheduler's clock, as its events and tasks have it."""
        return self.began + self.scheduler_ahead

    def __enter__(self) -> Self:
        self.began = time.time()
        self.running_since = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        now = time.perf_counter()
        self.seconds = now - (self.running_since or now)
        self.running_since = None


def scheduler_ahead(client: Client) -> float:
    """Return by how many seconds the clock of a client's scheduler is ahead of this one."""
    if is_local(client):  # whose scheduler lives in this process
        return 0.0
    return _ahead(lambda: {"": client.run_on_scheduler(_now)}).get("", 0.0)


def workers_ahead(client: Client, workers: Sequence[str]) -> dict[str, float]:
    """Return by how many seconds the clocks of workers are ahead of this one.

    Parameters
    ----------
    client
        Of the cluster.
    workers
        Addresses; of one that does not answer nothing is said.

    Notes
    -----
    As dask's heartbeat does (`distributed.Worker.heartbeat`), the answer is taken to be of the
    middle of the way there and back. An offset below half that way is none that is known.
    """
    if is_local(client):
        return {}
    return _ahead(lambda: ask_workers(client, _now, workers=workers))


def _ahead(
    ask: Callable[[], dict[str, float]], *, clock: Callable[[], float] = time.time
) -> dict[str, float]:
    best: dict[str, tuple[float, float]] = {}
    for _ in range(_TRIES):
        sent = clock()
        there = ask()
        came = clock()
        for each, now in there.items():
            found = (came - sent, now - (sent + came) / 2)
            best[each] = min(found, best.get(each, found))
    return {each: offset if abs(offset) > way / 2 else 0.0 for each, (way, offset) in best.items()}


def _now() -> float:
    return time.time()
