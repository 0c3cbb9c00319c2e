"""What the tasks of a run cost: what a replay of them takes for granted."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from sdprofile.model.run import Run
from sdprofile.model.spans import EXECUTE
from sdprofile.model.tasks import PrefixMemory
from sdprofile.model.trace import Trace
from sdprofile.replay.virtual_workers import Costs

RATE = 1e8
"""Bytes per second that workers are taken to fetch where none fetched any, as dask takes it at
first (``distributed.scheduler.bandwidth``)."""

_GATHER = "gather-dep"
"""Dask's word for what a worker does to fetch inputs."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A run whose tasks are known."""

    run: Run
    """The run."""

    trace: Trace
    """Its tasks."""

    @cached_property
    def task_seconds(self) -> float:
        """Seconds of all tasks together."""
        return sum(self.trace.durations)

    @cached_property
    def side_by_side(self) -> float:
        """How many tasks ran at a time, on average over the time in which any did."""
        pairs = zip(self.trace.begun, self.trace.ended, strict=True)
        busy, until = 0.0, -math.inf
        for start, stop in sorted((start, stop) for start, stop in pairs if stop > start):
            busy += max(0.0, stop - max(start, until))
            until = max(until, stop)
        return self.task_seconds / busy if busy else 1.0


def rate_of(runs: Iterable[Run]) -> float | None:
    """Return the bytes per second that workers fetched; None if they fetched none."""
    nbytes = seconds = 0.0
    for run in runs:
        nbytes += run.transfers.nbytes
        seconds += sum(part.seconds for part in run.work.spans if part.context == _GATHER)
    return nbytes / seconds if nbytes and seconds else None


def costs_of(base: Recorded, *, cpus: float, rate: float) -> Costs:
    """Return what the tasks of a run cost, as it was.

    Parameters
    ----------
    base
        The run.
    cpus
        CPUs that all workers share; infinity where each thread has its own.
    rate
        What a worker fetches from others, in bytes per second.
    """
    run, trace = base.run, base.trace
    rises = {memory.prefix: _rise(memory, trace.threads) for memory in run.memory.prefixes}
    cpu: defaultdict[str, float] = defaultdict(float)
    total: defaultdict[str, float] = defaultdict(float)
    for part in run.work.spans:
        if part.context == EXECUTE:
            total[part.prefix] += part.seconds
            cpu[part.prefix] += part.seconds if part.activity == "thread-cpu" else 0.0
    baselines = [peak.baseline for peak in run.memory.worker_peaks]
    return Costs(
        cpus=cpus,
        crowding=0.0,
        alone=base.side_by_side,
        overhead=_overhead(trace),
        scheduling=trace.scheduler_seconds / len(trace) if len(trace) else 0.0,
        rate=rate,
        baseline=round(statistics.mean(baselines)) if baselines else 0,
        cpu_share=tuple(
            min(1.0, cpu[group.prefix] / total[group.prefix]) if total[group.prefix] else 1.0
            for group in trace.groups
        ),
        rise=tuple(rises.get(group.prefix, 0) for group in trace.groups),
    )


def _rise(memory: PrefixMemory, threads: int) -> int:
    """Return by how much one task raises its worker's memory, in bytes.

    Notes
    -----
    The highest rise of a worker is that of all tasks which ran at that time, as many as it has
    threads at most: an equal share of it is taken for each, unless one must have taken more.
    """
    return max(memory.rise_low, memory.rise_high // threads)


def _overhead(trace: Trace) -> float:
    """Return the seconds of a thread between two tasks of which the second waited for it only."""
    lanes: dict[int, list[float]] = {}
    gaps = []
    for index in sorted(range(len(trace)), key=trace.begun.__getitem__):
        start, stop = trace.begun[index], trace.ended[index]
        if start == math.inf:
            continue
        ends = lanes.setdefault(trace.worker[index], [])
        before = max((end for end in ends if end <= start), default=None)
        if before is None:
            ends.append(stop)
            continue
        ends[ends.index(before)] = stop
        inputs = trace.inputs_of[index]
        there = max((trace.ended[each] for each in inputs), default=0.0)
        local = all(trace.worker[each] == trace.worker[index] for each in inputs)
        if local and max(there, trace.arrivals[trace.graph[index]]) <= before:
            gaps.append(start - before)
    gaps.sort()
    usual = gaps[: math.ceil(0.95 * len(gaps))]
    return statistics.fmean(usual) if usual else 0.0
