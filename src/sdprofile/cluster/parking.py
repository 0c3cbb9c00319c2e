"""Makes n of a cluster's workers work and parks the others, where the cluster cannot be scaled."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from distributed import SchedulerPlugin

from sdprofile.cluster.plugins import find_plugin, start_plugin, stop_plugin
from sdprofile.cluster.worker_states import PARKING, WorkerState, worker_states
from sdprofile.errors import NotReachedError, SdprofileError
from sdprofile.internals.distributed.cluster import supports_scaling
from sdprofile.internals.distributed.scheduler import wake
from sdprofile.interrupts import let_in
from sdprofile.units import plural

if TYPE_CHECKING:
    from distributed import Client, Scheduler

START_TIMEOUT = 60.0
"""Seconds that workers which died have to be started again."""

PARK_TIMEOUT = 60.0
"""Seconds that workers have to move their data away, or to come back."""

_POLL = 0.02
_BARRIER = "shuffle-barrier"


def can_scale(client: Client) -> bool:
    """Whether the number of workers of a client's cluster can be changed.

    Notes
    -----
    Each of dask's own clusters has the method; those that cannot scale say so beside it, as an
    `SSHCluster` does.
    """
    cluster = client.cluster
    return hasattr(cluster, "scale") and supports_scaling(cluster)


def choose(
    client: Client, on: Collection[str] = (), *, at_least: int = 0
) -> tuple[WorkerState, ...]:
    """Return the workers that may be used, parked or not, in the order in which they are.

    Parameters
    ----------
    client
        Of the cluster.
    on
        Names, addresses or hosts of workers; all workers if empty.
    at_least
        How many there must be. One that died is waited for, as its nanny may start it again.

    Raises
    ------
    SdprofileError
        If one of `on` is none of these, if there is no worker, or if they are unlike each other.
    NotReachedError
        If fewer than that are there when the time is over.
    """
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        states = worker_states(client, parked=True)
        over = time.monotonic() > deadline
        try:
            found = _chosen(states, on)
        except SdprofileError:
            if over or not at_least:
                raise
        else:
            if len(found) >= at_least:
                return found
            if over:
                raise NotReachedError(
                    f"only {len(found)} of {plural(at_least, 'worker')} are there after"
                    f" {START_TIMEOUT:.0f} s",
                    "Find out why the others ended, and start new ones",
                )
        with let_in():
            time.sleep(_POLL)


def _chosen(states: Sequence[WorkerState], on: Collection[str]) -> tuple[WorkerState, ...]:
    chosen = {state for each in on for state in _called(each, states)} if on else set(states)
    if not chosen:
        raise SdprofileError(
            "the session's cluster: expected at least one worker, got none (start one)"
        )
    kinds = {(state.threads, state.memory_limit) for state in chosen}
    if len(kinds) > 1:
        raise SdprofileError(
            "the session's cluster: expected workers with the same threads and memory limit, got"
            f" {len(kinds)} kinds (choose some of one kind by --on)"
        )
    return tuple(sorted(chosen, key=lambda state: (_natural(state.name), state.address)))


def keep_awake(client: Client, workers: Sequence[str]) -> None:
    """Let only these workers work; the others give their data away and take no tasks.

    Parameters
    ----------
    client
        Of the cluster. If it goes, the workers wake up.
    workers
        Addresses.

    Raises
    ------
    NotReachedError
        If the others hold what fits nowhere else, or one of these does not come back.
    SdprofileError
        If somebody else has parked workers.

    Notes
    -----
    Tasks that are restricted to some workers are not the same as fewer workers: dask then hands out
    all root tasks at once, and the peak is up to twice as high. And tasks that tasks submit,
    finalize and data that is held would still be anywhere.
    """
    with let_in():
        stayed: list[str] = client.run_on_scheduler(
            partial(_park, client=client.id, stay=list(workers))
        )
    if stayed:
        raise NotReachedError(
            f"{plural(len(stayed), 'worker')} could not be parked: the results that it holds fit"
            " on no other",
            "Delete results that are held on the cluster, or use more --workers",
        )
    _wait(client, set(workers))


def wake_all(client: Client) -> None:
    """Let all workers work again."""
    if client.status == "running" and client.run_on_scheduler(_wake_all):
        _wait(client)


def _wait(client: Client, only: set[str] | None = None) -> None:
    """Wait until only these workers work; without any, until all do that are there by then."""
    deadline = time.monotonic() + PARK_TIMEOUT
    while True:
        states = worker_states(client, parked=only is None)
        there = {state.address for state in states}
        up = {state.address for state in states if state.status == "running"}
        # One that was killed may come back, at another address, while others are waited for.
        workers = there if only is None else only
        if up == workers == there:
            return
        if time.monotonic() > deadline:
            raise NotReachedError(
                f"only {len(up & workers)} of {plural(len(workers), 'worker')} came back in"
                f" {PARK_TIMEOUT:.0f} s",
                "Look for workers that are paused or do not answer",
            )
        with let_in():
            time.sleep(_POLL)


def _called(word: str, states: Sequence[WorkerState]) -> list[WorkerState]:
    """Return the workers that a word of the user's stands for."""
    hosts = {word}
    if not any(word in (state.name, state.address, state.host) for state in states):
        try:
            hosts = {str(each[4][0]) for each in socket.getaddrinfo(word, None)}
        except OSError:
            hosts = set()
    found = [s for s in states if s.name == word or s.address == word or s.host in hosts]
    if not found:
        known = sorted({state.name for state in states}, key=_natural)
        more = ", ..." if len(known) > 8 else ""
        raise SdprofileError(
            f"--on: expected names, addresses or hosts of workers, got {word!r}"
            f" (names: {', '.join(known[:8])}{more})"
        )
    return found


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts names with numbers as people do: worker-2 before worker-10."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


class _Parking(SchedulerPlugin):
    """Keeps workers parked, also those that come meanwhile, until the client wakes them or goes."""

    name = PARKING

    def __init__(self, client: str) -> None:
        self.client = client
        self._tasks: set[asyncio.Task[Any]] = set()
        self.stay: set[str] = set()
        self.parked: set[str] = set()

    async def park(self, scheduler: Scheduler, workers: Collection[str]) -> list[str]:
        """Park workers; return those that could not be."""
        leave = [address for address in workers if address not in self.parked]
        if not leave:
            return []
        self.parked.update(leave)
        # Without the removal of what they are, they may come back.
        done = await scheduler.retire_workers(leave, close_workers=False, remove=False)
        stayed = [each for each in leave if each in scheduler.workers and each not in done]
        self.parked.difference_update(stayed)
        return stayed

    def wake(self, scheduler: Scheduler, workers: Collection[str]) -> None:
        """Let workers take tasks again; they tell the scheduler so themselves."""
        for address in self.parked.intersection(workers):
            self.parked.discard(address)
            if address in scheduler.workers:
                wake(scheduler, address, stimulus=PARKING)

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """Park a worker that comes meanwhile, once it is known."""
        if worker not in self.stay:
            task = asyncio.get_running_loop().create_task(self._park_late(scheduler, worker))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _park_late(self, scheduler: Scheduler, worker: str) -> None:
        if worker in scheduler.workers and worker not in self.stay:
            await self.park(scheduler, [worker])

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: object) -> None:
        """Forget a worker that has gone."""
        self.parked.discard(worker)

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """Wake all workers when the client goes, whatever became of it."""
        if client == self.client:
            self.wake(scheduler, self.parked)

    def update_graph(self, scheduler: Scheduler, *, tasks: Iterable[Any], **_: object) -> None:
        """Keep a shuffle from giving parts of its result to workers that are parked."""
        for key in tasks:
            task = scheduler.tasks[key]
            if task.prefix.name.startswith(_BARRIER) and not task.worker_restrictions:
                task.worker_restrictions = set(self.stay)


async def _park(dask_scheduler: Scheduler, client: str, stay: list[str]) -> list[str]:
    plugin: Any = find_plugin(dask_scheduler, PARKING)
    if plugin is None:
        plugin = _Parking(client)
        start_plugin(dask_scheduler, plugin, name=PARKING, client=client)
    elif plugin.client != client:
        raise SdprofileError(
            "the session's cluster: expected nobody else to profile on it, got workers that another"
            " profile has parked (wait until it ends)"
        )
    plugin.stay = set(stay)
    plugin.wake(dask_scheduler, stay)
    # Only once they are back, the data of the others can move to them.
    for _ in range(int(PARK_TIMEOUT / _POLL)):
        back = [dask_scheduler.workers.get(address) for address in stay]
        if all(worker.status.name == "running" for worker in back if worker is not None):
            break
        await asyncio.sleep(_POLL)
    others = [address for address in dask_scheduler.workers if address not in plugin.stay]
    stayed: list[str] = await plugin.park(dask_scheduler, others)
    return stayed


def _wake_all(dask_scheduler: Scheduler) -> bool:
    plugin: Any = find_plugin(dask_scheduler, PARKING)
    if plugin is None:
        return False
    plugin.wake(dask_scheduler, set(plugin.parked))
    stop_plugin(dask_scheduler, PARKING)
    return True
