"""Two profiles side by side, in a page."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup
from matplotlib.figure import Figure

from sdprofile.render.curves import SHOWN, Array, is_sampled, median_run, shown_curve, thinned
from sdprofile.render.page.markup import Cell, Row, joined, key, table, write
from sdprofile.render.page.page import style
from sdprofile.render.page.picture import png_picture
from sdprofile.render.palette import mark
from sdprofile.render.plots.labels import CurveLabel, figure_of, name_axes, place_labels
from sdprofile.render.text.comparison import (
    NOTHING_SHARED,
    change_rows,
    explained,
    step_change_rows,
    title,
    unlike,
)
from sdprofile.render.text.steps import STEP
from sdprofile.units import large_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sdprofile.explain.comparison import Compared
    from sdprofile.render.palette import Mark

_SIZE = (7.2, 3.1)
_MOST_SAMPLES = 400
_DPI = 150


def comparison_page(comparison: Compared) -> str:
    """Return a comparison as an HTML fragment that needs nothing else.

    Parameters
    ----------
    comparison
        Two profiles.

    Returns
    -------
    str
        What became of it, what is not alike, the table of worker counts, memory over time, the
        table of steps. Every text is escaped.
    """
    content = [write("answer", comparison.answer)] if comparison.answer else []
    content.append(write("paragraph", write("strong", title(comparison))))
    if told := unlike(comparison):
        content.append(write("paragraph", told))
    if comparison.counts:
        content += [_table(change_rows(comparison)), key(explained(comparison))]
    else:
        content.append(write("paragraph", NOTHING_SHARED))
    if any(is_sampled(run) for change in comparison.counts for run in change.after.runs):
        draw = functools.partial(comparison_plot, comparison)
        content.append(png_picture(draw, label="Memory over time of both", dpi=_DPI))
    if rows := step_change_rows(comparison):
        content.append(_table(rows))
    return str(write("page", style(), "sdprofile sdp-static", joined(content, by="\n")))


def comparison_plot(comparison: Compared, *, ax: Axes | None = None) -> Figure:
    """Draw memory over time of both, in the colour of each worker count, the earlier one dashed.

    Parameters
    ----------
    comparison
        Two profiles.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn in; pyplot does not know a new one.
    """
    if ax is None:
        ax = Figure(figsize=_SIZE, layout="constrained").subplots()
    gigabyte, unit = large_unit(decimal=comparison.after.decimal)
    labels = []
    for index, change in enumerate(comparison.counts):
        pair = zip(comparison.names, (change.before, change.after), ("--", "-"), strict=True)
        for name, count, line in pair:
            run = median_run(count)
            curve = shown_curve(run) if run else None
            if curve is not None:
                text = f"{name}, {count.workers} w"
                labels.append(_draw(ax, *curve, mark(index), line, text, gigabyte))
    name_axes(ax, f"{SHOWN} [{unit}]")
    ax.set_xlim(0, ax.dataLim.x1 or 1.0)
    ax.set_ylim(0, 1.08 * ax.dataLim.y1 or 1.0)
    place_labels(ax, labels, around=[])
    return figure_of(ax)


def _draw(
    ax: Axes, seconds: Array, nbytes: Array, how: Mark, line: str, text: str, gigabyte: float
) -> CurveLabel:
    seconds, nbytes = thinned(seconds, nbytes, most=_MOST_SAMPLES)
    ax.plot(seconds, nbytes / gigabyte, color=how.colour, linestyle=line, linewidth=1.7)
    end = float(seconds[-1]), float(nbytes[-1] / gigabyte)
    return CurveLabel(text=text, x=end[0], y=end[1], colour=how.colour, group="")


def _table(rows: Sequence[Sequence[str]]) -> Markup:
    headers, *others = rows
    # Steps are indented by blanks, which a page would drop.
    classes = "sdp-name" if headers[0] == STEP else ""
    return table(
        [Cell(text=header, classes=classes * (index == 0)) for index, header in enumerate(headers)],
        [
            Row(
                cells=[
                    Cell(text=first.replace("  ", "\N{EN SPACE}"), classes=classes),
                    *map(_cell, rest),
                ]
            )
            for first, *rest in others
        ],
    )


def _cell(text: str) -> Cell:
    return Cell(text=text)
