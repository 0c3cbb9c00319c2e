"""The kernel, the CPUs and the workers of a replay, what they cost and what comes out."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdprofile.model.trace import Trace

SCHEDULER = -1
"""Index of the worker that is the scheduler."""


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

    task_seconds: float
    """Wall time of all tasks together."""


class Kernel:
    """When graphs come, and what it waits for before; the end of the cell counts as one more."""

    def __init__(self, trace: Trace) -> None:
        """Work it out from what was recorded."""
        times = [*trace.arrivals, trace.seconds]
        self.graphs: list[list[int]] = [[] for _ in trace.arrivals]
        """The tasks of each graph, in the order of their priorities."""
        for index in sorted(range(len(trace)), key=trace.order.__getitem__):
            self.graphs[trace.graph[index]].append(index)
        self.drops: list[list[int]] = [[] for _ in times]
        """The results that it has dropped before each graph comes."""
        self.next = 0
        """The graph that comes next."""
        self._awaited = [0] * len(times)
        self._before = [-1] * len(trace)
        self._since = 0.0
        lasts = [0.0, *trace.arrivals]
        for index in (index for index, each in enumerate(trace.wanted) if each):
            ended = trace.ended[index]
            # Clocks of other hosts may be a little off, but no graph waits for a task of its own.
            place = max(bisect_left(times, ended), trace.graph[index] + 1)
            if place < len(times) and ended < math.inf:
                self._awaited[place] += 1
                self._before[index] = place
                lasts[place] = max(lasts[place], ended)
            dropped = bisect_left(times, trace.released[index])
            self.drops[min(dropped, len(times) - 1)].append(index)
        self.busy = [max(0.0, time - last) for time, last in zip(times, lasts, strict=True)]
        """Seconds that it takes before each graph comes, once what it waits for is there."""

    def come(self, now: float) -> float | None:
        """Note that a graph comes; return when the next does, None if that is not known yet."""
        self.next, self._since = self.next + 1, now
        return self._next_at(now)

    def start(self) -> float | None:
        """Return when the first graph comes."""
        return self._next_at(0.0)

    def get(self, task: int, now: float) -> float | None:
        """Note that a result is there; return when the next graph comes, if this decides it."""
        place = self._before[task]
        if place < 0:
            return None
        self._awaited[place] -= 1
        return self._next_at(now) if place == self.next else None

    def _next_at(self, now: float) -> float | None:
        if self.next == len(self.busy) or self._awaited[self.next]:
            return None
        return max(now, self._since) + self.busy[self.next]


class Cpus:
    """What needs a CPU, each sharing them with the others equally.

    Each ends by a clock that goes slower the more there are.
    """

    def __init__(self, cpus: float, *, crowding: float, alone: float) -> None:
        """Take what `Costs` says of them."""
        self._cpus, self._crowding = cpus, crowding
        self._fast = 1.0 + crowding * (alone - 1.0)
        self._clock, self._rate = 0.0, 1.0
        self._until: list[tuple[float, int, int]] = []
        self._tasks = 0
        self.now = 0.0

    def add(self, seconds: float, task: int, where: int) -> None:
        """Let a worker need a CPU for a task, for so long if it were alone."""
        heappush(self._until, (self._clock + seconds, task, where))
        self._tasks += where != SCHEDULER
        self._change()

    def next_end(self) -> float:
        """Return when the first ends; infinity if nothing runs."""
        return (
            self.now + (self._until[0][0] - self._clock) / self._rate if self._until else math.inf
        )

    def pop(self) -> tuple[int, int]:
        """Return the task and the worker that ended."""
        _, task, where = heappop(self._until)
        self._tasks -= where != SCHEDULER
        self._change()
        return task, where

    def advance(self, moment: float) -> None:
        """Let time pass."""
        if moment > self.now:
            self._clock += (moment - self.now) * self._rate
            self.now = moment

    def _change(self) -> None:
        running = len(self._until)
        if running:
            slow = 1.0 + self._crowding * max(0.0, min(self._tasks, self._cpus) - 1.0)
            self._rate = min(1.0, self._cpus / running) * self._fast / slow


@dataclass(slots=True)
class VirtualWorker:
    """One worker of a replay."""

    free: int
    """Threads that do nothing."""

    in_use: int
    """Memory in use, in bytes."""

    peak: int
    """The most of it so far."""

    ready: list[tuple[int, int]] = field(default_factory=list)
    """Tasks that wait for a thread, a heap by their order."""

    processing: int = 0
    """Tasks that it was given and that have not ended."""

    occupied: float = 0.0
    """Seconds that these take."""

    fetching_until: float = 0.0
    """When it will have fetched what it was told to."""

    def hold(self, nbytes: int) -> None:
        """Have more memory in use, or less."""
        self.in_use += nbytes
        if self.in_use > self.peak:
            self.peak = self.in_use
