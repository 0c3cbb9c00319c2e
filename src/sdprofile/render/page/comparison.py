"""Two profiles side by side, in a page and in a widget."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.render.curves import is_sampled
from sdprofile.render.page.details_view import details_table
from sdprofile.render.page.markup import NOTHING, Cell, Row, glyph, joined, key, table, write
from sdprofile.render.page.page import code, folded_view, twin_page
from sdprofile.render.page.picture import Picture, png_picture, svg_picture
from sdprofile.render.page.time_view import time_bar
from sdprofile.render.page.views import View
from sdprofile.render.page.widget import tabbed_widget
from sdprofile.render.palette import mark, of_count
from sdprofile.render.text.comparison import (
    DETAILS,
    NOTHING_SHARED,
    change_rows,
    ratio_words,
    speedup_words,
    step_change_rows,
    title,
    unlike,
)
from sdprofile.units import capitalized

if TYPE_CHECKING:
    from ipywidgets import VBox
    from matplotlib.figure import Figure

    from sdprofile.explain.comparison import Compared, CountChange
    from sdprofile.model.measured import Measured
    from sdprofile.render.palette import Mark

_DPI = 150

_SLOPE_KEY = (
    "Large markers: medians, of memory the highest peaks; circles: each run; bars: the interval of"
    " the ratio, if there are repeats enough for one."
)

_MEMORY_KEY = (
    "Of the fullest worker, in full the run with the median time; the band goes down to the"
    " emptiest worker."
)


def comparison_page(comparison: Compared, *, twin_of: str = "", with_plot: bool = False) -> str:
    """Return a comparison as an HTML fragment that needs nothing else.

    Parameters
    ----------
    comparison
        Two profiles.
    twin_of
        Class of the widget that shows the same; see `html_report`.
    with_plot
        Whether the plot of time and memory stands below the table.

    Returns
    -------
    str
        What became of it, what is not alike, the table of worker counts, then the other views and
        the code, folded. Every text is escaped.
    """
    picture = functools.partial(png_picture, dpi=_DPI)
    pieces = [
        *_above(comparison),
        _changes(comparison),
        _slope(comparison, picture=picture) if with_plot else NOTHING,
        _title(comparison),
        *(folded_view(view) for view in comparison_views(comparison, picture=picture)),
    ]
    return twin_page(joined(filter(None, pieces), by="\n"), twin_of=twin_of)


def comparison_widget(comparison: Compared, *, uid: str) -> VBox:
    """Return a widget that shows a comparison, as `timing_widget` does a profile.

    Parameters
    ----------
    comparison
        Two profiles with a worker count that both have.
    uid
        A class that no other widget of the page has.
    """
    overview = _changes(comparison) + _slope(comparison, picture=svg_picture)
    return tabbed_widget(
        [
            View(name="Overview", html=overview),
            *comparison_views(comparison, picture=svg_picture),
        ],
        counts={
            change.workers: f"{how.glyph} {change.after.setting.label}"
            for change, how in _marked(comparison)
        },
        above=_above(comparison),
        below=[_title(comparison)],
        uid=uid,
    )


def comparison_views(comparison: Compared, *, picture: Picture) -> tuple[View, ...]:
    """Return Memory, if it was sampled, Steps, if there are any, and Details."""
    if not comparison.counts:
        return ()
    steps = step_change_rows(comparison)
    views = (
        View(name="Memory", html=_memory(comparison, picture=picture)),
        View(name="Steps", html=_steps(steps) if steps else NOTHING),
        View(name="Details", html=_details(comparison)),
    )
    return tuple(view for view in views if view.html)


def comparison_picture(comparison: Compared) -> Callable[[], Figure] | None:
    """Return what draws time and memory before and after; None where nothing is in both."""
    if not comparison.counts:
        return None
    from sdprofile.render.plots.slope import slope_plot

    return functools.partial(slope_plot, comparison)


def _above(comparison: Compared) -> list[Markup]:
    """Return what became of it, and what makes that doubtful."""
    told = unlike(comparison)
    return [
        write("answer", comparison.answer) if comparison.answer else NOTHING,
        write("paragraph", told) if told else NOTHING,
    ]


def _title(comparison: Compared) -> Markup:
    return write("paragraph", title(comparison), "sdp-conditions")


def _key(words: str) -> Markup:
    return key(f"{capitalized(words)}.")


def _shared(comparison: Compared) -> list[tuple[str, Measured]]:
    """Return both by their names, with no other runs than at worker counts that both have."""
    shared = {change.workers for change in comparison.counts}
    return [
        (name, replace(profile, runs=tuple(run for run in profile.runs if run.workers in shared)))
        for name, profile in zip(
            comparison.names, (comparison.before, comparison.after), strict=True
        )
    ]


def _marked(comparison: Compared) -> list[tuple[CountChange, Mark]]:
    return [(change, mark(index)) for index, change in enumerate(comparison.counts)]


def _changes(comparison: Compared) -> Markup:
    """Return the table of worker counts; its times have bars of one scale."""
    if not comparison.counts:
        return write("paragraph", NOTHING_SHARED)
    headers, *lines = [row[:-DETAILS] for row in change_rows(comparison)]
    sides = [count for each in comparison.counts for count in (each.before, each.after)]
    longest = max((count.timing.longest for count in sides if count.timing), default=0.0)
    rows = []
    for (change, how), (workers, before, after, *others) in zip(
        _marked(comparison), lines, strict=True
    ):
        times = zip((before, after), (change.before, change.after), strict=True)
        cells = [
            Cell(text=workers, before=glyph(how)),
            *(Cell(text=text, bar=time_bar(count, how, longest)) for text, count in times),
            *(Cell(text=text.replace("->", "\N{RIGHTWARDS ARROW}")) for text in others),
        ]
        rows.append(Row(cells=cells, classes=of_count(change.workers)))
    shown = table([Cell(text=header) for header in headers], rows)
    return shown + _key(speedup_words(comparison))


def _slope(comparison: Compared, *, picture: Picture) -> Markup:
    draw = comparison_picture(comparison)
    if draw is None:
        return NOTHING
    before, after = comparison.names
    return picture(draw, label=f"Time and peaks, {before} left, {after} right") + key(_SLOPE_KEY)


def _memory(comparison: Compared, *, picture: Picture) -> Markup:
    """Return memory over time of both, side by side; empty if no count of both was sampled."""
    both = _shared(comparison)
    if not any(is_sampled(run) for _, profile in both for run in profile.runs):
        return NOTHING

    def draw() -> Figure:
        from sdprofile.render.plots.memory import memory_panels_plot

        return memory_panels_plot(both)

    return picture(draw, label="Memory over time of both") + key(_MEMORY_KEY)


def _steps(rows: Sequence[Sequence[str]]) -> Markup:
    headers, *others = rows
    # Steps are indented by blanks, which a page would drop.
    lines = [[name.replace("  ", "\N{EN SPACE}"), *cells] for name, *cells in others]
    first, *cells = [
        [
            Cell(text=text, classes="sdp-name" if index == 0 else "")
            for index, text in enumerate(row)
        ]
        for row in (headers, *lines)
    ]
    return table(first, [Row(cells=row) for row in cells])


def _details(comparison: Compared) -> Markup:
    headers, *lines = [[row[0], *row[-DETAILS:]] for row in change_rows(comparison)]
    rows = [
        Row(
            cells=[Cell(text=workers, before=glyph(how)), *(Cell(text=text) for text in others)],
            classes=of_count(change.workers),
        )
        for (change, how), (workers, *others) in zip(_marked(comparison), lines, strict=True)
    ]
    pieces = [table([Cell(text=header) for header in headers], rows), _key(ratio_words(comparison))]
    for name, profile in _shared(comparison):
        pieces += [
            write("paragraph", write("strong", name)),
            details_table(profile),
            code(profile, name=f"Code of {name}"),
        ]
    return joined(pieces)
