"""What makes the times of a profile doubtful, and what to do about it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sdprofile.model.notice import Notice
from sdprofile.model.timing import COLD_START, Timing
from sdprofile.units import format_seconds, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary, Run
    from sdprofile.model.setting import Setting

_NAMES = 3
"""Packages that are named, at most."""

_OTHERS_SHARE = 0.1
"""Fraction of the cores that other processes may use; at least `_OTHERS_CORES`."""

_OTHERS_CORES = 0.5
"""Cores that other processes may use, on average, before the machine counts as busy."""


def time_notices(profile: Measured) -> Iterator[Notice]:
    """Yield what makes the times doubtful.

    Parameters
    ----------
    profile
        What was measured.

    Yields
    ------
    Notice
        Spread first, then its causes outside of the cell.
    """
    yield from _unsteady(profile)
    yield from _busy_machine(profile)
    most = max((run.all_threads for run in profile.runs), default=0)
    if most > profile.machine.cpus:
        yield Notice(
            fact=f"{plural(most, 'thread')} shared {plural(profile.machine.cpus, 'core')}",
            advice="The times of larger counts do not show what more cores would give",
        )
    yield from _pools(profile)


def _busy_machine(profile: Measured) -> Iterator[Notice]:
    finished = [run for run in profile.runs if run.status == "ok" and run.seconds > 0]
    others = [
        run.circumstances.others_cpu_seconds / run.seconds
        for run in finished
        if run.circumstances.others_cpu_seconds is not None
    ]
    allowed = max(_OTHERS_SHARE * profile.machine.cpus, _OTHERS_CORES)
    busy = [cores for cores in others if cores > allowed]
    if busy:
        where = "" if len(busy) == len(finished) else f" in {len(busy)} of {len(finished)} runs"
        yield Notice(
            fact=f"The machine was busy with other work: up to {max(busy):.1f} cores on"
            f" average{where}",
            advice="Measure again while nothing else runs, or use more --repeats",
        )


def _pools(profile: Measured) -> Iterator[Notice]:
    """Yield each worker's hidden threads, one notice for all pools of workers of one kind."""
    by_threads: dict[int, dict[str, int]] = {}
    for run in profile.runs:
        for pool in run.circumstances.pools:
            if pool.threads > run.threads:
                sizes = by_threads.setdefault(run.threads, {})
                sizes[pool.name] = max(pool.threads, sizes.get(pool.name, 0))
    for threads, sizes in by_threads.items():
        found = [f"{size} threads of its own ({name})" for name, size in sizes.items()]
        settings = listed([f"{name}=1" for name in sizes])
        yield Notice(
            fact=f"Each worker of {plural(threads, 'thread')} runs {listed(found)}",
            advice=f"Set {settings} before the cluster starts, or workers take cores from each"
            " other",
        )


def _unsteady(profile: Measured) -> Iterator[Notice]:
    """Yield where times spread: first what a cold start explains, then what nothing does."""
    new = _in_new_workers(profile.runs)
    cold, unstable = [], []
    for count in profile.counts:
        if count.timing is None:
            continue
        name = profile.varied.name(count.setting)
        first, later = _parted(count, new)
        rest = count.timing
        if first and later and count.timing.unstable and _is_cold(first, later):
            if count.workers:
                times = f"{_median(first)}, then {_median(later)}"
                cold.append((f"{name}: {times}", len(later) > len(first)))
            rest = Timing(seconds=later)
        if rest.unstable:
            unstable.append(f"{rest.std / rest.mean * 100:.0f} % at {name}")
    if cold:
        packages = dict.fromkeys(
            each for run in profile.runs for each in run.circumstances.imported
        )
        what = f"imports of {listed(list(packages)[:_NAMES])}" if packages else "imports"
        once = f"Something is done only once in each worker ({what}, compiling, caches)"
        enough = all(is_enough for _, is_enough in cold)
        yield Notice(
            fact=f"The first run in each worker was slow ({'; '.join(each for each, _ in cold)})",
            advice=f"{once}: read the median"
            if enough
            else f"{once}: use more --repeats, since the median is not of warm workers",
        )
    if unstable:
        but = ", first runs left out" if cold else ""
        yield Notice(
            fact=f"The times spread widely around their mean ({', '.join(unstable)}{but})",
            advice="Use more --repeats, on a machine that does nothing else",
        )


def _in_new_workers(runs: Sequence[Run]) -> dict[int, bool]:
    """Return for each run, by its `id`, whether it was the first in any of its workers.

    Notes
    -----
    A worker that is started has an address that none had before. Where no worker is known, the
    first run with a setting counts.
    """
    seen: set[str] = set()
    settings: set[Setting] = set()
    new = {}
    for run in runs:
        workers = {peak.worker for peak in run.memory.worker_peaks}
        new[id(run)] = not workers <= seen if workers else run.setting not in settings
        seen |= workers
        settings.add(run.setting)
    return new


def _parted(
    count: CountSummary, new: Mapping[int, bool]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the times of the runs that were the first in a worker, and of the others."""
    finished = [run for run in count.runs if run.status == "ok"]
    first = tuple(run.seconds for run in finished if new[id(run)])
    return first, tuple(run.seconds for run in finished if not new[id(run)])


def _is_cold(first: Sequence[float], later: Sequence[float]) -> bool:
    apart = min(first) > max(later)
    return apart and statistics.median(first) > COLD_START * statistics.median(later)


def _median(seconds: Sequence[float]) -> str:
    return format_seconds(statistics.median(seconds))
