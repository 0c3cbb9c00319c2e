"""Ends workers of this machine at once, also those that are still starting."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.workers import stop_forkserver
from sdprofile.internals.distributed.cluster import (
    can_end_at_once,
    created,
    is_at_work,
    kill_for_good,
    may_run,
    worker_specs,
)

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
    if can_end_at_once(cluster):
        holding = set(client.run_on_scheduler(_names_with_data))
        with _failed_starts_unlogged(), contextlib.suppress(TimeoutError):
            cluster.sync(_end, cluster, keep, holding, callback_timeout=END_TIMEOUT)
    cluster.scale(keep)  # only now, for it asks those that it takes away whether they may go


async def _end(cluster: Any, keep: int, holding: set[str]) -> None:
    """Kill the workers of a `SpecCluster` that it is not to have, until they are gone."""
    from distributed import Nanny

    up = {name for name, worker in cluster.workers.items() if worker.status.name == "running"}
    specs = worker_specs(cluster)
    for name in sorted(specs, key=lambda name: name not in up)[keep:]:
        if str(name) not in holding:
            del specs[name]
    while True:
        surplus = [
            nanny
            for nanny in created(cluster)
            if isinstance(nanny, Nanny)
            and nanny.name not in specs
            and str(nanny.name) not in holding
        ]
        for nanny in surplus:
            kill_for_good(nanny)
        waiting = [nanny for nanny in surplus if may_run(nanny)]
        if not waiting and not is_at_work(cluster):
            return
        if any(nanny.pid is None for nanny in waiting):
            stop_forkserver()  # which may make imports for seconds before it starts one
        await asyncio.sleep(_POLL)


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
