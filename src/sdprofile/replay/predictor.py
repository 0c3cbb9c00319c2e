"""How long more workers would take and what memory they would need, by a replay of the tasks."""

from __future__ import annotations

import functools
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sdprofile.model.prediction import Prediction, Predictions
from sdprofile.model.run import Run
from sdprofile.model.spans import EXECUTE
from sdprofile.model.tasks import PrefixMemory
from sdprofile.model.trace import Trace
from sdprofile.replay.events import replay
from sdprofile.replay.virtual_workers import Costs, Replayed

_RATE = 1e8
"""Bytes per second that workers are taken to fetch where none fetched any, as dask takes it at
first (``distributed.scheduler.bandwidth``)."""

_GATHER = "gather-dep"
"""Dask's word for what a worker does to fetch inputs."""


@dataclass(frozen=True, kw_only=True)
class _Recorded:
    run: Run
    trace: Trace

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


@dataclass(kw_only=True)
class Predictor:
    """Collects runs with their tasks, and predicts from them."""

    cpus: int
    """CPUs that all workers share; 0 where they do not share one machine."""

    _recorded: list[_Recorded] = field(default_factory=list)

    def add(self, run: Run, trace: Trace | None) -> None:
        """Add a run that ended well, and its tasks.

        Parameters
        ----------
        run, trace
            What was measured; nothing is added without the tasks.
        """
        if trace is not None and run.status == "ok":
            self._recorded.append(_Recorded(run=run, trace=trace))

    def predict(self, counts: Sequence[int], *, cpus: int | None = None) -> Predictions | None:
        """Return what a replay says.

        Parameters
        ----------
        counts
            Worker counts that are asked for.
        cpus
            CPUs that they share; by default each thread has its own.

        Returns
        -------
        Predictions
            None if no run ended well.

        Notes
        -----
        The tasks of the smallest count are replayed, of the run nearest to the median, where they
        ran least in each other's way. What larger counts add: by how much tasks got slower side by
        side, and how fast workers fetched from each other.
        """
        if not self._recorded:
            return None
        by_count: defaultdict[int, list[_Recorded]] = defaultdict(list)
        for each in self._recorded:
            by_count[each.run.workers].append(each)
        typical = [_typical(by_count[count]) for count in sorted(by_count)]
        base, threads = typical[0], typical[0].trace.threads
        rate = _rate(each.run for each in self._recorded)
        ours = float(self.cpus or math.inf)
        costs = _costs(base, cpus=ours, rate=rate or _RATE)

        @functools.cache
        def made(workers: int, cpus: float, crowding: float) -> Replayed:
            taken = replace(costs, cpus=cpus, crowding=crowding)
            return replay(base.trace, taken, workers=workers)

        def alone(workers: int) -> float:
            return made(workers, ours, 0.0).task_seconds

        crowding = _crowding(typical, alone)
        # Where the workers take all CPUs, the kernel and the scheduler are in their way, too, which
        # is so on this machine only.
        with_room = [each for each in typical if each.run.workers * each.run.threads < ours]
        crowding_elsewhere = _crowding(with_room, alone)
        # What no task accounts for: heap that stays, modules that the tasks import.
        most = max(by_count)
        peak = max(each.run.peak_worker or 0 for each in by_count[most])
        more = max(0, peak - made(most, ours, crowding).peak_worker)

        def prediction(workers: int, cpus: float) -> Prediction:
            here = cpus <= ours
            replayed = made(workers, cpus, crowding if here else crowding_elsewhere)
            return Prediction(
                workers=workers,
                seconds=replayed.seconds,
                peak_worker=replayed.peak_worker + more if peak else None,
                peak_cluster=replayed.peak_cluster + workers * more if peak else None,
            )

        return Predictions(
            asked=tuple(
                prediction(count, cpus or max(ours, count * threads))
                for count in sorted(set(counts))
            ),
            measured=tuple(prediction(count, ours) for count in sorted(by_count)),
            replayed=base.run.workers,
            cpus=self.cpus,
            crowded=len(with_room) > 1,
            rate=rate,
        )


def _typical(recorded: list[_Recorded]) -> _Recorded:
    """Return the run nearest to the median."""
    median = statistics.median(each.run.seconds for each in recorded)
    return min(recorded, key=lambda each: abs(each.run.seconds - median))


def _rate(runs: Iterable[Run]) -> float | None:
    """Return the bytes per second that workers fetched; None if they fetched none."""
    nbytes = seconds = 0.0
    for run in runs:
        nbytes += run.transfers.nbytes
        seconds += sum(part.seconds for part in run.work.spans if part.context == _GATHER)
    return nbytes / seconds if nbytes and seconds else None


def _crowding(typical: Sequence[_Recorded], task_seconds: Callable[[int], float]) -> float:
    """Return the fraction by which a task gets slower for each other beside it.

    Parameters
    ----------
    typical
        A run of each worker count, ascending.
    task_seconds
        Gives what all tasks take by a replay on so many workers: what comes of too few CPUs.
    """
    found = []
    for base, each in ((typical[0], each) for each in typical[1:]):
        beside = each.side_by_side - base.side_by_side
        alone = task_seconds(base.run.workers)
        if beside > 0 and alone and base.task_seconds:
            shared = task_seconds(each.run.workers) / alone
            found.append((each.task_seconds / base.task_seconds / shared - 1.0) / beside)
    return max(0.0, statistics.median(found)) if found else 0.0


def _costs(base: _Recorded, *, cpus: float, rate: float) -> Costs:
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
        if math.isnan(start):
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
