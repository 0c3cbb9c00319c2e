"""The row of each worker count: time, speedup, memory and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.render.page.markup import NOTHING, Cell, Row, bar, glyph, table, write
from sdprofile.render.palette import Mark, marked, of_count
from sdprofile.render.plots.grid_lines import line_marks
from sdprofile.render.text.rows import table_rows, times_line

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary

_LEFT_OUT = ("min", "mean ± std. dev.", "tasks", "efficiency")
"""Columns that a narrow page does without."""


def time_view(profile: Measured) -> Markup:
    """Return the table of all counts, with a bar for the median time and a dot for each run."""
    longest = max((run.seconds for run in profile.runs if run.status == "ok"), default=0.0)
    if profile.is_for_nothing:
        return write("paragraph", times_line(profile))
    names, *lines = table_rows(profile, status=True)
    rows = []
    # What is one line in the plot of a grid has one mark here too.
    marks = line_marks(profile) if profile.is_grid else [how for _, how in marked(profile)]
    for count, how, texts in zip(profile.counts, marks, lines, strict=True):
        before = {"workers": glyph(how)}
        bars = {"time": _bar(count, how, longest)}
        cells = [
            Cell(
                text=text,
                before=before.get(name, NOTHING),
                bar=bars.get(name, NOTHING),
                classes=_classes(name),
            )
            for name, text in zip(names, texts, strict=True)
        ]
        rows.append(Row(cells=cells, classes=of_count(count.workers)))
    return table([Cell(text=name, classes=_classes(name)) for name in names], rows)


def _bar(count: CountSummary, how: Mark, longest: float) -> Markup:
    if count.timing is None or not longest:
        return NOTHING
    dots = [seconds / longest for seconds in count.timing.seconds]
    return bar(count.timing.median / longest, how.colour, dots=dots if len(dots) > 1 else ())


def _classes(name: str) -> str:
    return "sdp-extra" if name in _LEFT_OUT else ""
