"""How the time within tasks was spent: on the CPU, or waiting, and for what."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sdprofile.model.account import Cause
from sdprofile.model.spans import EXECUTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from sdprofile.explain.thread_states import Levels
    from sdprofile.model.run import Run
    from sdprofile.model.trace import Trace

    Real = npt.NDArray[np.float64]

_MORE = 0.5
"""CPUs beyond its threads at work that a worker must use, for pools of threads to be at work. Its
event loop alone takes less, beside tasks that are worth their overhead."""

_ONE_CPU = (0.7, 1.35)
"""CPUs that a worker uses whose threads wait for the GIL, with those of its event loop."""

_SEVERAL = 1.5
"""Threads at work, on average, from which they can be in each other's way."""

_FULL = 0.9
"""Fraction of a host's CPUs from which all count as in use."""

_TURN = 0.2
"""CPUs that a worker gets of a host that is full if its threads want any. Its event loop takes less
while they sleep."""

_ON_CPU, _OFF_CPU, _UNTOLD = "thread-cpu", "thread-noncpu", ("failed", "cancelled")
"""Dask's words for time within tasks; of those that did not end well it tells no more."""

_COVERED = 0.5
"""CPUs for each thread at work from which the worker, whose event loop takes some, computed."""


def share_out_computing(run: Run, trace: Trace, busy: Sequence[Levels]) -> dict[Cause, float]:
    """Return the thread time within tasks, by what they did.

    Parameters
    ----------
    run, trace
        What was measured.
    busy
        How many threads of each worker ran tasks, by the index of the worker.

    Returns
    -------
    dict
        Seconds of all threads; they add up to the time within tasks.

    Notes
    -----
    How much of it was on the CPU dask counts for each task (``thread-cpu``). What the rest waited
    for follows from how many CPUs its worker used, from step to step of some 0.1 s: more than
    threads were at work (then all of the step belongs to that), all CPUs of the host in use and
    some of them here, or about one for several threads. Where all CPUs are in use, threads that
    wait for the GIL as well are not told apart. A thread that waited while its worker had as many
    CPUs in use as threads at work had the work done by others, and counts as on the CPU. Without
    samples, all that was not on the CPU is waiting for something else. Dask counts no CPU time of
    tasks that failed: they were on the CPU as far as their worker used any.
    """
    total = sum(float(each.numbers @ _lengths(each)) for each in busy)
    more, covered, waits = _by_cores(run, trace, busy)
    more = min(more, total)
    seen = sum(waits.values())
    off = _off_cpu(run, otherwise=min(1.0, seen / total) if total and trace.cores else None)
    off_cpu = min(total * off, max(0.0, total - more - covered))
    if not seen:
        waits, seen = {Cause.WAITING: 1.0}, 1.0
    return {
        Cause.COMPUTING: total - more - off_cpu,
        Cause.MORE_CORES: more,
        **{cause: off_cpu * seconds / seen for cause, seconds in waits.items()},
    }


def _off_cpu(run: Run, *, otherwise: float | None) -> float:
    """Return how much of the time within tasks was not on the CPU; nothing if it is not known.

    Parameters
    ----------
    run
        What dask counted.
    otherwise
        The part of what it did not tell apart; None if that is not known.
    """
    within: defaultdict[str, float] = defaultdict(float)
    for part in run.work.spans:
        if part.context == EXECUTE or part.activity == _ON_CPU:
            within[part.activity] += part.seconds
    on, off, untold = within[_ON_CPU], within[_OFF_CPU], sum(map(within.__getitem__, _UNTOLD))
    if otherwise is not None and on + off + untold == 0:
        return otherwise
    if otherwise is not None:
        on, off = on + (1.0 - otherwise) * untold, off + otherwise * untold
    return off / (on + off) if on + off > 0 else 0.0


def _by_cores(
    run: Run, trace: Trace, busy: Sequence[Levels]
) -> tuple[float, float, dict[Cause, float]]:
    """Return how long threads ran with more cores than they, with one each, and waited for what."""
    import numpy as np

    index = {address: place for place, address in enumerate(trace.addresses)}
    sampled = [each for each in trace.cores if each.worker in index and each.used]
    more, covered, waits = 0.0, 0.0, dict.fromkeys((Cause.GIL, Cause.CPU, Cause.WAITING), 0.0)
    hosts: dict[str, Real] = {}
    for each in sampled:
        used = np.asarray(each.used)
        host = _host(each.worker)
        hosts[host] = used + hosts[host] if host in hosts else used + _beside(run)
    for each in sampled:
        used = np.asarray(each.used)
        edges = np.minimum(np.arange(len(used) + 1) * each.step, trace.seconds)
        lengths = np.diff(edges)
        at_work = _mean(busy[index[each.worker]], edges)
        pools = (used - at_work >= _MORE) & (at_work >= _MORE)
        full = (hosts[_host(each.worker)] >= _FULL * each.cpus) & (used >= _TURN)
        gil = (at_work >= _SEVERAL) & (used >= _ONE_CPU[0]) & (used <= _ONE_CPU[1])
        waited = np.where(pools, 0.0, np.maximum(at_work - used, 0.0)) * lengths
        more += float((at_work * lengths)[pools].sum())
        on_cpu = np.where(~pools & (used >= _COVERED * at_work), np.minimum(used, at_work), 0.0)
        covered += float((on_cpu * lengths)[at_work >= _MORE].sum())
        waits[Cause.CPU] += float(waited[full].sum())
        waits[Cause.GIL] += float(waited[gil & ~full].sum())
        waits[Cause.WAITING] += float(waited[~gil & ~full].sum())
    return more, covered, waits


def _beside(run: Run) -> float:
    """Return the CPUs that others than the workers used on average, on the kernel's machine."""
    seen = run.circumstances
    if seen.others_cpu_seconds is None or not run.seconds:  # or it is not that of the workers
        return 0.0
    return (seen.kernel_cpu_seconds + seen.others_cpu_seconds) / run.seconds


def _mean(levels: Levels, edges: Real) -> Real:
    """Return the mean of a number between each edge and the next."""
    import numpy as np

    sums = np.concatenate(([0.0], np.cumsum(levels.numbers * _lengths(levels))))
    lengths = np.diff(edges)
    seconds = np.diff(np.interp(edges, levels.edges, sums))
    return np.divide(seconds, lengths, out=np.zeros_like(seconds), where=lengths > 0)


def _lengths(levels: Levels) -> Real:
    import numpy as np

    return np.diff(levels.edges)


def _host(address: str) -> str:
    return address.rpartition(":")[0]
