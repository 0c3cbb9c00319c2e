"""Brings a cluster to exactly n workers, up and down, and says so when it cannot."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.ending import end_surplus
from sdprofile.cluster.jobs import (
    QUEUE_TIMEOUT,
    comes_from_elsewhere,
    forget_lost_jobs,
    is_of_jobs,
    may_start_at_once,
    why_they_wait,
    workers_of_a_job,
)
from sdprofile.cluster.restart import restart
from sdprofile.cluster.worker_states import WorkerState, worker_states
from sdprofile.errors import NotReachedError, SdprofileError
from sdprofile.internals.distributed.client import futures
from sdprofile.internals.distributed.cluster import is_at_work, is_up, new_spec, worker_specs
from sdprofile.interrupts import ignored, let_in
from sdprofile.units import plural

if TYPE_CHECKING:
    from dask.typing import Key
    from distributed import Client, Scheduler

START_TIMEOUT = 60.0
"""Seconds that workers have to start or to leave."""

_POLL = 0.02
_ASK_AGAIN = 2.0


def resize(client: Client, workers: int, *, timeout: float | None = None) -> None:
    """Bring a client's cluster to exactly this many running workers.

    Parameters
    ----------
    client
        Its cluster is scaled.
    workers
        How many workers there are afterwards; 0 for none.
    timeout
        Limit in seconds; `START_TIMEOUT` if left out.

    Raises
    ------
    NotReachedError
        If another number of workers is there when the time is over.
    KeyboardInterrupt
        After an interrupt; workers that were starting are ended then.

    Notes
    -----
    ``client.wait_for_workers(n)`` returns at once when a cluster shrinks, with workers that are
    about to leave, and may wait for ever for a paused one (dask/distributed#6374). So both the
    scheduler and the cluster are asked until they agree. The wish is repeated, for a cluster
    forgets a worker that dies while it starts (dask/distributed#5919). A worker that stays paused
    is started anew, unless results are held on it (dask/distributed#5999).
    """
    before = len(worker_states(client))
    try:
        _come_to(client, workers, timeout)
    except KeyboardInterrupt:
        with ignored():
            end_surplus(client, keep=min(before, workers))
        raise


def _come_to(client: Client, workers: int, timeout: float | None) -> None:
    cluster: Any = client.cluster
    jobs, each = is_of_jobs(cluster), workers_of_a_job(cluster)
    if jobs:
        forget_lost_jobs(cluster, [state.name for state in worker_states(client)])
    if timeout is None:
        timeout = QUEUE_TIMEOUT if comes_from_elsewhere(cluster) else START_TIMEOUT
    deadline = time.monotonic() + timeout
    at_once = may_start_at_once(cluster)
    ask_again, asked = 0.0, -1
    while True:
        now = time.monotonic()
        states = worker_states(client)
        running = sum(state.status == "running" for state in states)
        known = asked >= 0 or isinstance(getattr(cluster, "workers", None), Mapping)
        if known and len(states) == running == workers and _is_settled(cluster, workers, each):
            return
        wish = min(workers, len(states) + at_once)
        if now >= ask_again or wish > asked:
            paused = [state.address for state in states if state.status == "paused"]
            if paused and ask_again:  # they have had time to come back by themselves
                restart(client, paused)
            cluster.scale(wish)
            ask_again, asked = now + _ASK_AGAIN, wish
        if now >= deadline:
            waiting = why_they_wait(cluster) if jobs else ""
            raise _wrong_number(workers, states, timeout, waiting)
        with let_in():
            time.sleep(_POLL)


def replace_all(client: Client, *, threads: int, memory_limit: int | None, workers: int) -> None:
    """Replace all workers by new ones with other threads and another memory limit.

    Parameters
    ----------
    client
        Keeps its connection; its cluster goes through zero workers.
    threads
        Threads of each new worker.
    memory_limit
        Memory limit of each new worker, in bytes; None for none.
    workers
        How many new workers there are afterwards.

    Raises
    ------
    SdprofileError
        If results are held on the workers, for they would be lost; if the cluster does not say
        how its workers are made; or if the new workers do not start.
    """
    options = worker_options(client)
    if held := held_results(client):
        raise SdprofileError(
            "the session's cluster: expected no results on its workers, which are replaced to"
            f" change --memory or --threads, got {held} (delete them, or leave these options out)"
        )
    resize(client, 0)
    options.update(nthreads=threads, memory_limit=memory_limit)
    resize(client, workers)


def replace_gently(client: Client, options: dict[str, Any], *, workers: int) -> None:
    """Replace all workers by new ones, to which the results that are held move first.

    Parameters
    ----------
    client
        Keeps its connection and its results.
    options
        With which the new workers are made.
    workers
        How many new workers there are afterwards.

    Raises
    ------
    SdprofileError
        If the new workers do not start, or the old ones do not leave.
    """
    specs = worker_specs(client.cluster)
    old = list(specs)
    worker_options(client).update(options)
    resize(client, len(old) + workers)
    for name in old:
        del specs[name]
    resize(client, workers)


def worker_options(client: Client) -> dict[str, Any]:
    """Return the options with which a client's cluster makes its next worker.

    Raises
    ------
    SdprofileError
        If the cluster has none for threads and memory, as batch systems do.
    """
    options: dict[str, Any] = new_spec(client.cluster).get("options", {})
    if "memory_limit" not in options or "nthreads" not in options:
        raise SdprofileError(
            f"the session's cluster: expected one whose workers can be replaced, got a"
            f" {type(client.cluster).__name__} (leave --memory and --threads out)"
        )
    return options


def held_results(client: Client) -> str:
    """Return what a client's cluster keeps for someone, as in ``12 results``; empty for nothing."""
    # What this client submitted or let go of a moment ago may be news to the scheduler.
    gone = ("cancelled", "lost")
    held = [key for key, state in futures(client).items() if state.status not in gone]
    number: int = client.run_on_scheduler(_count_held, client=client.id, held=held)
    return plural(number, "result") if number else ""


def _is_settled(cluster: Any, workers: int, each: int) -> bool:
    """Whether a cluster has these workers itself, and starts or stops none now.

    It may do so for a wish that was taken back since, and counts a worker only once that has
    started (`SpecCluster._correct_state_internal`). One that does not say has what its scheduler
    has.
    """
    own: Any = getattr(cluster, "workers", None)
    if not isinstance(own, Mapping):
        return True
    wished = worker_specs(cluster) or own
    settled = workers == each * len(own) == each * len(wished) and not is_at_work(cluster)
    return settled and all(map(is_up, own.values()))


def _count_held(dask_scheduler: Scheduler, client: str, held: list[Key]) -> int:
    by_others = {
        key
        for key, task in dask_scheduler.tasks.items()
        if any(other.client_key != client for other in task.who_wants or ())
    }
    return len(by_others.union(held))


def _wrong_number(
    workers: int, states: tuple[WorkerState, ...], timeout: float, waiting: str
) -> NotReachedError:
    others = sorted({state.status for state in states if state.status != "running"})
    running = sum(state.status == "running" for state in states)
    if len(states) > workers:
        left = f"{len(states)} of {len(states)}" if workers == 0 else f"{len(states)}"
        return NotReachedError(
            f"expected {plural(workers, 'worker')}, got {left} after {timeout:.0f} s",
            "Look for what else scales this cluster, or for workers that are too busy to leave",
        )
    detail = f", {len(states) - running} {' and '.join(others)}" if others else ""
    if waiting:
        return NotReachedError(
            f"only {running} of {plural(workers, 'worker')} started in {timeout:.0f} s; the queue"
            f" says of their jobs: {waiting}",
            "Try fewer workers, smaller jobs, or another queue",
        )
    return NotReachedError(
        f"only {running} of {plural(workers, 'worker')} started in {timeout:.0f} s{detail}",
        "Try fewer workers, or another --memory for each",
    )
