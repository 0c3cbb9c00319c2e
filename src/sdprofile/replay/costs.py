"""What the tasks of a run cost: what a replay of them takes for granted."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sdprofile.model.spans import EXECUTE
from sdprofile.model.tasks import PrefixMemory
from sdprofile.replay.kernel import Kernel
from sdprofile.replay.recorded import BUSY, Recorded, gaps
from sdprofile.replay.virtual_workers import Costs

RATE = 1e8
"""Bytes per second that workers are taken to fetch where none fetched any, as dask takes it at
first (``distributed.scheduler.bandwidth``)."""

FETCHING = 0.0025
"""Seconds until what a worker asks another for begins to come, where it is not known (measured: 2.4
to 3.2 ms for a few bytes, and as much for a MB)."""

LATENCY = 0.002
"""Seconds from a result to the scheduler and back to a worker, where it is not known (measured: 1.8
to 2.2 ms, without what both collect before they send)."""

MOST_SCHEDULING = 0.003
"""Seconds that the scheduler needs for a task, at most (measured: 0.2 to 2 ms). What it does all
the time is more of each where there are few tasks."""

_SMALL = 100_000
"""Bytes of a fetch below which it tells nothing of how fast they come."""

_ENOUGH = 30
"""Waits that tell how long results are on their way."""

_GATHER = "gather-dep"
"""Dask's word for what a worker does to fetch inputs."""


def costs_of(base: Recorded, known: Sequence[Recorded], *, cpus: float) -> Costs:
    """Return what the tasks of a run cost, as it was.

    Parameters
    ----------
    base
        The run.
    known
        All runs of the same tasks, it among them.
    cpus
        CPUs that all workers share; infinity where each thread has its own.
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
    overhead, scheduling = _overhead(known), _scheduling(known)
    latency = _latency(known, besides=scheduling + overhead)
    fetching, rate = fetches_of(known)
    return Costs(
        cpus=cpus,
        crowding=0.0,
        alone=base.side_by_side,
        overhead=overhead,
        scheduling=scheduling,
        busy=BUSY,
        latency=latency,
        rate=rate or RATE,
        fetching=fetching,
        kernel=_kernel(base, known, until_first=overhead),
        baseline=round(statistics.mean(baselines)) if baselines else 0,
        cpu_share=tuple(
            min(1.0, cpu[group.prefix] / total[group.prefix]) if total[group.prefix] else 1.0
            for group in trace.groups
        ),
        rise=tuple(rises.get(group.prefix, 0) for group in trace.groups),
    )


def lumped_costs(it: Recorded, *, cpus: float) -> Costs:
    """Return what the tasks of a run cost on as many workers as it had.

    What a thread lost between two tasks, for whatever reason, is one number then.

    Parameters
    ----------
    it, cpus
        See `costs_of`.
    """
    trace = it.trace
    nbytes = it.run.transfers.nbytes
    seconds = sum(part.seconds for part in it.run.work.spans if part.context == _GATHER)
    found = sorted(each for _, each in gaps(trace, sent=0.0))
    usual = found[: math.ceil(0.95 * len(found))]
    scheduling = trace.scheduler_seconds / len(trace) if len(trace) else 0.0
    return replace(
        costs_of(it, [it], cpus=cpus),
        overhead=statistics.fmean(usual) if usual else 0.0,
        scheduling=min(scheduling, MOST_SCHEDULING),
        busy=1.0,
        latency=0.0,
        rate=nbytes / seconds if nbytes and seconds else RATE,
        fetching=0.0,
        kernel=None,
    )


def _scheduling(known: Sequence[Recorded]) -> float:
    """Return the seconds of the scheduler for a task that finds it idle.

    Notes
    -----
    Its thread also does what has nothing to do with tasks, such as heartbeats, which is less where
    a run was shorter: the count that needed least for a task tells most.
    """
    by_count: defaultdict[int, list[float]] = defaultdict(list)
    for each in known:
        if len(each.trace):
            by_count[each.run.workers].append(each.scheduling)
    least = min((statistics.median(found) for found in by_count.values()), default=0.0)
    return min(least, MOST_SCHEDULING)


def _latency(known: Iterable[Recorded], *, besides: float) -> float:
    """Return the seconds from a result to the scheduler and back to a worker.

    Notes
    -----
    That is seen where a worker had nothing to do but the task that needed the result of its last.
    """
    # The clocks of other hosts are a little off.
    waits = [each for one in known for each in one.round_trips if each > besides]
    if len(waits) < _ENOUGH:
        return LATENCY
    return sorted(waits)[len(waits) // 10] - besides


def fetches_of(known: Iterable[Recorded]) -> tuple[float, float | None]:
    """Return what it takes to fetch something: seconds each time, and bytes per second.

    Parameters
    ----------
    known
        Runs of the same tasks.

    Returns
    -------
    fetching, rate
        The rate is None if too little was fetched to tell.
    """
    number = nbytes = 0
    seconds = 0.0
    for each in known:
        number += each.fetches
        nbytes += each.run.transfers.nbytes
        seconds += sum(part.seconds for part in each.run.work.spans if part.context == _GATHER)
    if not (number and seconds):
        return FETCHING, None
    if nbytes / number < _SMALL:
        return seconds / number, None
    fetching = min(FETCHING, 0.5 * seconds / number)
    return fetching, nbytes / (seconds - fetching * number)


def _kernel(base: Recorded, known: Iterable[Recorded], *, until_first: float) -> tuple[float, ...]:
    """Return what the kernel takes before each graph and at the end: medians over the runs."""
    graphs = len(base.trace.arrivals)
    found = [
        Kernel(each.trace, until_first=until_first).busy
        for each in known
        if len(each.trace.arrivals) == graphs
    ]
    return tuple(statistics.median(each) for each in zip(*found, strict=True))


def _rise(memory: PrefixMemory, threads: int) -> int:
    """Return by how much one task raises its worker's memory, in bytes.

    Notes
    -----
    The highest rise of a worker is that of all tasks which ran at that time, as many as it has
    threads at most: an equal share of it is taken for each, unless one must have taken more.
    """
    return max(memory.rise_low, memory.rise_high // threads)


def _overhead(known: Iterable[Recorded]) -> float:
    """Return the seconds of a thread between two tasks of which the second waited for it only.

    Notes
    -----
    That is a task whose inputs were there for longer than the scheduler takes to send it; the
    median of these. Of those without inputs some had to be sent first: where there are few others,
    a quarter of them is taken not to.
    """
    waited: list[float] = []
    others: list[float] = []
    for each in known:
        for task, gap in each.gaps:
            (waited if each.trace.inputs_of[task] else others).append(gap)
    if len(waited) >= _ENOUGH and len(waited) > len(others) // 4:
        return statistics.median(waited)
    return sorted(others)[len(others) // 4] if others else 0.0
