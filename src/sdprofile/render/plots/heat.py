"""Time and memory over two axes of numbers, as two heat maps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sdprofile.model.setting import LIMIT
from sdprofile.render.plots.labels import plain_words
from sdprofile.render.text.rows import MISSING
from sdprofile.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sdprofile.explain.explained import Explained
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary
    from sdprofile.model.setting import Axis, Setting

_FEWEST = 3
"""Values of each axis from which there is a map; lines show fewer of them better."""

_MOST = 8
"""Values of an axis up to which the numbers of all cells can be read."""

_WIDTH, _ROW, _AROUND = 7.2, 0.38, 1.1
"""Width of the figure, height of a row, and of what is above and below the rows, in inches."""

_LIGHTEST, _DARKEST = 0.08, 0.88
"""Ends of the colours; of one hue, so that they are told apart by lightness alone."""

_LIGHT_INK_BELOW = 0.18
"""Luminance of a ground on which white text has more contrast than black text."""

_FRAME = "#D55E00"


def heat_axes(profile: Measured) -> tuple[Axis, Axis] | None:
    """Return the axes along and up the maps of a grid; None where lines show it better.

    Parameters
    ----------
    profile
        A grid.

    Returns
    -------
    along, up : Axis, or None
        Two axes of numbers, each with 3 to 8 values, that with more of them along; None if there
        are not just these two.
    """
    axes = profile.varied.axes
    if len(axes) != 2:
        return None
    settings = [count.setting for count in profile.counts]
    values = [{_number(axis, setting) for setting in settings} for axis in axes]
    if any(None in found or not _FEWEST <= len(found) <= _MOST for found in values):
        return None
    one, other = axes
    return (one, other) if len(values[0]) >= len(values[1]) else (other, one)


def heat_plot(profile: Explained, along: Axis, up: Axis) -> Figure:
    """Draw the median times and the peaks of a grid, a cell for each setting.

    Parameters
    ----------
    profile
        A grid.
    along, up
        What `heat_axes` gives.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know: times left, peaks of the fullest worker right, darker
        where there is more; each cell with its number. The setting to use has a frame; one that did
        not end well its status in place of its time.
    """
    rows = len({up.value(count.setting) for count in profile.counts})
    figure = Figure(figsize=(_WIDTH, _AROUND + _ROW * rows), layout="constrained")
    times, peaks = figure.subplots(1, 2)

    def time_of(count: CountSummary) -> tuple[float | None, str]:
        if count.status != "ok" or count.timing is None:
            return None, count.status
        return count.timing.median, format_seconds(count.timing.median)

    def peak_of(count: CountSummary) -> tuple[float | None, str]:
        if count.peak_worker is None:
            return None, MISSING
        return count.peak_worker, format_bytes(count.peak_worker, decimal=profile.decimal)

    for ax, title, what in ((times, "time", time_of), (peaks, "peak/worker", peak_of)):
        _draw_map(ax, profile, (along, up), what)
        ax.set_title(title, fontsize=10, fontweight="bold")
    peaks.set_ylabel("")
    if profile.chosen is not None:
        figure.supxlabel("frame: the setting to use", fontsize=8.5)
    return figure


def _draw_map(
    ax: Axes,
    profile: Explained,
    axes: tuple[Axis, Axis],
    what: Callable[[CountSummary], tuple[float | None, str]],
) -> None:
    along, up = (_values(profile, axis) for axis in axes)
    known = [value for count in profile.counts if (value := what(count)[0]) is not None]
    lowest, highest = min(known, default=0.0), max(known, default=0.0)
    colours = mpl.colormaps["Blues"]
    for count in profile.counts:
        x, y = (
            found.index(axis.value(count.setting))
            for axis, found in zip(axes, (along, up), strict=True)
        )
        value, text = what(count)
        part = 0.0 if value is None else (value - lowest) / (highest - lowest or 1.0)
        known_colour = to_rgb(colours(_LIGHTEST + (_DARKEST - _LIGHTEST) * part))
        colour = (1.0, 1.0, 1.0) if value is None else known_colour
        chosen = count is profile.chosen
        ax.add_patch(
            Rectangle(
                (x - 0.48, y - 0.47),
                0.96,
                0.94,
                facecolor=colour,
                edgecolor=_FRAME if chosen else "#8888",
                linewidth=3 if chosen else 0.5,
                hatch="///" if value is None else None,
                zorder=3 if chosen else 2,
            )
        )
        ax.text(
            x,
            y,
            plain_words(text),
            horizontalalignment="center",
            verticalalignment="center",
            color="#FFFFFF" if _luminance(colour) < _LIGHT_INK_BELOW else "#000000",
            fontsize=9 if len(along) <= 5 else 7.5,
            fontweight="bold" if chosen else "normal",
            zorder=4,
        )
    ax.set_xticks(range(len(along)), [plain_words(value, most=10) for value in along])
    ax.set_yticks(range(len(up)), [plain_words(value, most=10) for value in up])
    ax.set(xlim=(-0.55, len(along) - 0.45), ylim=(-0.55, len(up) - 0.45))
    ax.set_xlabel(plain_words(axes[0].name))
    ax.set_ylabel(plain_words(axes[1].name))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _luminance(colour: tuple[float, float, float]) -> float:
    """Return about how bright a colour is, from 0 to 1."""
    red, green, blue = (part**2.2 for part in colour)
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def _values(profile: Measured, axis: Axis) -> list[str]:
    """Return the values of an axis as text, ascending."""
    found = {axis.value(each.setting): _number(axis, each.setting) for each in profile.counts}
    return sorted(found, key=lambda value: found[value] or 0.0)


def _number(axis: Axis, setting: Setting) -> float | None:
    """Return what a setting has on an axis; None if that is no number."""
    if axis.name == LIMIT and not axis.is_variable:
        return setting.memory_limit
    try:
        number = float(axis.value(setting))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
