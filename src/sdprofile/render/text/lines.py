"""What each line of the cell took, as rows of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdprofile.explain.lines import LineUse, line_uses
from sdprofile.render.text.rows import MISSING
from sdprofile.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from sdprofile.explain.explained import Explained

LINE = "line"
"""Header of the column whose texts are the user's code."""

HEADERS = (LINE, "in the kernel", "on threads", "results", "rise")
"""What a line is told with."""

ADDED_UP = ("seconds", "thread_seconds", "held")
"""What of a `LineUse` adds up over the lines of the cell."""

_LEAST = 0.02
"""Share of any of these from which a line has a row."""

_MOST = 10
"""Rows of lines in a terminal."""

_SHOWN = 0.0005
"""Seconds that are shown at least."""


def lines_title(profile: Explained) -> str:
    """Return what `line_rows` has, in words."""
    run = profile.shown_run
    of = "" if run is None else f", with {profile.varied.name(run.setting)}"
    return f"what each line took (wall time; of its tasks thread time and memory{of})"


def line_rows(profile: Explained) -> list[list[str]]:
    """Return what the lines took, as text.

    Parameters
    ----------
    profile
        What was measured; the run that stands for all is looked at.

    Returns
    -------
    list of list of str
        The headers, then a row each, as `shown_lines` has them; empty where there is but one.
    """
    shown = shown_lines(profile, most=_MOST)
    if sum(bool(use.line) for use in shown) < 2:
        return []
    return [list(HEADERS), *([line_name(use), *line_cells(use, profile)] for use in shown)]


def shown_lines(profile: Explained, *, most: int) -> list[LineUse]:
    """Return the lines that took most, in their order.

    Parameters
    ----------
    profile
        What was measured; the run that stands for all is looked at.
    most
        How many there are at most.

    Returns
    -------
    list of LineUse
        Those of the cell, all that is left of it as one, then those of functions. Empty where the
        tasks were not recorded.
    """
    run = profile.shown_run
    uses = line_uses(run) if run is not None else ()
    of_cell = [use for use in uses if not use.function]
    totals = {of: sum(getattr(use, of) for use in of_cell) for of in ADDED_UP}

    def share(use: LineUse) -> float:
        return max(getattr(use, of) / total if total else 0.0 for of, total in totals.items())

    known = [use for use in uses if use.line and share(use) >= _LEAST]
    largest = sorted(known, key=lambda use: -share(use))[:most]
    shown = [use for use in known if use in largest]
    rest = _together([use for use in of_cell if use not in shown])
    return [
        *(use for use in shown if not use.function),
        *([rest] if share(rest) >= _LEAST else []),
        *(use for use in shown if use.function),
    ]


def _together(uses: Sequence[LineUse]) -> LineUse:
    """Return what several lines took, as that of none."""
    rises = [use.rise for use in uses if use.rise is not None]
    return LineUse(
        line=0,
        function="",
        text="",
        seconds=sum(use.seconds for use in uses),
        own_seconds=sum(use.own_seconds for use in uses),
        thread_seconds=sum(use.thread_seconds for use in uses),
        tasks=sum(use.tasks for use in uses),
        held=sum(use.held for use in uses),
        rise=max(rises, default=None),
    )


def line_name(use: LineUse) -> str:
    """Return which line it is, with what is written there."""
    if not use.line:
        return "elsewhere"
    where = f"{use.function}, line {use.line}" if use.function else str(use.line)
    return f"{where}  {use.text}" if use.text else where


def line_cells(use: LineUse, profile: Explained) -> list[str]:
    """Return what a line took, in words, as `HEADERS` has it."""
    times = (use.seconds, use.thread_seconds)
    return [
        *(format_seconds(each) if each >= _SHOWN else MISSING for each in times),
        format_bytes(use.held, decimal=profile.decimal) if use.held else MISSING,
        MISSING if use.rise is None else format_bytes(use.rise, decimal=profile.decimal),
    ]
