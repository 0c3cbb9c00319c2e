"""Colour, marker, line style and class of each worker count, the same in every view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.model.account import Cause
from sdprofile.render.grid_lines import grid_lines

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary

# Each has a contrast of at least 3:1 on white and on #111, so it works in light and dark themes.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8A8A00", "#6A5ACD")
_MARKERS = (("●", "o"), ("■", "s"), ("▲", "^"), ("◆", "D"), ("▼", "v"), ("✚", "P"))
# One style fewer than colours, so that the seventh count does not look like the first.
_LINES = ("-", "--", ":", "-.", (0, (6, 1.5, 1, 1.5, 1, 1.5)))

# Told apart also by those who see no red or green (Okabe and Ito), in light and dark themes.
COLOURS = ("#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
"""Of what is told apart within one run, that which takes most first; others are grey."""

OTHER = "#8A8A8A"
"""Colour of what has none of its own."""

CAUSE_COLOURS = {
    Cause.COMPUTING: "#0072B2",
    Cause.MORE_CORES: "#003F66",
    Cause.GIL: "#6A5ACD",
    Cause.CPU: "#4A4A8A",
    Cause.WAITING: "#56B4E9",
    Cause.FETCHING: "#009E73",
    Cause.SPILL: "#8A8A00",
    Cause.HELD_BACK: "#5C5C00",
    Cause.OVERHEAD: "#E69F00",
    Cause.CHAIN: "#CC79A7",
    Cause.NO_MORE: "#A0527F",
    Cause.SENDING: "#D55E00",
    Cause.RESULT: "#8F3E00",
    Cause.KERNEL: "#8A8A8A",
}
"""Colour of where the time went, in the order in which it is shown: threads at work come first."""

REPEAT = "sdp-repeat"
"""Class of what belongs to another run than the one that stands for its count."""

TOLD = "told:"
"""Begins the URL of what is no link: a browser shows the rest where the pointer rests on it."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How one worker count is told from the others, with and without colour."""

    colour: str
    """As ``#rrggbb``."""

    glyph: str
    """The marker as a character."""

    marker: str
    """The marker in matplotlib's words."""

    line: str | tuple[float, tuple[float, ...]]
    """The line style in matplotlib's words."""


def mark(index: int) -> Mark:
    """Return the mark of the worker count at a place, from 0, in `Profile.counts`."""
    glyph, marker = _MARKERS[index % len(_MARKERS)]
    return Mark(
        colour=_COLOURS[index % len(_COLOURS)],
        glyph=glyph,
        marker=marker,
        line=_LINES[index % len(_LINES)],
    )


def marked(profile: Measured) -> list[tuple[CountSummary, Mark]]:
    """Return the worker counts of a profile, each with its mark; of a grid that of its line."""
    if not profile.is_grid:
        return [(count, mark(index)) for index, count in enumerate(profile.counts)]
    _, _, lines = grid_lines(profile)
    of_line = {
        count.setting: mark(index) for index, line in enumerate(lines) for _, count in line.places
    }
    return [(count, of_line[count.setting]) for count in profile.counts]


def of_count(workers: int) -> str:
    """Return the classes of what is of one worker count, and dimmed where another is chosen."""
    return f"sdp-of sdp-w{workers}"
