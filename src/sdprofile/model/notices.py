"""Facts that make a number doubtful or that explain it, each with what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.model.units import format_bytes, format_seconds, plural

if TYPE_CHECKING:
    from sdprofile.model.failure import Failure
    from sdprofile.model.profile import Profile

_HASH = re.compile(r"(?<=-)[0-9a-f]{32}")
"""What makes a key of dask unique and says nothing to a reader."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A fact about the profile, and what to do about it."""

    fact: str
    """What was seen, a sentence without the full stop."""

    advice: str
    """What to do about it, a sentence without the full stop."""


def make_notices(profile: Profile) -> tuple[Notice, ...]:
    """Return what the numbers of a profile do not say by themselves.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    tuple of Notice
        The most important first.
    """
    return tuple(_make_notices(profile))


def _make_notices(profile: Profile) -> Iterator[Notice]:
    yield from _failures(profile)
    finished = [run for run in profile.runs if run.status == "ok"]
    if finished and not any(run.tasks for run in finished):
        yield Notice(
            fact="No task ran on the workers, so worker counts make no difference here",
            advice="Call .compute() in the cell, and drop results that are held from an earlier"
            " cell, for dask does not compute them again",
        )
    elif finished and len({run.tasks for run in finished}) > 1:
        least, most = min(run.tasks for run in finished), max(run.tasks for run in finished)
        yield Notice(
            fact=f"The runs did not do the same work: {least} to {most} tasks",
            advice="Look for results that are held between runs, and for choices by the number of"
            " workers; compare times with care",
        )
    for run in finished:
        if 0 < len(run.worker_peaks) < run.workers:
            yield Notice(
                fact=f"{plural(run.workers, 'worker')}, run {run.repeat}: a worker died on the way"
                " and was replaced, its peak is not known",
                advice="Do not trust this run; look for a crash, or the system's out-of-memory"
                " killer",
            )
    yield from _unsteady(profile)
    spilled = max((run.spilled for run in finished), default=0)
    if spilled:
        amount = format_bytes(spilled, decimal=profile.decimal)
        yield Notice(
            fact=f"Workers wrote up to {amount} to disk for lack of memory, which takes time",
            advice="Raise --memory, or use smaller chunks",
        )
    most = max((run.workers * run.threads for run in profile.runs), default=0)
    if most > profile.machine.cpus:
        yield Notice(
            fact=f"{plural(most, 'thread')} shared {plural(profile.machine.cpus, 'core')}",
            advice="Do not read the time of larger counts as what more cores would give",
        )
    if not profile.fused:
        yield Notice(
            fact="Task fusion was off (--no-fuse), which changes the number of tasks and the time",
            advice="Use it to see steps, and measure times without it",
        )


def _failures(profile: Profile) -> Iterator[Notice]:
    killed = [failure for failure in profile.failures if failure.status == "killed"]
    in_finalize = [failure for failure in killed if failure.in_finalize]
    if in_finalize:
        kills = "; ".join(_kill(failure, decimal=profile.decimal) for failure in in_finalize)
        yield Notice(
            fact=f"{kills}: .compute() puts the whole result together on one worker before it is"
            " fetched, which takes twice its size there",
            advice="Write the result to zarr, reduce it on the workers, or keep it there with"
            " .persist(); or raise --memory",
        )
    for failure in killed:
        if not failure.in_finalize:
            yield Notice(
                fact=_kill(failure, decimal=profile.decimal),
                advice="Raise --memory, use smaller chunks, or fewer --threads"
                if failure.nbytes is not None
                else "Look for a crash in compiled code, or the system's out-of-memory killer",
            )
    for failure in profile.failures:
        if failure.status == "stuck":
            yield Notice(
                fact=f"{plural(failure.workers, 'worker')}: {failure.message}",
                advice="Raise --timeout, or look at the dashboard for what the workers wait for",
            )


def _kill(failure: Failure, *, decimal: bool) -> str:
    who = plural(failure.workers, "worker")
    after = f"after {format_seconds(failure.seconds)}"
    # With several threads there are several tasks; the one that explains it comes first.
    tasks = sorted(failure.tasks, key=lambda task: not task.startswith("finalize-"))
    where = f" in {_HASH.sub('...', tasks[0])}" if tasks else ""
    if failure.nbytes is None:
        return f"{who}: {failure.message} {after}{where}"
    limit = ""
    if failure.memory_limit:
        limit = f" of {format_bytes(failure.memory_limit, decimal=decimal)}"
    return f"{who}: killed {after} at {format_bytes(failure.nbytes, decimal=decimal)}{limit}{where}"


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
