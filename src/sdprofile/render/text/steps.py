"""The spans of a cell as a tree, and what the threads did in each at every worker count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.render.curves import median_run
from sdprofile.render.text.breakdown import activity_shares, is_accounted
from sdprofile.render.text.rows import MISSING
from sdprofile.units import format_seconds, plural

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run


STEPS = "steps (of all threads; in brackets in the kernel; in the median run)"
"""What `step_rows` returns, in words."""

STEP = "step"
"""Header of the column whose texts come from the user's code."""


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """What one step took at one worker count, with the steps in it."""

    seconds: float
    """Thread time divided by the number of all threads: for the whole cell its wall time."""

    shares: dict[str, float]
    """Share of each of `sdprofile.render.text.breakdown.ACTIVITIES` that took any time."""

    kernel: float | None = None
    """Wall time in the kernel of the calls that are this step, in seconds; None for no call."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One span of the cell, or the cell itself."""

    name: str
    """Its own name, without those of the spans around it."""

    depth: int
    """How many spans are around it; 0 for the cell."""

    times: tuple[StepTime | None, ...]
    """For each of `Profile.counts`; None where it is not known."""


def steps(profile: Measured) -> tuple[Step, ...]:
    """Return the steps of a profile, each before those in it, as they came.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    tuple of Step
        Of the runs with the median times; empty if nothing is known of any.

    Notes
    -----
    A span of which dask fused the tasks with those of another is not there: its time is
    in the step around it. Of a call's tasks that were fused the time is in the step with which
    they were (`StepCall.fused`).
    """
    runs = [median_run(count, known=is_accounted) for count in profile.counts]
    # Calls are in the order in which they came.
    spans = [
        part.span
        for run in runs
        if run
        for parts in (run.steps.calls, run.work.spans)
        for part in parts
    ]
    paths = dict.fromkeys(path for span in spans for path in _upward(span))
    return tuple(
        Step(
            name=path.rpartition("/")[2],
            depth=path.count("/"),
            times=tuple(_time(run, path) for run in runs),
        )
        for path in _downward(list(paths))
    )


def step_rows(profile: Measured) -> list[list[str]]:
    """Return the steps as text, worker counts side by side.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    list of list of str
        The headers, then a row per step; empty if there is none but the cell.
    """
    found = steps(profile)
    if len(found) < 2:
        return []
    headers = [STEP, *(plural(count.workers, "worker") for count in profile.counts)]
    return [headers, *([_indented(step), *map(_in_words, step.times)] for step in found)]


def _indented(step: Step) -> str:
    return f"{'  ' * step.depth}{step.name}"


def _in_words(time: StepTime | None) -> str:
    if time is None:
        return MISSING
    workers = format_seconds(time.seconds) if time.shares else MISSING
    return workers if time.kernel is None else f"{workers} ({format_seconds(time.kernel)})"


def _upward(span: str) -> Iterator[str]:
    """Yield the paths of all spans around a span, from the outermost, and its own."""
    names = span.split("/")
    for depth in range(1, len(names) + 1):
        yield "/".join(names[:depth])


def _downward(paths: list[str], above: str = "") -> Iterator[str]:
    """Yield paths so that each comes before those in it."""
    for path in paths:
        if path.rpartition("/")[0] == above:
            yield path
            yield from _downward(paths, path)


def _time(run: Run | None, path: str) -> StepTime | None:
    if run is None:
        return None
    parts = [part for part in run.work.spans if f"{part.span}/".startswith(f"{path}/")]
    calls = [step.seconds for step in run.steps.calls if step.span == path and step.calls]
    if not parts and not calls:
        return None
    seconds = sum(part.seconds for part in parts) / (run.workers * run.threads)
    kernel = sum(calls) if calls else None
    return StepTime(seconds=seconds, shares=activity_shares(parts), kernel=kernel)
