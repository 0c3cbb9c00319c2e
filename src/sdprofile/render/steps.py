"""The spans of a cell as a tree, and what the threads did in each at every worker count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.render.breakdown import activity_shares, is_accounted
from sdprofile.render.curves import median_run

if TYPE_CHECKING:
    from sdprofile.model.profile import Profile
    from sdprofile.model.run import Run


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """What one step took at one worker count, with the steps in it."""

    seconds: float
    """Thread time divided by the number of all threads: for the whole cell its wall time."""

    shares: dict[str, float]
    """Share of each of `sdprofile.render.breakdown.ACTIVITIES` that took any time."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One span of the cell, or the cell itself."""

    name: str
    """Its own name, without those of the spans around it."""

    depth: int
    """How many spans are around it; 0 for the cell."""

    times: tuple[StepTime | None, ...]
    """For each of `Profile.counts`; None where it is not known."""


def steps(profile: Profile) -> tuple[Step, ...]:
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
    A step of which dask merged the tasks with those of another (fusion) is not there: its time is
    in the step around it.
    """
    runs = [median_run(count, known=is_accounted) for count in profile.counts]
    paths = dict.fromkeys(
        path for run in runs if run for part in run.spans for path in _upward(part.span)
    )
    return tuple(
        Step(
            name=path.rpartition("/")[2],
            depth=path.count("/"),
            times=tuple(_time(run, path) for run in runs),
        )
        for path in _downward(list(paths))
    )


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
    parts = [part for part in run.spans if f"{part.span}/".startswith(f"{path}/")]
    if not parts:
        return None
    seconds = sum(part.seconds for part in parts) / (run.workers * run.threads)
    return StepTime(seconds=seconds, shares=activity_shares(parts))
