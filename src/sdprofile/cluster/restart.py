"""Lets workers that cannot be asked any more be killed and started again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from sdprofile.internals.distributed.scheduler import killing

if TYPE_CHECKING:
    from dask.typing import Key
    from distributed import Client, Scheduler
    from distributed.scheduler import TaskState

_STOP_TIMEOUT = 2.0
_OF_TASKS = "Client-worker-"
"""How the names of the clients begin that tasks have (`distributed.worker.get_client`)."""


def restart(client: Client, workers: Sequence[str], *, keep: Collection[Key] | None = None) -> bool:
    """Let nannies kill these workers and start them again, unless results are held on them.

    Parameters
    ----------
    client
        Of the cluster.
    workers
        Addresses. They do not stop by themselves, so they are not asked for long.
    keep
        Which of this client's results count; all if left out.

    Returns
    -------
    bool
        Whether it was done; not so if results would be lost, or a worker has no nanny.
    """
    done: bool = client.run_on_scheduler(
        _restart, workers=list(workers), client=client.id, keep=None if keep is None else set(keep)
    )
    return done


async def _restart(
    dask_scheduler: Scheduler, workers: list[str], client: str, keep: set[Key] | None
) -> bool:
    def is_wanted(task: TaskState) -> bool:
        by = {each.client_key for each in task.who_wants or ()}
        # What a task wants of others goes with it.
        others = any(each != client and not each.startswith(_OF_TASKS) for each in by)
        return others or (client in by and (keep is None or task.key in keep))

    async def kill(nanny: str) -> None:
        if start_killing is not None:
            await asyncio.wait_for(start_killing(nanny), 2 * _STOP_TIMEOUT)

    # Not by the client: it fails where a worker has left since.
    there = {each: dask_scheduler.workers.get(each) for each in workers}
    states = {each: state for each, state in there.items() if state is not None}
    wanted = any(is_wanted(task) for state in states.values() for task in state.has_what)
    start_killing = killing(dask_scheduler, timeout=_STOP_TIMEOUT)
    without = start_killing is None or any(state.nanny is None for state in states.values())
    if wanted or without:
        return False
    nannies = [state.nanny for state in states.values() if state.nanny is not None]
    # One that does not do it has left, or its worker dies of something else.
    await asyncio.gather(*map(kill, nannies), return_exceptions=True)
    # One that has been killed counts until the scheduler notices that its connection is closed.
    for each, state in states.items():
        if dask_scheduler.workers.get(each) is state:
            await dask_scheduler.remove_worker(each, stimulus_id="sdprofile")
    return True
