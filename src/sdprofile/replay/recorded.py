"""A run whose tasks are known, and what these show of the time between them."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from sdprofile.model.run import Run
from sdprofile.model.trace import Trace
from sdprofile.replay.excerpt import excerpt

BUSY = 0.65
"""Which fraction of its time for a task the scheduler needs where it is at work already: it need
not wake up, and receives and sends more at a time (measured: 0.6 to 0.75)."""

MANY = 20_000
"""Tasks from which the first are replayed to see how far off a replay is; a replay takes some 20 us
for each."""

_SENT = 0.01
"""Seconds in which a task is surely sent to its worker, once its inputs are there."""

_SHORT = 0.005
"""Seconds up to which a task is short."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A run whose tasks are known."""

    run: Run
    """The run."""

    trace: Trace
    """Its tasks."""

    @cached_property
    def part(self) -> Recorded:
        """Of a run with many tasks those that began first; else all of it."""
        if len(self.trace) <= MANY:
            return self
        trace = excerpt(self.trace, MANY)
        return Recorded(run=replace(self.run, seconds=trace.seconds), trace=trace)

    @cached_property
    def task_seconds(self) -> float:
        """Seconds of all tasks together."""
        return sum(self.trace.durations)

    @cached_property
    def long_prefixes(self) -> frozenset[str]:
        """The prefixes whose tasks are not short."""
        seconds: defaultdict[int, list[float]] = defaultdict(list)
        for group, each in zip(self.trace.group, self.trace.durations, strict=True):
            seconds[group].append(each)
        means = ((group, statistics.fmean(found)) for group, found in seconds.items())
        return frozenset(self.trace.groups[group].prefix for group, mean in means if mean > _SHORT)

    def seconds_of(self, prefixes: Container[str]) -> float:
        """Return the seconds of the tasks with some prefixes together."""
        ours = [group.prefix in prefixes for group in self.trace.groups]
        pairs = zip(self.trace.group, self.trace.durations, strict=True)
        return sum(seconds for group, seconds in pairs if ours[group])

    @cached_property
    def side_by_side(self) -> float:
        """How many tasks ran at a time, on average over the time in which any did."""
        pairs = zip(self.trace.begun, self.trace.ended, strict=True)
        busy, until = 0.0, -math.inf
        for start, stop in sorted((start, stop) for start, stop in pairs if stop > start):
            busy += max(0.0, stop - max(start, until))
            until = max(until, stop)
        return self.task_seconds / busy if busy else 1.0

    @cached_property
    def cpu_besides(self) -> float:
        """CPU seconds of workers, scheduler and kernel besides tasks; 0.0 if not known."""
        seconds = self.run.seconds
        used = sum(
            each * min(cores.step, seconds - index * cores.step)  # the last may be cut off
            for cores in self.trace.cores
            for index, each in enumerate(cores.used)
        )
        besides = self.trace.scheduler_seconds + self.run.circumstances.kernel_cpu_seconds
        return max(0.0, used - self.run.work.cpu_seconds) + besides if used else 0.0

    @cached_property
    def gaps(self) -> list[tuple[int, float]]:
        """See `gaps`; of tasks that were surely sent when the thread became free."""
        return list(gaps(self.trace, sent=_SENT))

    @cached_property
    def round_trips(self) -> list[float]:
        """See `round_trips`."""
        return list(round_trips(self.trace))

    @cached_property
    def fetches(self) -> int:
        """See `fetches`."""
        return fetches(self.trace)

    @cached_property
    def scheduling(self) -> float:
        """Seconds of the scheduler for a task that finds it idle."""
        trace = self.trace
        ended = max((each for each in trace.ended if each < math.inf), default=0.0)
        span = ended - min(trace.arrivals, default=0.0)
        at_work = min(1.0, trace.scheduler_seconds / span) if span > 0.0 else 0.0
        return trace.scheduler_seconds / len(trace) / (1.0 - (1.0 - BUSY) * at_work)


def by_workers(recorded: Iterable[Recorded]) -> dict[int, list[Recorded]]:
    """Return the runs of each worker count, in their order."""
    found: defaultdict[int, list[Recorded]] = defaultdict(list)
    for each in recorded:
        found[each.run.workers].append(each)
    return dict(found)


def gaps(trace: Trace, *, sent: float) -> Iterator[tuple[int, float]]:
    """Yield tasks that waited for a thread, with the seconds that it did nothing before each.

    Parameters
    ----------
    trace
        What was recorded.
    sent
        Seconds for which their inputs were there when the thread became free, at least.
    """
    lanes: dict[int, list[float]] = {}
    for index in sorted(range(len(trace)), key=trace.begun.__getitem__):
        start, stop = trace.begun[index], trace.ended[index]
        if start == math.inf:
            break
        ends = lanes.setdefault(trace.worker[index], [])
        before = max((end for end in ends if end <= start), default=None)
        if before is None:
            ends.append(stop)
            continue
        ends[ends.index(before)] = stop
        inputs = trace.inputs_of[index]
        there = max((trace.ended[each] for each in inputs), default=0.0)
        local = all(trace.worker[each] == trace.worker[index] for each in inputs)
        if local and max(there, trace.arrivals[trace.graph[index]]) <= before - sent:
            yield index, start - before


def round_trips(trace: Trace) -> Iterator[float]:
    """Yield the seconds from a result to the start of a task that its worker had waited for.

    Such a worker had nothing to do until the scheduler knew of the result and sent the task, all
    whose inputs it had.
    """
    lanes: dict[int, int] = {}
    ended, worker = trace.ended, trace.worker
    for task in sorted(range(len(trace)), key=trace.begun.__getitem__):
        begun = trace.begun[task]
        if begun == math.inf:
            break
        before, inputs = lanes.get(worker[task], -1), trace.inputs_of[task]
        lanes[worker[task]] = task
        if before in inputs and all(
            worker[each] == worker[task] and ended[each] <= ended[before] for each in inputs
        ):
            yield begun - ended[before]


def fetches(trace: Trace) -> int:
    """Return how many times a worker asked another for inputs of a task."""
    worker = trace.worker
    return sum(
        len({worker[each] for each in inputs} - {worker[task]})
        for task, inputs in enumerate(trace.inputs_of)
    )
