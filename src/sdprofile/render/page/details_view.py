"""Every number of every count, and what more workers gained, measured against the ideal."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.explain.verdict import verdict_of
from sdprofile.render.page.markup import NOTHING, Cell, Row, glyph, key, table
from sdprofile.render.page.picture import Picture
from sdprofile.render.palette import marked, of_count
from sdprofile.render.text.rows import MISSING, table_rows, without_columns

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary

_ELSEWHERE = ("peak/worker", "of limit")
"""Columns that the overview and the view of memory have."""

_KEY = (
    "Large markers: medians; circles: each run; dashed: ideal. Serial fraction (Karp-Flatt): the"
    " part of the work that more workers did not share."
)


def details_view(profile: Measured, *, picture: Picture) -> Markup:
    """Return the table of times, and a plot if there are two counts to compare."""
    shown = details_table(profile)
    # Over more than the workers there is no one ideal.
    if profile.is_grid or sum(count.speedup is not None for count in profile.counts) < 2:
        return shown

    from sdprofile.render.plots.speedup import speedup_plot

    label = "speedup over worker counts, each run a circle, against the ideal"
    return shown + picture(functools.partial(speedup_plot, profile), label=label) + key(_KEY)


def details_table(profile: Measured) -> Markup:
    """Return the table of times."""
    names, *lines = without_columns(table_rows(profile, status=True), _ELSEWHERE)
    rows = []
    for (count, how), texts in zip(marked(profile), lines, strict=True):
        cells = [
            Cell(text=text, before=glyph(how) if name == "workers" else NOTHING)
            for name, text in zip(names, texts, strict=True)
        ]
        cells += [Cell(text=_serial(count)), Cell(text=_verdict(count), classes="sdp-left")]
        rows.append(Row(cells=cells, classes=of_count(count.workers)))
    headers = [Cell(text=name) for name in (*names, "serial fraction")]
    return table([*headers, Cell(text="verdict", classes="sdp-left")], rows)


def _serial(count: CountSummary) -> str:
    return MISSING if count.serial_fraction is None else f"{count.serial_fraction:.2f}"


def _verdict(count: CountSummary) -> str:
    verdict = verdict_of(count)
    return verdict.words if verdict else MISSING
