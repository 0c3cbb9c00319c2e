"""The kernel of a replay: when it sends graphs, and what it waits for before."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdprofile.model.trace import Trace


class Kernel:
    """When graphs come, and what it waits for before; the end of the cell counts as one more."""

    def __init__(
        self, trace: Trace, *, busy: Sequence[float] | None = None, until_first: float | None = None
    ) -> None:
        """Work it out from what was recorded.

        Parameters
        ----------
        trace
            What was recorded.
        busy
            What to have in `busy`; None for what was recorded.
        until_first
            Seconds from the moment at which a graph's tasks can be sent to the first that begins;
            None where they can be sent as it comes.
        """
        arrivals = trace.arrivals if until_first is None else _sendable(trace, until_first)
        times = [*arrivals, trace.seconds]
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
        lasts = [0.0, *times[:-1]]
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
        seconds = [max(0.0, time - last) for time, last in zip(times, lasts, strict=True)]
        self.busy = seconds if busy is None else list(busy)
        """Seconds that it takes before each graph comes, once what it waits for is there, and until
        the scheduler has taken the graph up."""

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


def _sendable(trace: Trace, until_first: float) -> list[float]:
    """Return when the tasks of each graph could be sent to workers.

    That is when it had come, and where no task ran then, when its first task began: the scheduler
    sends none until it has gone through all of the graph.
    """
    first = [math.inf] * len(trace.arrivals)
    for graph, begun in zip(trace.graph, trace.begun, strict=True):
        first[graph] = min(first[graph], begun)
    ends, begins = sorted(trace.ended), sorted(trace.begun)
    return [
        max(arrival, begun - until_first)
        if begun < math.inf and bisect_right(ends, arrival) == bisect_left(begins, arrival)
        else arrival
        for arrival, begun in zip(trace.arrivals, first, strict=True)
    ]
