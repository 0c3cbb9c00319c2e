"""The workers of a cluster, as its scheduler knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.cluster.plugins import find_plugin
from sdprofile.cluster.scheduler_calls import ask_scheduler

if TYPE_CHECKING:
    from distributed import Client, Scheduler

PARKING = "sdprofile-parking"
"""Name of the scheduler's plugin that parks workers."""


@dataclass(frozen=True, kw_only=True)
class WorkerState:
    """A worker as the scheduler knows it."""

    address: str
    """Address, as in ``tcp://127.0.0.1:40115``."""

    identity: str
    """Dask's name for its process; another one has the same address if the port is fixed."""

    status: str
    """Dask's word: ``running``, ``paused``, ``closing_gracefully`` and so on."""

    threads: int
    """Number of threads."""

    memory_limit: int
    """Memory limit in bytes; 0 for none."""

    name: str
    """What it was called when it was started, or its address."""

    host: str
    """Where it runs, as dask knows it: an IP address mostly."""


def worker_states(client: Client, *, parked: bool = False) -> tuple[WorkerState, ...]:
    """Return the workers that the scheduler knows now.

    Parameters
    ----------
    client
        Of the cluster.
    parked
        Whether those count that `sdprofile.cluster.parking` has parked.

    Notes
    -----
    ``client.scheduler_info()`` gives the state of a moment ago, and only the first few workers.
    """
    states: tuple[WorkerState, ...] = ask_scheduler(client, _worker_states, parked=parked)
    return states


def addresses(client: Client) -> list[str]:
    """Return the addresses of the workers that the scheduler knows now, but for parked ones."""
    return [state.address for state in worker_states(client)]


def _worker_states(dask_scheduler: Scheduler, parked: bool) -> tuple[WorkerState, ...]:
    parking = None if parked else find_plugin(dask_scheduler, PARKING)
    left_out: set[str] = getattr(parking, "parked", set())
    return tuple(
        WorkerState(
            address=worker.address,
            identity=worker.server_id,
            status=worker.status.name,
            threads=worker.nthreads,
            memory_limit=worker.memory_limit or 0,
            name=str(worker.name),
            host=worker.host,
        )
        for worker in dask_scheduler.workers.values()
        if worker.address not in left_out
    )
