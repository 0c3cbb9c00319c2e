"""Facts that make a number doubtful or that explain it, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.model.units import format_bytes, format_seconds, plural

if TYPE_CHECKING:
    from sdprofile.model.failure import Failure
    from sdprofile.model.profile import Profile
    from sdprofile.model.run import CountSummary


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
    for failure in profile.failures:
        if failure.status == "killed":
            yield _killed(failure, decimal=profile.decimal)
        elif failure.status == "stuck":
            yield Notice(
                fact=f"{plural(failure.workers, 'worker')}: {failure.message}",
                advice="Raise --timeout, or look at the dashboard for what the workers wait for",
            )
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
    for count in profile.counts:
        yield from _unsteady(count)
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


def _killed(failure: Failure, *, decimal: bool) -> Notice:
    who = plural(failure.workers, "worker")
    used = "its limit"
    if failure.nbytes is not None and failure.memory_limit:
        used = (
            f"{format_bytes(failure.nbytes, decimal=decimal)} of"
            f" {format_bytes(failure.memory_limit, decimal=decimal)}"
        )
    when = f" after {format_seconds(failure.seconds)}"
    if failure.in_finalize:
        return Notice(
            fact=f"{who}: killed{when} at {used} in {failure.tasks[0]}: .compute() puts the whole"
            " result together on one worker before it is fetched",
            advice="Write the result to zarr, reduce it on the workers, or keep it there with"
            " .persist(); or raise --memory to more than twice the result's size",
        )
    where = f" in {failure.tasks[0]}" if failure.tasks else ""
    return Notice(
        fact=f"{who}: killed{when} at {used}{where}",
        advice="Raise --memory, use smaller chunks, or fewer --threads",
    )


def _unsteady(count: CountSummary) -> Iterator[Notice]:
    timing = count.timing
    if timing is None:
        return
    who = plural(count.workers, "worker")
    if timing.cold_start:
        yield Notice(
            fact=f"{who}: the first run took {format_seconds(timing.seconds[0])}, the median"
            f" {format_seconds(timing.median)}",
            advice="Read the median; something was done only once (imports, caches)",
        )
    elif timing.unstable:
        yield Notice(
            fact=f"{who}: the times spread by {timing.std / timing.mean:.0%} of their mean",
            advice="Use more --repeats, on a machine that does nothing else",
        )
