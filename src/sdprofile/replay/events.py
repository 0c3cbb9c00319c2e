"""Runs recorded tasks again on virtual workers, event by event."""

from __future__ import annotations

import math
from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from sdprofile.replay.virtual_workers import (
    SCHEDULER,
    Costs,
    Cpus,
    Kernel,
    Replayed,
    VirtualWorker,
)

if TYPE_CHECKING:
    from sdprofile.model.trace import Group, Trace

_SATURATION = 1.1
"""Tasks that a worker has at a time for each of its threads, of those that wait for no other
(``distributed.scheduler.worker-saturation``)."""

_FEW_BEFORE = 5
"""Groups, and tasks in them, below which the tasks that need them count as waiting for no other
(`distributed.Scheduler.is_rootish`)."""

_ARRIVED, _FETCHED, _WAITED = range(3)


def replay(trace: Trace, costs: Costs, *, workers: int) -> Replayed:
    """Run the tasks of a trace again on virtual workers.

    Parameters
    ----------
    trace
        What was recorded.
    costs
        What all takes.
    workers
        How many workers there are, each with the threads of the trace.

    Returns
    -------
    Replayed
        Time and memory.

    Notes
    -----
    A discrete-event simulation. Tasks are handed out as dask does by default
    (https://distributed.dask.org/en/stable/scheduling-policies.html): those that wait for no other
    are queued, others go where their inputs are, and idle workers steal. Threads and the
    scheduler, which handles one task after another, share the CPUs that there are; a worker fetches
    one result after another. Graphs come when what the kernel had waited for is there.
    """
    return _Replay(trace, costs, workers).run()


class _Replay:
    def __init__(self, trace: Trace, costs: Costs, workers: int) -> None:
        self._costs, self._threads = costs, trace.threads
        self._kernel = Kernel(trace)
        self._cpus = Cpus(costs.cpus, crowding=costs.crowding, alone=costs.alone)
        self._workers = [
            VirtualWorker(free=trace.threads, in_use=costs.baseline, peak=costs.baseline)
            for _ in range(workers)
        ]
        self._total = self._most = workers * costs.baseline
        self._idle = set(range(workers))
        self._cap = max(1, math.ceil(_SATURATION * trace.threads))
        self._group, self._order = trace.group.tolist(), trace.order.tolist()
        self._nbytes = trace.nbytes.tolist()
        self._seconds, self._inputs = trace.durations, trace.inputs_of
        self._dependents = trace.users_of
        self._missing = [1 + len(inputs) for inputs in self._inputs]  # one for its graph
        self._users = [len(users) for users in self._dependents]
        self._kept = [bool(each) for each in trace.wanted]
        self._where: list[list[int]] = [[] for _ in self._inputs]
        queued = [_is_queued(each, workers * trace.threads) for each in trace.groups]
        self._is_queued = [queued[group] for group in self._group]
        self._queue: list[tuple[int, int]] = []
        self._results: deque[tuple[int, int]] = deque()
        self._events: list[tuple[float, int, int, int]] = []
        self._taken_up = [0.0] * len(self._inputs)
        self._task_seconds = 0.0
        self._end: float | None = None

    def run(self) -> Replayed:
        cpus, events = self._cpus, self._events
        self._expect_graph(self._kernel.start())
        while (first := cpus.next_end()) < math.inf or events:
            if not events or first <= events[0][0]:
                cpus.advance(first)
                self._computed(*cpus.pop())
                continue
            moment, kind, task, where = heappop(events)
            cpus.advance(moment)
            if kind == _WAITED:
                self._finish(task, where)
            elif kind == _FETCHED:
                self._fetched(task, where)
            else:
                self._arrive()
        if self._end is None:
            raise ValueError("expected tasks that can all be run, got some that cannot")
        return Replayed(
            seconds=self._end,
            peak_worker=max(worker.peak for worker in self._workers),
            peak_cluster=self._most,
            task_seconds=self._task_seconds,
        )

    def _expect_graph(self, moment: float | None) -> None:
        if moment is not None:
            heappush(self._events, (moment, _ARRIVED, -1, -1))

    def _arrive(self) -> None:
        """Let a graph come, or the cell end."""
        kernel = self._kernel
        for index in kernel.drops[kernel.next]:
            self._kept[index] = False
            self._drop_unused(index)
        if kernel.next == len(kernel.graphs):
            self._end = self._cpus.now
            return
        for index in kernel.graphs[kernel.next]:
            self._missing[index] -= 1
            if not self._missing[index]:
                self._hand_out(index)
        self._expect_graph(kernel.come(self._cpus.now))

    def _hand_out(self, task: int) -> None:
        """Decide where a task runs whose inputs are all there."""
        workers = self._workers
        if self._is_queued[task]:
            where = min(range(len(workers)), key=lambda each: workers[each].processing)
            if workers[where].processing >= self._cap:
                heappush(self._queue, (self._order[task], task))
                return
        else:
            holders = {where for each in self._inputs[task] for where in self._where[each]}
            if len(holders) == 1:
                (where,) = holders
            else:
                where = min(holders or range(len(workers)), key=lambda w: self._start_of(task, w))
        self._assign(task, where)

    def _start_of(self, task: int, where: int) -> tuple[float, int]:
        """Return when a worker could start a task, as dask guesses (`worker_objective`)."""
        worker = self._workers[where]
        missing = self._to_fetch(task, where) / self._costs.rate
        return worker.occupied / self._threads + missing, worker.in_use

    def _to_fetch(self, task: int, where: int) -> int:
        """Return the bytes of its inputs that a worker has not."""
        return sum(self._nbytes[each] for each in self._inputs[task] if self._lacks(where, each))

    def _lacks(self, where: int, task: int) -> bool:
        return where not in self._where[task] and bool(self._where[task])

    def _assign(self, task: int, where: int) -> None:
        worker = self._workers[where]
        self._idle.discard(where)
        worker.processing += 1
        worker.occupied += self._seconds[task]
        if any(self._lacks(where, each) for each in self._inputs[task]):
            start = max(self._cpus.now, worker.fetching_until)
            worker.fetching_until = start + self._to_fetch(task, where) / self._costs.rate
            heappush(self._events, (worker.fetching_until, _FETCHED, task, where))
        else:
            heappush(worker.ready, (self._order[task], task))
            self._take_up(where)

    def _fetched(self, task: int, where: int) -> None:
        for each in self._inputs[task]:
            if self._lacks(where, each):
                self._where[each].append(where)
                self._hold(where, self._nbytes[each])
        heappush(self._workers[where].ready, (self._order[task], task))
        self._take_up(where)

    def _take_up(self, where: int) -> None:
        """Let free threads of a worker take up what is ready."""
        worker, costs = self._workers[where], self._costs
        while worker.free and worker.ready:
            _, task = heappop(worker.ready)
            worker.free -= 1
            group = self._group[task]
            self._taken_up[task] = self._cpus.now
            self._hold(where, costs.rise[group])
            work = costs.overhead + self._seconds[task] * costs.cpu_share[group]
            self._cpus.add(work, task, where)

    def _computed(self, task: int, where: int) -> None:
        """Go on where a CPU was needed for a task."""
        if where == SCHEDULER:
            self._handled(*self._results.popleft())
            self._schedule()
            return
        waits = self._seconds[task] * (1.0 - self._costs.cpu_share[self._group[task]])
        if waits > 0.0:
            heappush(self._events, (self._cpus.now + waits, _WAITED, task, where))
        else:
            self._finish(task, where)

    def _finish(self, task: int, where: int) -> None:
        worker, seconds = self._workers[where], self._seconds[task]
        worker.free += 1
        worker.processing -= 1
        worker.occupied -= seconds
        took = self._cpus.now - self._taken_up[task]
        if seconds:
            self._task_seconds += took * seconds / (seconds + self._costs.overhead)
        self._hold(where, self._nbytes[task] - self._costs.rise[self._group[task]])
        self._where[task].append(where)
        self._take_up(where)
        self._results.append((task, where))
        if len(self._results) == 1:
            self._schedule()

    def _schedule(self) -> None:
        """Let the scheduler handle the next result."""
        if self._results:
            self._cpus.add(self._costs.scheduling, self._results[0][0], SCHEDULER)

    def _handled(self, task: int, where: int) -> None:
        """Do what the scheduler does for a result."""
        for each in self._inputs[task]:
            self._users[each] -= 1
            self._drop_unused(each)
        runnable = []
        for each in self._dependents[task]:
            self._missing[each] -= 1
            if not self._missing[each]:
                runnable.append((self._order[each], each))
        for _, each in sorted(runnable):
            self._hand_out(each)
        self._drop_unused(task)
        worker = self._workers[where]
        while self._queue and worker.processing < self._cap:
            self._assign(heappop(self._queue)[1], where)
        if not worker.processing:
            self._idle.add(where)
        while self._idle and self._steal(min(self._idle)):
            pass
        self._expect_graph(self._kernel.get(task, self._cpus.now))

    def _steal(self, thief: int) -> bool:
        """Take a task that waits for a thread elsewhere, if it costs less to move than to wait."""
        victim = max(self._workers, key=lambda worker: len(worker.ready))
        if not victim.ready:
            return False
        last = max(victim.ready)
        _, task = last
        if self._to_fetch(task, thief) / self._costs.rate > victim.occupied / self._threads:
            return False
        victim.ready.remove(last)
        victim.ready.sort()  # a sorted list is a heap
        victim.processing -= 1
        victim.occupied -= self._seconds[task]
        self._assign(task, thief)
        return True

    def _drop_unused(self, task: int) -> None:
        """Free the result of a task that nobody needs any more."""
        if not self._users[task] and not self._kept[task]:
            for where in self._where[task]:
                self._hold(where, -self._nbytes[task])
            self._where[task] = []

    def _hold(self, where: int, nbytes: int) -> None:
        self._workers[where].hold(nbytes)
        self._total += nbytes
        self._most = max(self._most, self._total)


def _is_queued(group: Group, threads: int) -> bool:
    """Whether dask hands the tasks of a group out one by one (`Scheduler.is_rootish`)."""
    few = group.groups_before < _FEW_BEFORE and group.tasks_before < _FEW_BEFORE
    return few and group.tasks > 2 * threads
