"""Ends workers of this machine at once, also those that are still starting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from sdprofile.cluster.workers import stop_forkserver

if TYPE_CHECKING:
    from distributed import Client, Scheduler

END_TIMEOUT = 10.0
"""Seconds that processes which are killed have to be gone."""

_POLL = 0.02


def end_surplus(client: Client, *, keep: int) -> None:
    """Bring a cluster down to so many workers without waiting for those that are starting.

    Parameters
    ----------
    client
        Of the cluster.
    keep
        How many workers to keep, those first that run.

    Notes
    -----
    Asked to close, dask's nannies wait until their workers have started: 40 of them on 2 CPUs for
    21 s. So what starts is killed, and what runs and holds no data. Workers that hold data, and
    those of other machines, leave as they do on ``cluster.scale``.
    """
    cluster: Any = client.cluster
    if hasattr(cluster, "_created"):
        holding = set(client.run_on_scheduler(_names_with_data))
        with _failed_starts_unlogged(), contextlib.suppress(TimeoutError):
            cluster.sync(_end, cluster, keep, holding, callback_timeout=END_TIMEOUT)
    cluster.scale(keep)  # only now, for it asks those that it takes away whether they may go


async def _end(cluster: Any, keep: int, holding: set[str]) -> None:
    """Kill the workers of a `SpecCluster` that it is not to have, until they are gone."""
    from distributed import Nanny

    up = {name for name, worker in cluster.workers.items() if worker.status.name == "running"}
    for name in sorted(cluster.worker_spec, key=lambda name: name not in up)[keep:]:
        if str(name) not in holding:
            del cluster.worker_spec[name]
    while True:
        surplus = [
            nanny
            for nanny in cluster._created
            if isinstance(nanny, Nanny)
            and nanny.name not in cluster.worker_spec
            and str(nanny.name) not in holding
        ]
        for nanny in surplus:
            _kill(nanny)
        waiting = [nanny for nanny in surplus if _may_run(nanny)]
        if not waiting and not cluster._lock.locked():
            return
        if any(nanny.pid is None for nanny in waiting):
            stop_forkserver()  # which may make imports for seconds before it starts one
        await asyncio.sleep(_POLL)


def _kill(nanny: Any) -> None:
    if nanny.status.name not in ("closing", "closed", "failed"):
        nanny.close_gracefully()  # or it would start its worker again
    nanny.instantiate = _refuse  # or for the first time
    nanny.kill = _killed_already  # or it would wait for a worker that has not started
    if nanny.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(nanny.pid, signal.SIGKILL)


def _may_run(nanny: Any) -> bool:
    """Whether a nanny's worker runs, or will once the system has made its process."""
    process = nanny.process
    starts = process is not None and process.status.name == "starting"
    return bool(nanny.is_alive() or (starts and not process.running.is_set()))


async def _refuse() -> NoReturn:
    raise RuntimeError("Nanny failed to start: the cluster no longer wants its worker")


async def _killed_already(*_: object, **__: object) -> None:
    pass


def _names_with_data(dask_scheduler: Scheduler) -> list[str]:
    return [str(worker.name) for worker in dask_scheduler.workers.values() if worker.has_what]


@contextlib.contextmanager
def _failed_starts_unlogged() -> Iterator[None]:
    """Keep from the log that workers which were killed did not start."""

    def no_failed_start(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not (isinstance(error, RuntimeError) and "Nanny failed to start" in str(error))

    logger = logging.getLogger("tornado.application")
    logger.addFilter(no_failed_start)
    try:
        yield
    finally:
        logger.removeFilter(no_failed_start)
