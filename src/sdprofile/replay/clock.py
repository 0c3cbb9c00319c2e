"""The time of a replay: what happens next, and what shares the CPUs until then."""

from __future__ import annotations

from heapq import heappop, heappush

from sdprofile.replay.virtual_workers import Costs

COMPUTED, HANDLED, TOLD, SENT, FETCHED, WAITED, ARRIVED = range(7)
"""What can happen: a thread is done with a task, the scheduler with a result; a result is known to
the scheduler, a task to its worker; its inputs are there; what it waited for is; a graph has come.
(A replay has its answers in this order.)"""


class Clock:
    """What is to happen, in order.

    What needs a CPU shares them with the others equally: it ends by a clock that goes slower the
    more there are.
    """

    def __init__(self, costs: Costs, *, threads: int) -> None:
        """Start at 0.

        Parameters
        ----------
        costs
            CPUs, and how tasks get in each other's way.
        threads
            Threads of all workers.
        """
        self._cpus, self._crowding = costs.cpus, costs.crowding
        self._fast = 1.0 + costs.crowding * (costs.alone - 1.0)
        self._steady = not costs.crowding and costs.cpus > threads  # one more for the scheduler
        self._clock, self._rate = 0.0, 1.0
        self._until: list[tuple[float, int, int, int]] = []
        self._events: list[tuple[float, int, int, int]] = []
        self._tasks = 0
        self.now = 0.0

    def at(self, moment: float, kind: int, task: int, where: int) -> None:
        """Let something happen at some moment."""
        heappush(self._events, (moment, kind, task, where))

    def work(self, seconds: float, kind: int, task: int, where: int) -> None:
        """Let something happen once it has had a CPU, for so long if it were alone."""
        if self._steady:
            heappush(self._events, (self.now + seconds, kind, task, where))
            return
        heappush(self._until, (self._clock + seconds, kind, task, where))
        self._tasks += kind == COMPUTED
        self._change()

    def next(self) -> tuple[float, int, int, int] | None:
        """Let time pass until something happens; return it as `at` has it, None for nothing."""
        events, until = self._events, self._until
        if until:
            first = self.now + (until[0][0] - self._clock) / self._rate
            if not events or first <= events[0][0]:
                self._advance(first)
                event = heappop(until)
                self._tasks -= event[1] == COMPUTED
                self._change()
                return event
            self._advance(events[0][0])
        elif not events:
            return None
        event = heappop(events)
        if event[0] > self.now:
            self.now = event[0]
        return event

    def _advance(self, moment: float) -> None:
        if moment > self.now:
            self._clock += (moment - self.now) * self._rate
            self.now = moment

    def _change(self) -> None:
        running = len(self._until)
        if running:
            slow = 1.0 + self._crowding * max(0.0, min(self._tasks, self._cpus) - 1.0)
            self._rate = min(1.0, self._cpus / running) * self._fast / slow
