"""Gives workers their memory as a resource that tasks can ask for, and takes it back."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.internals.distributed.worker import give_resource

if TYPE_CHECKING:
    from distributed import Client, Scheduler, Worker

RESOURCE = "MEM"
"""Name of the resource, of which each worker has as many as its memory limit has bytes."""

_MARK = "_sdprofile_gave_memory"


def give_memory(client: Client) -> bool:
    """Give each worker with a memory limit the resource; one that has it already keeps its own.

    Returns
    -------
    bool
        Whether a worker has it now; else a task that asks for it would wait for ever.
    """
    return any(ask_workers(client, _give_memory).values())


def take_memory_back(client: Client) -> None:
    """Take the resource from the workers that `give_memory` gave it to, once nothing runs on them.

    Parameters
    ----------
    client
        Of the cluster.
    """
    if client.status == "running":
        given = [worker for worker, gave in ask_workers(client, _take_memory).items() if gave]
        client.run_on_scheduler(partial(_forget_memory, given))


async def _give_memory(dask_worker: Worker) -> bool:
    if RESOURCE in dask_worker.state.total_resources:
        return True
    given = await give_resource(dask_worker, RESOURCE)
    if given:
        setattr(dask_worker, _MARK, True)
    return given


def _take_memory(dask_worker: Worker) -> bool:
    state = dask_worker.state
    # What a task that still runs has taken of it, it gives back at its end.
    if not getattr(dask_worker, _MARK, False) or state.executing or state.long_running:
        return False
    delattr(dask_worker, _MARK)
    del state.total_resources[RESOURCE], state.available_resources[RESOURCE]
    return True


def _forget_memory(workers: Iterable[str], dask_scheduler: Scheduler) -> None:
    for address in workers:
        worker = dask_scheduler.workers.get(address)
        if worker is not None:
            worker.resources.pop(RESOURCE, None)
            worker.used_resources.pop(RESOURCE, None)
        dask_scheduler.resources.get(RESOURCE, {}).pop(address, None)
