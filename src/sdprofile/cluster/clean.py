"""Makes every run start alike: an idle scheduler, and workers that have given their memory back."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from sdprofile.cluster.garbage import (
    collect_garbage,
    forget_messages,
    free_memory,
    has_grown,
)
from sdprofile.cluster.own import is_started_here
from sdprofile.cluster.scheduler_calls import ask_scheduler
from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.cluster.worker_states import addresses
from sdprofile.internals.distributed.client import clear_own_log
from sdprofile.internals.distributed.worker import send_heartbeat
from sdprofile.interrupts import let_in

if TYPE_CHECKING:
    from distributed import Client, Scheduler, Worker

IDLE_TIMEOUT = 30.0
"""Seconds that tasks have to end."""

FORGET_TIMEOUT = 2.0
"""Seconds that the scheduler has to forget tasks that nobody holds."""

REST_TIMEOUT = 0.5
"""Seconds that a worker has to end a task that was cancelled, before it is replaced."""

SILENCE = 2.0
"""Seconds after which a worker that has not answered will not."""

ENDED = ("memory", "erred", "released", "forgotten")
"""States of tasks that a worker has no more to do for."""

_POLL = 0.005


def clean_slate(client: Client) -> int:
    """Wait until nothing of an earlier run is left, and free what the workers do not need.

    Parameters
    ----------
    client
        Of the cluster that the next run uses.

    Returns
    -------
    int
        Number of task groups that are still there, because the user holds their results.

    Notes
    -----
    Repeats of one graph share a span while the scheduler still knows the graph's task groups
    (https://github.com/dask/distributed/issues/7975). They are there as long as this process
    has their futures, perhaps as garbage only.
    """
    ours = is_started_here(client)
    if ours:
        clear_own_log(client)
    look = partial(_look, forget=ours)
    left: tuple[int, int] = ask_scheduler(client, look)
    if left[0]:
        wait_until_idle(client)
    if left[1] or has_grown():
        collect_garbage()

    def count_groups() -> int:
        nonlocal left
        left = ask_scheduler(client, look)
        return left[1]

    if left[1]:
        _left_over(count_groups, timeout=FORGET_TIMEOUT)
    ask_workers(client, _free_memory)
    return left[1]


def wait_until_idle(client: Client, *, timeout: float = IDLE_TIMEOUT) -> bool:
    """Wait until no task is running or about to, and say whether that came about.

    Parameters
    ----------
    client
        Of the cluster to wait for.
    timeout
        Limit in seconds.
    """
    return not _left_over(lambda: ask_scheduler(client, _count_unfinished), timeout=timeout)


def busy_workers(client: Client, *, timeout: float = REST_TIMEOUT) -> tuple[str, ...]:
    """Wait until no worker executes anything; return the addresses of those that still do.

    The scheduler forgets a task that is cancelled at once; the thread that runs it goes on.

    Parameters
    ----------
    client
        Of the cluster to wait for.
    timeout
        Limit in seconds. A worker that does not even answer until then is busy as well.
    """
    busy: tuple[str, ...] = ()

    def count_busy() -> int:
        nonlocal busy
        workers = addresses(client)
        executing = ask_workers(client, _count_executing, workers=workers, timeout=timeout)
        busy = tuple(worker for worker in workers if executing.get(worker, 1))
        return len(busy)

    _left_over(count_busy, timeout=timeout)
    return busy


def silent_workers(client: Client, *, timeout: float = SILENCE) -> tuple[str, ...]:
    """Return the addresses of the workers that do not answer: a task holds their whole process.

    Parameters
    ----------
    client
        Of the cluster.
    timeout
        Limit in seconds.
    """
    workers = addresses(client)
    answers = ask_workers(client, _count_executing, workers=workers, timeout=timeout)
    return tuple(worker for worker in workers if worker not in answers)


def _left_over(count: Callable[[], int], *, timeout: float) -> int:
    """Poll until a count is 0 or the time is over; return the last count."""
    deadline = time.monotonic() + timeout
    while (left := count()) and time.monotonic() < deadline:
        with let_in():
            time.sleep(_POLL)
    return left


def _count_executing(dask_worker: Worker) -> int:
    return dask_worker.state.executing_count


def _look(dask_scheduler: Scheduler, forget: bool) -> tuple[int, int]:
    """Return how many tasks and task groups are left; forget messages that were kept, if asked."""
    if forget:
        forget_messages(dask_scheduler)
    return _count_unfinished(dask_scheduler), len(dask_scheduler.task_groups)


def _count_unfinished(dask_scheduler: Scheduler) -> int:
    return sum(task.state not in ENDED for task in dask_scheduler.tasks.values())


async def _free_memory(dask_worker: Worker) -> None:
    if has_grown():
        free_memory()
    # Else dask would show the memory of the run before for another second.
    await send_heartbeat(dask_worker, memory_anew=True)
