"""The spans of a cell as a tree, and what the threads did in each at every worker count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.render.curves import median_run
from sdprofile.render.text.breakdown import ACTIVITIES, activity_shares, is_accounted
from sdprofile.render.text.rows import MISSING
from sdprofile.units import format_seconds, listed

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run


STEPS = "steps (of all threads; in brackets in the kernel; in the median run)"
"""What `step_rows` returns, in words."""

STEP = "step"
"""Header of the column whose texts come from the user's code."""

MERGED = "merged"
"""In place of the time of a step whose tasks dask fused with those of another."""

_LEAST_BAR, _LONGEST_BAR = 8, 24
"""Letters of the longest bar: with less room there are none."""


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """What one step took at one worker count, with the steps in it."""

    seconds: float
    """Thread time divided by the number of all threads: for the whole cell its wall time."""

    shares: dict[str, float]
    """Share of each of `sdprofile.render.text.breakdown.ACTIVITIES` that took any time."""

    kernel: float | None = None
    """Wall time in the kernel of the calls that are this step, in seconds; None for no call."""

    merged: tuple[str, ...] = ()
    """The steps that have its time too, as dask fused all of its tasks with theirs."""

    @property
    def lengths(self) -> dict[str, float]:
        """Seconds of each of its activities."""
        return {name: share * self.seconds for name, share in self.shares.items()}


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
    they were (`StepTime.merged`).
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


def longest_step(found: Sequence[Step]) -> float:
    """Return the seconds of the longest bar of all steps and counts, which is the scale of all."""
    return max((time.seconds for step in found for time in step.times if time), default=0.0)


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
    headers = [STEP, *(count.setting.name for count in profile.counts)]
    return [headers, *([_indented(step), *map(_in_words, step.times)] for step in found)]


def with_bars(rows: Sequence[Sequence[str]], profile: Measured, *, width: int) -> list[list[str]]:
    """Return the rows with a bar behind each time, where there is room for them.

    Parameters
    ----------
    rows
        As `step_rows` gives them.
    profile
        What was measured.
    width
        Columns that the bars may take, all of a row together.

    Returns
    -------
    list of list of str
        A bar has a letter for what the threads did (see `bar_key`), on one scale for all rows and
        counts.
    """
    names, *columns = zip(*rows, strict=True)
    letters = _letters(len(columns), width)
    if not letters:
        return [list(row) for row in rows]
    found = steps(profile)
    longest = longest_step(found)
    barred = [names]
    for index, (header, *cells) in enumerate(columns):
        digits = max(map(len, (header, *cells)))
        bars = ["", *(_bar(step.times[index], longest, letters) for step in found)]
        texts = zip((header, *cells), bars, strict=True)
        barred.append(tuple(f"{text:>{digits}} {bar:{letters}}" for text, bar in texts))
    return [list(row) for row in zip(*barred, strict=True)]


def bar_key(profile: Measured, *, width: int) -> str:
    """Return what the letters of `with_bars` stand for; empty where there is no room for bars."""
    letters = _letters(len(profile.counts), width)
    found = steps(profile)
    if not letters or not longest_step(found):
        return ""
    used = {name for step in found for time in step.times if time for name in time.shares}
    names = [f"{name[0].upper()} {name}" for name in ACTIVITIES if name in used]
    return f"{', '.join(names)}; a letter is {format_seconds(longest_step(found) / letters)}"


def merged_line(profile: Measured) -> str:
    """Return which steps have no time of their own, and where it is; empty if all have."""
    into: dict[tuple[str, ...], dict[str, None]] = {}
    for step in steps(profile):
        for time in step.times:
            if time and time.merged:
                into.setdefault(time.merged, {})[step.name] = None
    parts = [f"{listed(list(names))} into {listed(others)}" for others, names in into.items()]
    return f"{MERGED}: {'; '.join(parts)} (--no-fuse tells them apart)" if parts else ""


def _letters(counts: int, width: int) -> int:
    """Return how many letters the longest bar has; 0 where there is no room."""
    most = min(_LONGEST_BAR, width // max(1, counts) - 1)
    return most if most >= _LEAST_BAR else 0


def _bar(time: StepTime | None, longest: float, letters: int) -> str:
    bar, upto = "", 0.0
    lengths = time.lengths if time and longest else {}
    for name, seconds in lengths.items():
        upto += seconds / longest * letters
        bar += name[0].upper() * (round(upto) - len(bar))
    return bar


def _indented(step: Step) -> str:
    return f"{'  ' * step.depth}{step.name}"


def _in_words(time: StepTime | None) -> str:
    if time is None:
        return MISSING
    workers = format_seconds(time.seconds) if time.shares else MERGED if time.merged else MISSING
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
    seconds = sum(part.seconds for part in parts) / run.all_threads
    kernel = sum(calls) if calls else None
    shares = activity_shares(parts)
    merged = () if shares else _merged(run, path)
    return StepTime(seconds=seconds, shares=shares, kernel=kernel, merged=merged)


def _merged(run: Run, path: str) -> tuple[str, ...]:
    """Return the steps with whose tasks those of a step were fused."""
    name = path.rpartition("/")[2]
    return tuple(
        step.name if "/" in step.span else "the cell's own tasks"
        for step in run.steps.calls
        if name in step.fused
    )
