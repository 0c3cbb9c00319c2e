"""Runs recorded tasks again on virtual workers, event by event."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdprofile.model.trace import Group, Trace

_SATURATION = 1.1
"""Tasks that a worker has at a time for each of its threads, of those that wait for no other
(``distributed.scheduler.worker-saturation``)."""

_FEW_BEFORE = 5
"""Groups, and tasks in them, below which the tasks that need them count as waiting for no other
(`distributed.Scheduler.is_rootish`)."""

_ARRIVED, _HANDLED, _FETCHED, _WAITED = range(4)


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a replay takes for granted."""

    cpus: float
    """How many threads have a CPU of their own at the same time; infinity if all have."""

    crowding: float
    """By which fraction of its time a task gets slower for each other that runs beside it."""

    alone: float
    """How many ran side by side, on average, when the times were recorded."""

    overhead: float
    """What a thread needs between two tasks, in seconds."""

    scheduling: float
    """What the scheduler, which does one thing after another, needs for a task, in seconds."""

    rate: float
    """What a worker fetches from others, in bytes per second."""

    baseline: int
    """Memory of a worker without any task, in bytes."""

    cpu_share: tuple[float, ...]
    """For each group of tasks: which fraction of their time they need a CPU."""

    rise: tuple[int, ...]
    """For each group of tasks: by how much one raises its worker's memory while it runs."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What came out of a replay."""

    seconds: float
    """Wall time of the cell."""

    peak_worker: int
    """Highest memory of the fullest worker, in bytes."""

    peak_cluster: int
    """Highest memory of all workers together, in bytes."""


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
    are queued, others go where their inputs are, and idle workers steal. Threads share the CPUs
    that there are equally; the scheduler handles one task after another; a worker fetches one
    result after another. Graphs come when what the kernel had waited for is there.
    """
    return _Replay(trace, costs, workers).run()


@dataclass(slots=True)
class _Worker:
    free: int
    held: int
    """Bytes in use."""
    peak: int
    ready: list[tuple[int, int]] = field(default_factory=list)
    processing: int = 0
    occupied: float = 0.0
    """Seconds of the tasks that it has."""
    fetching_until: float = 0.0


class _Replay:
    def __init__(self, trace: Trace, costs: Costs, workers: int) -> None:
        self._trace, self._costs = trace, costs
        self._threads = trace.threads
        self._workers = [
            _Worker(free=trace.threads, held=costs.baseline, peak=costs.baseline)
            for _ in range(workers)
        ]
        self._total = self._most = workers * costs.baseline
        self._cap = max(1, math.ceil(_SATURATION * trace.threads))
        size = len(trace)
        self._group, self._order = trace.group.tolist(), trace.order.tolist()
        self._nbytes = trace.nbytes.tolist()
        self._seconds = [
            stop - start if stop > start else 0.0
            for start, stop in zip(trace.begun, trace.ended, strict=True)
        ]
        self._inputs = list(_sliced(trace.first_input, trace.inputs))
        self._dependents: list[list[int]] = [[] for _ in range(size)]
        for index, inputs in enumerate(self._inputs):
            for each in inputs:
                self._dependents[each].append(index)
        self._missing = [1 + len(inputs) for inputs in self._inputs]  # one for its graph
        self._users = [len(users) for users in self._dependents]
        self._where: list[list[int]] = [[] for _ in range(size)]
        queued = [_is_queued(each, workers * trace.threads) for each in trace.groups]
        self._is_queued = [queued[group] for group in self._group]
        self._queue: list[tuple[int, int]] = []
        self._idle = set(range(workers))
        self._now = self._scheduler_until = 0.0
        # Threads that need a CPU end by a clock that goes slower the more they are.
        self._clock, self._rate = 0.0, 1.0
        self._computing: list[tuple[float, int, int]] = []
        self._events: list[tuple[float, int, int, int]] = []
        self._plan_kernel()

    def _plan_kernel(self) -> None:
        """Work out what the kernel waited for before each graph, and how long it was busy then."""
        trace = self._trace
        times = [*trace.arrivals, trace.seconds]
        self._awaited = [0] * len(times)
        self._awaited_by = [-1] * len(trace)
        self._kept = [bool(each) for each in trace.wanted]
        self._dropped: list[list[int]] = [[] for _ in times]
        lasts = [0.0, *trace.arrivals]
        for index in (index for index, each in enumerate(trace.wanted) if each):
            ended = trace.ended[index]
            place = bisect_left(times, ended)
            if place < len(times) and not math.isnan(ended):
                self._awaited[place] += 1
                self._awaited_by[index] = place
                lasts[place] = max(lasts[place], ended)
            dropped = bisect_left(times, trace.released[index])
            self._dropped[min(dropped, len(times) - 1)].append(index)
        self._busy = [max(0.0, time - last) for time, last in zip(times, lasts, strict=True)]
        self._members: list[list[int]] = [[] for _ in trace.arrivals]
        for index, graph in enumerate(trace.graph):
            self._members[graph].append(index)
        self._next_graph, self._kernel_until = 0, 0.0
        self._end = 0.0

    def run(self) -> Replayed:
        self._await_graph()
        while self._events or self._computing:
            if self._computing:
                left = (self._computing[0][0] - self._clock) / self._rate
                if not self._events or self._now + left <= self._events[0][0]:
                    self._advance(self._now + left)
                    _, task, where = heappop(self._computing)
                    self._set_rate()
                    self._computed(task, where)
                    continue
            moment, kind, task, where = heappop(self._events)
            self._advance(moment)
            if kind == _HANDLED:
                self._handled(task, where)
            elif kind == _WAITED:
                self._finish(task, where)
            elif kind == _FETCHED:
                self._fetched(task, where)
            else:
                self._arrive()
        if self._next_graph < len(self._busy):
            raise ValueError("expected tasks that can all be run, got some that cannot")
        peak = max(worker.peak for worker in self._workers)
        return Replayed(seconds=self._end, peak_worker=peak, peak_cluster=self._most)

    def _advance(self, moment: float) -> None:
        if moment > self._now:
            self._clock += (moment - self._now) * self._rate
            self._now = moment

    def _set_rate(self) -> None:
        """Set how fast the clock goes of those that need a CPU."""
        running, costs = len(self._computing), self._costs
        crowd = min(running, costs.cpus)
        fast = 1.0 + costs.crowding * (costs.alone - 1.0)
        slow = 1.0 + costs.crowding * max(0.0, crowd - 1.0)
        self._rate = min(1.0, costs.cpus / running if running else 1.0) * fast / slow

    def _await_graph(self) -> None:
        """Let the next graph come, or the cell end, once what the kernel waits for is there."""
        if self._next_graph < len(self._busy) and not self._awaited[self._next_graph]:
            moment = max(self._now, self._kernel_until) + self._busy[self._next_graph]
            heappush(self._events, (moment, _ARRIVED, -1, -1))

    def _arrive(self) -> None:
        place, self._next_graph = self._next_graph, self._next_graph + 1
        self._kernel_until = self._now
        for index in self._dropped[place]:
            self._kept[index] = False
            if not self._users[index]:
                self._drop(index)
        if place == len(self._members):
            self._end = self._now
            return
        members = sorted(self._members[place], key=self._order.__getitem__)
        for index in members:
            self._missing[index] -= 1
            # What came with an earlier graph, or from outside of the trace, may be there already.
            if not self._missing[index]:
                self._hand_out(index)
        self._await_graph()

    def _hand_out(self, task: int) -> None:
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
        missing = sum(self._nbytes[e] for e in self._inputs[task] if where not in self._where[e])
        return worker.occupied / self._threads + missing / self._costs.rate, worker.held

    def _assign(self, task: int, where: int) -> None:
        worker = self._workers[where]
        self._idle.discard(where)
        worker.processing += 1
        worker.occupied += self._seconds[task]
        self._send(task, where)

    def _send(self, task: int, where: int) -> None:
        """Let a worker fetch what a task needs."""
        worker = self._workers[where]
        missing = [each for each in self._inputs[task] if where not in self._where[each]]
        missing = [each for each in missing if self._where[each]]
        if not missing:
            heappush(worker.ready, (self._order[task], task))
            self._take_up(where)
            return
        nbytes = sum(self._nbytes[each] for each in missing)
        start = max(self._now, worker.fetching_until)
        worker.fetching_until = start + nbytes / self._costs.rate
        heappush(self._events, (worker.fetching_until, _FETCHED, task, where))

    def _fetched(self, task: int, where: int) -> None:
        for each in self._inputs[task]:
            if self._where[each] and where not in self._where[each]:
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
            self._hold(where, costs.rise[group])
            work = costs.overhead + self._seconds[task] * costs.cpu_share[group]
            heappush(self._computing, (self._clock + work, task, where))
            self._set_rate()

    def _computed(self, task: int, where: int) -> None:
        waits = self._seconds[task] * (1.0 - self._costs.cpu_share[self._group[task]])
        if waits > 0.0:
            heappush(self._events, (self._now + waits, _WAITED, task, where))
        else:
            self._finish(task, where)

    def _finish(self, task: int, where: int) -> None:
        worker = self._workers[where]
        worker.free += 1
        worker.processing -= 1
        worker.occupied -= self._seconds[task]
        self._hold(where, self._nbytes[task] - self._costs.rise[self._group[task]])
        self._where[task].append(where)
        self._take_up(where)
        self._scheduler_until = (
            max(self._scheduler_until, self._now) + self._costs.scheduling / self._rate
        )
        heappush(self._events, (self._scheduler_until, _HANDLED, task, where))

    def _handled(self, task: int, where: int) -> None:
        for each in self._inputs[task]:
            self._users[each] -= 1
            if not self._users[each] and not self._kept[each]:
                self._drop(each)
        runnable = []
        for each in self._dependents[task]:
            self._missing[each] -= 1
            if not self._missing[each]:
                runnable.append((self._order[each], each))
        for _, each in sorted(runnable):
            self._hand_out(each)
        if not self._users[task] and not self._kept[task]:
            self._drop(task)
        worker = self._workers[where]
        while self._queue and worker.processing < self._cap:
            self._assign(heappop(self._queue)[1], where)
        if not worker.processing:
            self._idle.add(where)
        while self._idle and self._steal(min(self._idle)):
            pass
        place = self._awaited_by[task]
        if place >= 0:
            self._awaited[place] -= 1
            if place == self._next_graph:
                self._await_graph()

    def _steal(self, thief: int) -> bool:
        """Take a task that waits for a thread elsewhere, if it costs less to move than to wait."""
        victim = max(self._workers, key=lambda worker: len(worker.ready))
        if not victim.ready:
            return False
        place = max(range(len(victim.ready)), key=victim.ready.__getitem__)
        _, task = victim.ready[place]
        missing = sum(self._nbytes[e] for e in self._inputs[task] if thief not in self._where[e])
        if missing / self._costs.rate > victim.occupied / self._threads:
            return False
        victim.ready[place] = victim.ready[-1]
        victim.ready.pop()
        victim.ready.sort()
        victim.processing -= 1
        victim.occupied -= self._seconds[task]
        self._assign(task, thief)
        return True

    def _drop(self, task: int) -> None:
        for where in self._where[task]:
            self._hold(where, -self._nbytes[task])
        self._where[task] = []

    def _hold(self, where: int, nbytes: int) -> None:
        worker = self._workers[where]
        worker.held += nbytes
        worker.peak = max(worker.peak, worker.held)
        self._total += nbytes
        self._most = max(self._most, self._total)


def _is_queued(group: Group, threads: int) -> bool:
    """Whether dask hands the tasks of a group out one by one (`Scheduler.is_rootish`)."""
    few = group.groups_before < _FEW_BEFORE and group.tasks_before < _FEW_BEFORE
    return few and group.tasks > 2 * threads


def _sliced(firsts: array[int], items: array[int]) -> Iterator[list[int]]:
    for start, stop in zip(firsts, firsts[1:], strict=False):
        yield items[start:stop].tolist()
