"""Runs recorded tasks again on virtual workers, event by event."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from sdprofile.replay.clock import ARRIVED, COMPUTED, FETCHED, HANDLED, SENT, TOLD, WAITED, Clock
from sdprofile.replay.handing_out import SATURATION, STEALING, is_queued
from sdprofile.replay.kernel import Kernel
from sdprofile.replay.virtual_workers import Costs, Replayed, VirtualWorker

if TYPE_CHECKING:
    from sdprofile.model.trace import Trace


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
    scheduler, which handles one task after another, share the CPUs that there are. A result reaches
    the scheduler, and what it sends a worker, some milliseconds later. What a worker fetches comes
    one after another, but for the time of the question. Graphs come when what the kernel had waited
    for is there.
    """
    return _Replay(trace, costs, workers).run()


class _Replay:
    def __init__(self, trace: Trace, costs: Costs, workers: int) -> None:
        self._costs, self._threads = costs, trace.threads
        self._kernel = Kernel(trace, busy=costs.kernel)
        self._clock = Clock(costs, threads=workers * trace.threads)
        self._workers = [
            VirtualWorker(free=trace.threads, in_use=costs.baseline, peak=costs.baseline)
            for _ in range(workers)
        ]
        self._total = self._most = workers * costs.baseline
        self._idle = set(range(workers))
        self._open = workers
        self._stealing = 0.0
        self._cap = max(1, math.ceil(SATURATION * trace.threads))
        self._group, self._order = trace.group.tolist(), trace.order.tolist()
        self._nbytes = trace.nbytes.tolist()
        self._seconds, self._inputs = trace.durations, trace.inputs_of
        self._dependents = trace.users_of
        self._missing = [1 + len(inputs) for inputs in self._inputs]  # one for its graph
        self._users = [len(users) for users in self._dependents]
        self._kept = [bool(each) for each in trace.wanted]
        self._where: list[list[int]] = [[] for _ in self._inputs]
        queued = [is_queued(each, workers * trace.threads) for each in trace.groups]
        self._is_queued = [queued[group] for group in self._group]
        self._queue: list[tuple[int, int]] = []
        self._scheduling = False
        self._results: deque[tuple[int, int]] = deque()
        self._taken_up = [0.0] * len(self._inputs)
        self._task_seconds = 0.0
        self._end: float | None = None

    def run(self) -> Replayed:
        fetched = self._fetched, self._finish
        answers = self._computed, self._handled, self._told, self._received, *fetched, self._arrive
        self._expect_graph(self._kernel.start())
        while (event := self._clock.next()) is not None:
            _, kind, task, where = event
            answers[kind](task, where)
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
            self._clock.at(moment, ARRIVED, -1, -1)

    def _arrive(self, _: int, __: int) -> None:
        """Let a graph come, or the cell end."""
        kernel = self._kernel
        for index in kernel.drops[kernel.next]:
            self._kept[index] = False
            self._drop_unused(index)
        if kernel.next == len(kernel.graphs):
            self._end = self._clock.now
            return
        for index in kernel.graphs[kernel.next]:
            self._missing[index] -= 1
            if not self._missing[index]:
                self._hand_out(index)
        self._expect_graph(kernel.come(self._clock.now))

    def _hand_out(self, task: int) -> None:
        """Decide where a task runs whose inputs are all there."""
        workers = self._workers
        if self._is_queued[task]:
            if not self._open:
                heappush(self._queue, (self._order[task], task))
                return
            where = min(range(len(workers)), key=lambda each: workers[each].processing)
        else:
            holders = set()
            for each in self._inputs[task]:
                holders.update(self._where[each])
            if len(holders) == 1:
                (where,) = holders
            else:
                where = self._first_to_start(task, holders or range(len(workers)))
        self._assign(task, where)

    def _first_to_start(self, task: int, holders: Iterable[int]) -> int:
        """Return which worker could start a task first, as dask guesses (`worker_objective`)."""
        inputs, rate, best, chosen = self._inputs[task], self._costs.rate, (math.inf, 0), -1
        for where in holders:
            worker, missing = self._workers[where], 0
            for each in inputs:
                if where not in self._where[each]:
                    missing += self._nbytes[each]
            start = worker.occupied / self._threads + missing / rate, worker.in_use
            if start < best:
                best, chosen = start, where
        return chosen

    def _to_fetch(self, task: int, where: int) -> int:
        """Return the bytes of its inputs that a worker has not."""
        return sum(self._nbytes[each] for each in self._inputs[task] if self._lacks(where, each))

    def _lacks(self, where: int, task: int) -> bool:
        return where not in self._where[task] and bool(self._where[task])

    def _assign(self, task: int, where: int) -> None:
        worker = self._workers[where]
        self._idle.discard(where)
        worker.processing += 1
        self._open -= worker.processing == self._cap
        worker.occupied += self._seconds[task]
        now = self._clock.now
        there = worker.told.send(now) if self._costs.latency else now
        if there > now:
            self._clock.at(there, SENT, task, where)
        else:
            self._received(task, where)

    def _received(self, task: int, where: int) -> None:
        """Let a worker fetch what a task needs, or take it up."""
        worker = self._workers[where]
        needed, there = self._inputs[task], self._where
        if needed and any(there[each] and where not in there[each] for each in needed):
            now = self._clock.now
            start = max(now, worker.fetching_until)
            worker.fetching_until = start + self._to_fetch(task, where) / self._costs.rate
            come = worker.fetching_until + self._costs.fetching
            if start > now or not self._costs.fetching:
                self._clock.at(come, FETCHED, task, where)
            else:  # both workers need a CPU for it
                self._clock.work(come - now, FETCHED, task, where)
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
            self._taken_up[task] = self._clock.now
            self._hold(where, costs.rise[group])
            work = costs.overhead + self._seconds[task] * costs.cpu_share[group]
            self._clock.work(work, COMPUTED, task, where)

    def _computed(self, task: int, where: int) -> None:
        """Go on where a CPU was needed for a task."""
        waits = self._seconds[task] * (1.0 - self._costs.cpu_share[self._group[task]])
        if waits > 0.0:
            self._clock.at(self._clock.now + waits, WAITED, task, where)
        else:
            self._finish(task, where)

    def _finish(self, task: int, where: int) -> None:
        worker, seconds, now = self._workers[where], self._seconds[task], self._clock.now
        worker.free += 1
        if seconds:
            took = now - self._taken_up[task]
            self._task_seconds += took * seconds / (seconds + self._costs.overhead)
        self._hold(where, self._nbytes[task] - self._costs.rise[self._group[task]])
        self._where[task].append(where)
        if worker.ready:
            self._take_up(where)
        if self._costs.latency:
            there = worker.telling.send(now) + self._costs.latency
            self._clock.at(there, TOLD, task, where)
        else:
            self._told(task, where)

    def _told(self, task: int, where: int) -> None:
        """Let the scheduler know of a result, which it handles at once unless it is busy."""
        if self._scheduling:
            self._results.append((task, where))
        else:
            self._scheduling = True
            self._clock.work(self._costs.scheduling, HANDLED, task, where)

    def _handled(self, task: int, where: int) -> None:
        """Do what the scheduler does for a result."""
        worker = self._workers[where]
        self._open += worker.processing == self._cap
        worker.processing -= 1
        worker.occupied -= self._seconds[task]
        for each in self._inputs[task]:
            self._users[each] -= 1
            if not self._users[each]:
                self._drop_unused(each)
        for each in self._dependents[task]:
            self._missing[each] -= 1
        runnable = [each for each in self._dependents[task] if not self._missing[each]]
        for each in sorted(runnable, key=self._order.__getitem__):
            self._hand_out(each)
        if not self._users[task]:
            self._drop_unused(task)
        while self._queue and worker.processing < self._cap:
            self._assign(heappop(self._queue)[1], where)
        if not worker.processing:
            self._idle.add(where)
        if self._idle and self._clock.now >= self._stealing:
            self._stealing = self._clock.now + STEALING
            while self._idle and self._steal(min(self._idle)):
                pass
        self._expect_graph(self._kernel.get(task, self._clock.now))
        self._scheduling = bool(self._results)
        if self._results:
            seconds = self._costs.busy * self._costs.scheduling
            self._clock.work(seconds, HANDLED, *self._results.popleft())

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
        self._open += victim.processing == self._cap
        victim.processing -= 1
        victim.occupied -= self._seconds[task]
        self._assign(task, thief)
        return True

    def _drop_unused(self, task: int) -> None:
        """Free the result of a task that nobody needs any more."""
        if not self._users[task] and not self._kept[task]:
            for where in self._where[task]:
                self._hold(where, -self._nbytes[task])
                self._workers[where].told.send(self._clock.now)
            self._where[task] = []

    def _hold(self, where: int, nbytes: int) -> None:
        worker = self._workers[where]
        worker.in_use += nbytes
        if worker.in_use > worker.peak:
            worker.peak = worker.in_use
        self._total += nbytes
        if self._total > self._most:
            self._most = self._total
