"""Time and memory of two profiles, joined by a line for each worker count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from sdprofile.render.palette import Mark, mark, of_count
from sdprofile.render.plots.labels import (
    CurveLabel,
    Panel,
    draw_frame,
    figure_of,
    new_axes,
    place_in_panels,
    plain_words,
    start_at_zero,
)
from sdprofile.units import large_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sdprofile.explain.comparison import Compared, CountChange

_SIZE = (9.2, 2.7)
"""Width and height of a new figure, in inches."""

_BEFORE, _AFTER = 0.15, 1.0
"""Where the two stand on the x axis, which starts at 0."""

_ASIDE = 0.3
"""How far within the medians the single runs stand, those of the last count the farthest."""


def slope_plot(comparison: Compared, *, ax: Axes | None = None) -> Figure:
    """Draw what became of the times, and in a figure of its own of the peaks beside them.

    Parameters
    ----------
    comparison
        Two profiles with a worker count that both have.
    ax
        Where to draw the times; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn in; pyplot does not know a new one. A line for each worker count goes from
        the median before, at the left, to that after; of memory from peak to peak. A circle is a
        run, a cross a count that did not end well. A bar over these is where the median would be
        by the interval of the ratio, if the repeats are enough for one.
    """
    peaks = None
    if ax is None:
        ax, peaks = new_axes(_SIZE, 2)
    marked = [(change, mark(index)) for index, change in enumerate(comparison.counts)]
    step = _ASIDE / max(6, len(marked))
    places = [(change, how, step * (1 + index)) for index, (change, how) in enumerate(marked)]
    labels = [label for place in places for label in _draw_times(ax, *place)]
    panels = [Panel(ax=ax, labels=labels)]
    _finish(ax, comparison.names, "time [s]")
    if peaks is not None:
        gigabyte, unit = large_unit(decimal=comparison.after.decimal)
        found = [_draw_peaks(peaks, *place, gigabyte) for place in places]
        panels.append(Panel(ax=peaks, labels=[label for labels in found for label in labels]))
        _finish(peaks, comparison.names, f"peak/worker [{unit}]")
    place_in_panels(panels)
    return figure_of(ax)


def _draw_times(ax: Axes, change: CountChange, how: Mark, aside: float) -> list[CurveLabel]:
    sides = (change.before, change.after)
    medians = [each.timing.median if each.timing else None for each in sides]
    runs = [each.timing.seconds if each.timing else () for each in sides]
    verdict, words = change.verdict, change.after.setting.name
    if verdict is not None and verdict.interval is not None and medians[0] is not None:
        ax.plot(
            [_AFTER - aside] * 2,
            [medians[0] / ratio for ratio in verdict.interval],
            marker="_",
            markersize=8,
            linewidth=4,
            alpha=0.45,
            solid_capstyle="butt",
            color=how.colour,
            gid=of_count(change.workers),
        )
    if verdict is not None:
        words += f": {verdict.ratio:.2f}x"
    return _draw_line(ax, change, how, aside, medians, runs, words)


def _draw_peaks(
    ax: Axes, change: CountChange, how: Mark, aside: float, gigabyte: float
) -> list[CurveLabel]:
    sides = (change.before, change.after)
    peaks = [each.peak_worker / gigabyte if each.peak_worker else None for each in sides]
    runs = [
        tuple(run.peak_worker / gigabyte for run in each.runs if run.peak_worker) for each in sides
    ]
    return _draw_line(ax, change, how, aside, peaks, runs, change.after.setting.name)


def _draw_line(
    ax: Axes,
    change: CountChange,
    how: Mark,
    aside: float,
    values: list[float | None],
    runs: list[tuple[float, ...]],
    words: str,
) -> list[CurveLabel]:
    """Draw a line from before to after with its runs; return the label of its end, if any."""
    look: dict[str, Any] = {"color": how.colour, "gid": of_count(change.workers)}
    places = (_BEFORE, _AFTER)
    known = [(x, value) for x, value in zip(places, values, strict=True) if value is not None]
    ax.plot(
        [x for x, _ in known],
        [value for _, value in known],
        marker=how.marker,
        markersize=7,
        linewidth=1.9,
        linestyle=how.line,
        zorder=3,
        **look,
    )
    for x, each in zip((_BEFORE + aside, _AFTER - aside), runs, strict=True):
        if len(each) > 1:
            circle: dict[str, Any] = {"marker": "o", "markersize": 4, "fillstyle": "none"}
            ax.plot([x] * len(each), each, linestyle="none", **circle, **look)
    for x, value, count in zip(places, values, (change.before, change.after), strict=True):
        if count.status != "ok":
            cross: dict[str, Any] = {"marker": "x", "markersize": 11, "markeredgewidth": 2.5}
            ax.plot(x, value or 0.0, clip_on=False, zorder=4, **cross, **look)
    if values[1] is None:
        return []
    return [CurveLabel(text=words, x=_AFTER, y=values[1], colour=how.colour, group=look["gid"])]


def _finish(ax: Axes, names: tuple[str, str], what: str) -> None:
    ax.set_xlim(0, _AFTER)
    ax.set_xticks([_BEFORE, _AFTER], [plain_words(name, most=18) for name in names])
    start_at_zero(ax)
    ax.set_ylabel(what)
    draw_frame(ax, grid="y")
