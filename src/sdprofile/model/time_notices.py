"""What makes the times of a profile doubtful, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.model.notice import Notice
from sdprofile.model.units import format_seconds, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.profile import Profile

_OTHERS_SHARE = 0.1
"""Fraction of the cores that other processes may use; at least `_OTHERS_CORES`."""

_OTHERS_CORES = 0.5
"""Cores that other processes may use, on average, before the machine counts as busy."""


def time_notices(profile: Profile) -> Iterator[Notice]:
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
    most = max((run.workers * run.threads for run in profile.runs), default=0)
    if most > profile.machine.cpus:
        yield Notice(
            fact=f"{plural(most, 'thread')} shared {plural(profile.machine.cpus, 'core')}",
            advice="Do not read the time of larger counts as what more cores would give",
        )
    yield from _pools(profile)


def _busy_machine(profile: Profile) -> Iterator[Notice]:
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


def _pools(profile: Profile) -> Iterator[Notice]:
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


def _unsteady(profile: Profile) -> Iterator[Notice]:
    timed = [(count.workers, count.timing) for count in profile.counts if count.timing is not None]
    if cold := [(workers, timing) for workers, timing in timed if timing.cold_start]:
        times = "; ".join(
            f"{plural(workers, 'worker')}: {format_seconds(timing.seconds[0])} against a median of"
            f" {format_seconds(timing.median)}"
            for workers, timing in cold
        )
        yield Notice(
            fact=f"The first run was slow ({times})",
            advice="Read the median; something was done only once (imports, caches)",
        )
    unstable = [(n, timing) for n, timing in timed if timing.unstable and not timing.cold_start]
    if unstable:
        spreads = ", ".join(
            f"{timing.std / timing.mean * 100:.0f} % at {plural(workers, 'worker')}"
            for workers, timing in unstable
        )
        yield Notice(
            fact=f"The times spread widely around their mean ({spreads})",
            advice="Use more --repeats, on a machine that does nothing else",
        )
