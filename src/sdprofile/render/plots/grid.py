"""Times and peaks over what was varied, as a plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from sdprofile.render.grid_lines import Line, grid_lines
from sdprofile.render.palette import Mark, mark
from sdprofile.render.plots.heat import heat_axes, heat_plot
from sdprofile.render.plots.labels import draw_frame, figure_of, plain_words, start_at_zero
from sdprofile.units import large_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sdprofile.explain.explained import Explained
    from sdprofile.model.setting import Axis

_SIZE = (7.2, 2.7)
"""Width and height of a new figure, in inches."""

_APART = 0.07
"""Places by which lines are moved, lest their markers cover each other."""

_LINE = 26
"""Characters of the values below which they stand side by side in half of a figure."""

_MOST_NAMED = 6
"""Values that are named below a plot."""

_LIMIT_WITHIN = 1.3
"""A limit is drawn up to this many times the highest peak, lest it squash the others."""


def grid_plot(profile: Explained, *, ax: Axes | None = None) -> Figure:
    """Draw the times of a grid, and in a figure of its own the peaks beside them.

    Parameters
    ----------
    profile
        A grid.
    ax
        Where to draw the times; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn in; pyplot does not know a new one. A line joins the medians of settings
        that are alike but for the x axis, a dot is a run, a cross a setting that did not end well.
        Short dashed lines are limits, a ring is the setting to use. Two axes of numbers with three
        and more values each are two heat maps in place of the lines, unless `ax` is given.
    """
    if ax is None and (axes := heat_axes(profile)):
        return heat_plot(profile, *axes)
    axis, values, lines = grid_lines(profile)
    places = [
        (line, mark(index), _APART * (index - (len(lines) - 1) / 2))
        for index, line in enumerate(lines)
    ]
    peaks = None
    if ax is None:
        ax, peaks = Figure(figsize=_SIZE, layout="constrained").subplots(1, 2)
    for line, how, aside in places:
        _draw_times(ax, line, how, aside)
    ink: dict[str, Any] = {"color": ax.xaxis.label.get_color()} | _RING
    # Where the setting to use is, the last one in the legend.
    chosen = [
        (place + aside, count)
        for line, _, aside in places
        for place, count in line.places
        if count is profile.chosen
    ]
    for x, count in chosen:
        if count.timing is not None:
            ax.plot(x, count.timing.median, label="to use", **ink)
    _finish(ax, axis, values, "time [s]")
    if peaks is not None:
        gigabyte, unit = large_unit(decimal=profile.decimal)
        most = max((count.peak_worker or 0 for count in profile.counts), default=0)
        for line, how, aside in places:
            _draw_peaks(peaks, line, how, aside, gigabyte, within=_LIMIT_WITHIN * most)
        for x, count in chosen:
            if count.peak_worker is not None:
                peaks.plot(x, count.peak_worker / gigabyte, **ink)
        _finish(peaks, axis, values, f"peak/worker [{unit}]")
    handles, names = ax.get_legend_handles_labels()
    if names and peaks is not None:
        columns = max(1, min(len(names), 90 // (6 + max(map(len, names)))))
        figure_of(ax).legend(
            handles, names, loc="outside upper center", ncols=columns, frameon=False
        )
    elif names:
        ax.legend(frameon=False)
    return figure_of(ax)


def _draw_times(ax: Axes, line: Line, how: Mark, aside: float) -> None:
    timed = [(place + aside, c.timing) for place, c in line.places if c.timing is not None]
    look: dict[str, Any] = {"color": how.colour}
    ax.plot(
        [x for x, _ in timed],
        [timing.median for _, timing in timed],
        marker=how.marker,
        markersize=7,
        linestyle=how.line,
        label=plain_words(line.name, most=_LINE * 2),
        **look,
    )
    for x, timing in timed:
        ax.plot(
            [x] * len(timing.seconds),
            timing.seconds,
            linestyle="none",
            marker="o",
            markersize=4,
            fillstyle="none",
            **look,
        )
    for place, count in line.places:
        if count.status != "ok":
            ax.plot(place + aside, 0.0, **look, **_CROSS)


def _draw_peaks(
    ax: Axes,
    line: Line,
    how: Mark,
    aside: float,
    gigabyte: float,
    *,
    within: float,
) -> None:
    known = [(place + aside, c) for place, c in line.places if c.peak_worker is not None]
    heights = [(c.peak_worker or 0) / gigabyte for _, c in known]
    look: dict[str, Any] = {"color": how.colour}
    ax.plot(
        [x for x, _ in known], heights, marker=how.marker, markersize=7, linestyle=how.line, **look
    )
    for (x, count), height in zip(known, heights, strict=True):
        if count.status != "ok":
            ax.plot(x, height, **look, **_CROSS)
    for place, count in line.places:
        if count.memory_limit and count.memory_limit <= within:
            limit = count.memory_limit / gigabyte
            ax.hlines(limit, place - 0.3, place + 0.3, linestyle="--", linewidth=1.1, color="0.5")


_CROSS: dict[str, Any] = {
    "linestyle": "none",
    "marker": "x",
    "markersize": 11,
    "markeredgewidth": 2.5,
    "clip_on": False,
}


_RING: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 15,
    "markeredgewidth": 1.6,
    "fillstyle": "none",
}


def _finish(ax: Axes, axis: Axis, values: tuple[str, ...], what: str) -> None:
    # Where all would lie on each other, some stand for those between them.
    some = range(0, len(values), -(-len(values) // _MOST_NAMED))
    words = [plain_words(values[place]) for place in some]
    ax.set_xticks(some, words)
    if sum(map(len, words)) > _LINE:
        ax.set_xticklabels(words, rotation=25, horizontalalignment="right")
    ax.set_xlim(-0.5, len(values) - 0.5)
    start_at_zero(ax)
    ax.set_xlabel(plain_words(axis.name))
    ax.set_ylabel(what)
    draw_frame(ax, grid="y")
