"""What more workers gained, measured against the ideal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.explain.verdict import verdict_of
from sdprofile.render.page.markup import Cell, Row, bar, glyph, key, table
from sdprofile.render.page.picture import Picture
from sdprofile.render.palette import Mark, marked, of_count
from sdprofile.render.text.rows import MISSING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary

_HEADERS = (
    Cell(text="workers"),
    Cell(text="speedup"),
    Cell(text="ideal"),
    Cell(text="efficiency"),
    Cell(text="serial fraction", classes="sdp-extra"),
    Cell(text="verdict", classes="sdp-left"),
)

_KEY = (
    "Large markers: medians; circles: each run; dashed: ideal. Serial fraction (Karp-Flatt): the"
    " part of the work that more workers did not share."
)


def speedup_view(profile: Measured, *, picture: Picture) -> Markup:
    """Return the table of speedups, and their plot if there are two counts to compare."""
    finished = [count for count in profile.counts if count.speedup is not None]
    most = max((count.times_workers or 1.0 for count in finished), default=1.0)
    rows = [
        Row(cells=_cells(count, how, most), classes=of_count(count.workers))
        for count, how in marked(profile)
    ]
    shown = table(_HEADERS, rows)
    if len(finished) < 2:
        return shown + key("A speedup needs two worker counts that finished.")

    def draw() -> Figure:
        from sdprofile.render.plots.speedup import speedup_plot

        return speedup_plot(profile)

    label = "speedup over worker counts, each run a circle, against the ideal"
    return shown + picture(draw, label=label) + key(_KEY)


def _cells(count: CountSummary, how: Mark, most: float) -> list[Cell]:
    workers = Cell(text=str(count.workers), before=glyph(how))
    if count.speedup is None or count.efficiency is None:
        status = Cell(text=count.status, classes="sdp-left")
        return [workers, *(Cell(text=MISSING, classes=c.classes) for c in _HEADERS[1:-1]), status]
    serial = MISSING if count.serial_fraction is None else f"{count.serial_fraction:.2f}"
    verdict = verdict_of(count)
    words = verdict.words if verdict else MISSING
    return [
        workers,
        Cell(text=f"{count.speedup:.2f}x", bar=bar(count.speedup / most, how.colour)),
        Cell(text=f"{count.times_workers or 1.0:.2f}x"),
        Cell(text=f"{100 * count.efficiency:.0f} %"),
        Cell(text=serial, classes="sdp-extra"),
        Cell(text=words, classes="sdp-left"),
    ]
