"""What each line of the cell took, beside what is written there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.render.page.markup import NOTHING, Cell, Row, bar, key, table
from sdprofile.render.text.lines import ADDED_UP, HEADERS, line_cells, line_name, shown_lines

if TYPE_CHECKING:
    from markupsafe import Markup

    from sdprofile.explain.explained import Explained

_MOST = 40
"""Rows of lines."""

_COLOURS = ("#8A8A8A", "#0072B2", "#CC79A7")
"""Of the bars: in the kernel, on threads, results."""

_CLASSES = "sdp-name sdp-mono"

_KEY = (
    "In the kernel: wall time of the line, with the waiting for what it computed. On threads: what"
    " its tasks took together: they belong to the line that computes, persists or submits them."
    " Results: those of its tasks, when all in memory together were most. Rise: the most that one"
    " of its tasks can have added to a worker. The lines of the cell add up to the run; what took"
    " less is elsewhere, and lines of functions are within those of the cell. profile.lines() has"
    " all of it."
)


def lines_view(profile: Explained) -> Markup:
    """Return a table of the lines that took most in the run that stands for all; empty for none.

    Parameters
    ----------
    profile
        What was measured.
    """
    shown, run = shown_lines(profile, most=_MOST), profile.shown_run
    if run is None or not any(use.line for use in shown):
        return NOTHING
    most = {of: max(getattr(use, of) for use in shown) for of in ADDED_UP}
    rows = []
    for use in shown:
        texts = line_cells(use, profile)
        bars = [
            bar(getattr(use, of) / most[of], colour) if getattr(use, of) else NOTHING
            for of, colour in zip(ADDED_UP, _COLOURS, strict=True)
        ]
        cells = [
            Cell(text=text, bar=each) for text, each in zip(texts, [*bars, NOTHING], strict=True)
        ]
        rows.append(Row(cells=[Cell(text=line_name(use), classes=_CLASSES), *cells]))
    headers = [Cell(text=each) for each in HEADERS[1:]]
    shown_as = table([Cell(text=HEADERS[0], classes=_CLASSES), *headers], rows)
    return shown_as + key(f"With {profile.varied.name(run.setting)}. {_KEY}")
