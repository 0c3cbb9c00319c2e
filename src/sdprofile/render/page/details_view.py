"""What the row of a count leaves out, and what more workers gained, measured against the ideal."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.render.page.markup import NOTHING, Cell, Row, glyph, key, table
from sdprofile.render.page.picture import Picture
from sdprofile.render.palette import marked, of_count
from sdprofile.render.text.rows import VERDICT, detail_rows

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured

_KEY = (
    "Large markers: medians; circles: each run; dashed: ideal. Serial fraction (Karp-Flatt): the"
    " part of the work that more workers did not share."
)


def details_view(profile: Measured, *, picture: Picture) -> Markup:
    """Return the table of details, and a plot if there are two counts to compare."""
    shown = details_table(profile)
    # Over more than the workers there is no one ideal.
    known = [count for count in profile.counts if count.workers and count.speedup is not None]
    if profile.is_grid or len(known) < 2:
        return shown

    from sdprofile.render.plots.speedup import speedup_plot

    label = "speedup over worker counts, each run a circle, against the ideal"
    return shown + picture(functools.partial(speedup_plot, profile), label=label) + key(_KEY)


def details_table(profile: Measured) -> Markup:
    """Return the table of details."""
    names, *lines = detail_rows(profile)
    rows = []
    for (count, how), texts in zip(marked(profile), lines, strict=True):
        has_mark = not profile.is_grid  # whose marks are of lines
        cells = [
            Cell(
                text=text,
                before=glyph(how) if name == "workers" and has_mark else NOTHING,
                classes=_classes(name),
            )
            for name, text in zip(names, texts, strict=True)
        ]
        rows.append(Row(cells=cells, classes=of_count(count.workers)))
    return table([Cell(text=name, classes=_classes(name)) for name in names], rows)


def _classes(name: str) -> str:
    return "sdp-left" if name == VERDICT else ""
