"""Tasks whose threads are in each other's way, or that wait for something else than the CPU."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdprofile.explain.causes.found import Found
from sdprofile.explain.causes.moving import moves_data
from sdprofile.explain.causes.seen import Seen
from sdprofile.explain.causes.without import gain_without, on, waits
from sdprofile.model.account import Cause
from sdprofile.model.spans import EXECUTE
from sdprofile.units import listed, plural

if TYPE_CHECKING:
    from sdprofile.replay.what_if import Setup

_MUCH = 0.1
"""Share of the time from which these are worth a word."""

_MORE_THREADS = 4
"""Threads of a worker, as a multiple of those now, for tasks that wait."""


_LONGER = 0.5
"""By which fraction a task waits longer for each other that waits beside it, at most, as for a disk
that is busy."""

_SPILLS = 0.05
"""Share of the time from which a worker is short of memory."""

_BESIDE_CPU = 3.0
"""How many times the time that tasks wait for a CPU they must wait for something else, for that to
be told from it. (On a machine that others keep busy: 0.7 to 1.9 where nothing else is waited for; 9
where it is the network.)"""

_IN_TURN = 0.5
"""By what fraction tasks take longer of what they would if each had to wait for its turn."""


_MOST = 0.5
"""Share of the time from which waiting is what makes tasks long."""


def waits_for_gil(seen: Seen) -> Found | None:
    """Return that the threads of a worker wait for its GIL; None where they do not."""
    share, run = seen.share(Cause.GIL), seen.run
    if share < _MUCH or run.threads < 2:
        return None
    cpus = seen.profile.machine.cpus
    workers = min(seen.threads, cpus)
    fastest = workers / max(1, run.workers)
    if fastest <= 1:
        return None
    if not run.workers and any(each.workers > 1 for each in seen.profile.runs):
        return None  # what workers gain was measured
    of_waiting = share / seen.share(Cause.GIL, Cause.CPU, Cause.WAITING)

    def without(was: Setup, part: float) -> Setup:
        return on(waits(was, max(0.0, 1.0 - part * of_waiting)), workers=workers, threads=1)

    # What threads lose by handing the lock to each other is within their CPU time.
    low, high = gain_without(
        seen,
        least=lambda was: without(was, 0.7),
        most=lambda was: without(was, 1.3),
        instead=(0.7 * share, 1.3 * share),
    )
    return seen.found(
        "GIL",
        share=share,
        fact=f"tasks of {_most(seen)} hold the GIL: the {run.threads} threads of {seen.of_whom}"
        f" wait for each other for {100 * share:.0f} % of the time",
        change=f"use --workers {workers} --threads 1 instead of"
        f" {f'{run.workers} with {run.threads}' if run.workers else 'no cluster'}",
        gain=(min(low, fastest), min(high, fastest)),
    )


def uses_more_cores(seen: Seen) -> Found | None:
    """Return that tasks use threads beside their own; None where they do not."""
    share, run = seen.share(Cause.MORE_CORES), seen.run
    if share < _MUCH:
        return None
    most = max((max(cores.used, default=0.0) for cores in seen.trace.cores), default=0.0)
    fact = f"tasks of {_most(seen)} use up to {most:.1f} CPUs with {plural(run.threads, 'thread')}"
    fact += f" of {seen.of_whom} for {100 * share:.0f} % of the time"
    if run.workers:
        fact += ", so more workers share the same CPUs"
        change = _one_core([pool.name for pool in run.circumstances.pools])
    else:
        fact += ", for libraries have threads of their own, which workers are kept from"
        change = "to compare it with workers that have as many, start these with --threads"
        change += f" {seen.threads}, or give it one each: threadpoolctl.threadpool_limits(1)"
    return seen.found("more cores than threads", share=share, fact=fact, change=change)


def _one_core(pools: Sequence[str]) -> str:
    """Return how to let each task use one core.

    Parameters
    ----------
    pools
        Variables that set the threads of the pools that were seen in the workers.
    """
    if not pools:
        return "let each use one: n_jobs=1, workers=1, threadpoolctl.threadpool_limits(1)"
    config = ", ".join(f'"distributed.nanny.pre-spawn-environ.{name}": 1' for name in pools)
    if list(pools) == ["NUMBA_NUM_THREADS"]:  # which threadpoolctl does not know
        within = "numba.set_num_threads(1)"
    else:
        within = "with threadpoolctl.threadpool_limits(1):"
    return (
        f"set {listed([f'{name}=1' for name in pools])} in the workers, by dask.config.set({{"
        f"{config}}}) before they start, or call {within} in the task"
    )


def waits_for_else(seen: Seen) -> Found | None:
    """Return that tasks wait for a disk, a lock, the network or sleep; None if they do not."""
    share, run = seen.share(Cause.WAITING), seen.run
    if share < _MUCH or len(seen.trace) < 2 * seen.threads or not seen.prefixes:
        return None
    if share < _BESIDE_CPU * seen.share(Cause.CPU):
        return None  # what others on the machine use is known on average only: it may be that, too
    if seen.share(Cause.SPILL, Cause.HELD_BACK) >= _SPILLS:
        return None  # they wait for the disk that it writes to, and more at once need more memory
    if moves_data(seen) is not None:
        return None  # they wait for that, or for what it leaves of disk and network
    gpu = "a GPU, " if run.memory.used_cards else ""
    if gpu and (run.memory.gpu_busy is None or run.memory.gpu_busy > _MOST):
        return None  # which computes for one of them at a time
    waiting = _waiting(seen)
    place, in_turn = seen.place(waiting), _wait_for_each_other(seen, waiting)
    if in_turn and share < _MOST:
        return None  # what makes tasks longer may be the CPUs that they share
    if in_turn:
        return seen.found(
            "waiting",
            share=share,
            fact=f"tasks of {place} wait for each other for {100 * share:.0f} % of the time (the"
            " more run at once, the longer each takes), as for a lock or a busy disk",
            change="hold the lock for a shorter time, or let each task write to a file or region of"
            " its own; more workers or threads gain nothing",
        )
    doubt = ", unless it is a lock" if in_turn is None else ""
    more = min(_MORE_THREADS, len(seen.trace) // seen.threads)
    saved = share * (1 - 1 / more)

    def with_more(was: Setup) -> Setup:
        return on(was, workers=was.workers, threads=more * run.threads)

    return seen.found(
        "waiting",
        share=share,
        fact=f"tasks of {place} wait for {gpu}a disk, the network, a lock or sleep for"
        f" {100 * share:.0f} % of the time",
        change=f"run more of them at once{doubt}: {seen.by_threads(more * run.threads)}",
        gain=gain_without(
            seen,
            least=lambda was: with_more(waits(was, 1.0 + _LONGER * (more - 1))),
            most=with_more,
            instead=(0.5 * saved, saved),
            # More at once also hides what threads wait for between their tasks.
            at_most=saved + seen.share(Cause.FETCHING, Cause.OVERHEAD),
        ),
    )


def _waiting(seen: Seen) -> str:
    """Return the prefix whose tasks waited longest."""
    waited: defaultdict[str, float] = defaultdict(float)
    for part in seen.run.work.spans:
        if part.context == EXECUTE and part.activity == "thread-noncpu":
            waited[part.prefix] += part.seconds
    known = {each.prefix for each in seen.prefixes}
    return max(known & set(waited), key=waited.__getitem__, default=seen.prefixes[0].prefix)


def _wait_for_each_other(seen: Seen, prefix: str) -> bool | None:
    """Whether tasks take longer the more of them run; None where there is but one count to tell."""
    took: dict[int, float] = {}
    for each in (seen, *seen.others):
        found = [tasks for tasks in each.prefixes if tasks.prefix == prefix]
        if found and len(found[0].seconds) >= 2 * each.threads:
            took[each.threads] = found[0].median
    fewest, most = min(took, default=1), max(took, default=1)
    if most < 2 * fewest:
        return None
    return took[most] >= took[fewest] * (1 + _IN_TURN * (most / fewest - 1))


def _most(seen: Seen) -> str:
    return seen.place(seen.prefixes[0].prefix) if seen.prefixes else "the cell"
