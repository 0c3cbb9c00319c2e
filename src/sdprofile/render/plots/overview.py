"""Workers over time: what each ran, and the memory of the fullest below, on one axis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from sdprofile.explain.causes.seen import Seen
from sdprofile.model.trace import KERNEL
from sdprofile.render.curves import shown_curve, thinned
from sdprofile.render.palette import COLOURS
from sdprofile.render.plots.worker_tasks import Bar, Bars, draw_tasks
from sdprofile.units import format_bytes, large_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sdprofile.explain.explained import Explained
    from sdprofile.model.run import Run
    from sdprofile.model.trace import Trace

_WIDTH = 7.2
"""Inches."""

_ROW, _LEAST_ROWS, _MOST_ROWS = 0.17, 0.45, 1.5
"""Height of a row of tasks, and of all together at least and at most, in inches."""

_MEMORY = 0.85
"""Height of the curve of memory, in inches."""

_LEGEND, _BETWEEN, _BELOW = 0.2, 0.12, 0.45
"""Height of a row of the legend, of what is between the two, and of words below, in inches."""

_LEFT, _RIGHT = 0.1, 0.99
"""Where the axes begin and end, as fractions of the width."""

_FINALIZE = "finalize"
"""What dask calls putting a result together."""

_MOST_SAMPLES = 400
"""Samples drawn of the curve."""

_LIMIT_WITHIN = 2.5
"""A limit is drawn up to this many times the peak, lest it squash the curve."""


def overview_plot(
    profile: Explained, run: Run, trace: Trace, *, between: Bar | None = None
) -> Figure:
    """Draw what the workers of a run did, and the memory of the fullest.

    Parameters
    ----------
    profile
        What was measured.
    run
        One of its runs.
    trace
        Its tasks.
    between
        The stretch that is drawn, in seconds since the cell started; by default the whole run.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know. Above, a row for each thread with its tasks, in the
        colour of the step, or the prefix, that they are of. Below, resident memory, in the colour
        of what ran most at the time, with what it was at rest, the peak, and the limit.
    """
    window = between or (0.0, run.seconds or 1.0)
    tasks = Bars(trace=trace, places=_places(profile, run, trace), between=window)
    height = min(_MOST_ROWS, max(_LEAST_ROWS, _ROW * tasks.rows))
    # A layout by matplotlib takes as long as all else together.
    top = _LEGEND * tasks.legend_rows
    whole = height + _BETWEEN + _MEMORY + _BELOW + top
    figure = Figure(figsize=(_WIDTH, whole))
    above = figure.add_axes((_LEFT, (whole - top - height) / whole, _RIGHT - _LEFT, height / whole))
    below = figure.add_axes((_LEFT, _BELOW / whole, _RIGHT - _LEFT, _MEMORY / whole), sharex=above)
    draw_tasks(above, tasks, _memory_at(run, profile.decimal))
    below.set_xlim(*window)
    _draw_memory(below, run, tasks, decimal=profile.decimal)
    which = f"{run.setting.name}, run {run.repeat}"
    below.set_xlabel(f"seconds since the cell started ({which})")
    for ax in (above, below):
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    for label in (below.xaxis.label, below.yaxis.label):
        label.set_fontsize(8.5)
    return figure


def _places(profile: Explained, run: Run, trace: Trace) -> list[str]:
    """Return for each group of tasks the step or the prefix that it is of."""
    seen = Seen(profile=profile, run=run, trace=trace)
    prefixes = [group.prefix for group in trace.groups]
    named = {prefix: seen.place(prefix) for prefix in dict.fromkeys(prefixes)}
    # dask's name for it is too long to be read.
    named |= {prefix: _FINALIZE for prefix in named if prefix.startswith(f"{_FINALIZE}-")}
    return [named[prefix] for prefix in prefixes]


def _memory_at(run: Run, decimal: bool) -> Callable[[float], str]:
    """Return what tells the memory of the fullest worker at an instant."""
    curve = shown_curve(run)
    if curve is None:
        return lambda second: ""
    seconds, nbytes = curve

    def told_at(second: float) -> str:
        amount = format_bytes(float(np.interp(second, seconds, nbytes)), decimal=decimal)
        return f", at its end {amount} in the {_who(run)}"

    return told_at


def _who(run: Run) -> str:
    return "fullest worker" if run.workers else KERNEL


def _draw_memory(ax: Axes, run: Run, tasks: Bars, *, decimal: bool) -> None:
    gigabyte, unit = large_unit(decimal=decimal)
    ax.set_ylabel(f"{_who(run)} [{unit}]")
    curve = shown_curve(run)
    if curve is None:
        ax.text(0.5, 0.5, "memory was not sampled", transform=ax.transAxes, ha="center")
        return
    peak = (run.memory.peak_worker or float(curve[1].max())) / gigabyte
    at = float(curve[0][int(np.argmax(curve[1]))])
    first, last = tasks.between
    seen = (curve[0] >= first) & (curve[0] <= last)
    ends = np.interp(tasks.between, *curve)
    seconds, nbytes = thinned(
        np.concatenate([[first], curve[0][seen], [last]]),
        np.concatenate([ends[:1], curve[1][seen], ends[1:]]),
        most=_MOST_SAMPLES,
    )
    heights = nbytes / gigabyte
    ax.fill_between(seconds, 0, heights, color="0.5", alpha=0.15, linewidth=0)
    areas: defaultdict[str, list[list[Bar]]] = defaultdict(list)
    for (begun, ended), band in tasks.stretches():
        within = [begun, *seconds[(seconds > begun) & (seconds < ended)], ended]
        tops = zip(within, np.interp(within, seconds, heights), strict=True)
        areas[band].append([(begun, 0.0), *tops, (ended, 0.0)])
    for band, corners in areas.items():
        ax.add_collection(PolyCollection(corners, facecolors=band, alpha=0.35, linewidths=0))
    colour = COLOURS[0]
    ax.plot(seconds, heights, color=colour, linewidth=1.5)
    ink = ax.xaxis.label.get_color()
    rest = (run.memory.baseline or 0) / gigabyte
    if first <= at <= last:
        _mark_peak(ax, at, peak, format_bytes(round(peak * gigabyte), decimal=decimal), colour)
    if rest:
        ax.axhline(rest, color=ink, linewidth=0.8, alpha=0.5)
    top = 1.3 * peak
    if run.memory_limit:
        limit = run.memory_limit / gigabyte
        text = f"limit {format_bytes(run.memory_limit, decimal=decimal)} per worker"
        near = limit <= _LIMIT_WITHIN * peak
        if near:
            top = max(top, 1.18 * limit)
            ax.axhline(limit, color="#D55E00", linestyle="--", linewidth=1.1)
        # At the end where the peak's words are not.
        left = at > (first + last) / 2
        ax.annotate(
            text if near else f"{text}, far above",
            (0 if left else 1, limit if near else 1.3 * peak),
            xycoords=ax.get_yaxis_transform(),
            xytext=(3 if left else -3, 2 if near else -9),
            textcoords="offset points",
            horizontalalignment="left" if left else "right",
            fontsize=8.5,
            color="#D55E00",
        )
    ax.set_ylim(0, top)


def _mark_peak(ax: Axes, at: float, peak: float, words: str, colour: str) -> None:
    ax.plot(at, peak, marker="o", markersize=4.5, color=colour, linestyle="none")
    left = at <= sum(ax.get_xlim()) / 2
    ax.annotate(
        words,
        (at, peak),
        xytext=(6 if left else -6, 3),
        textcoords="offset points",
        horizontalalignment="left" if left else "right",
        fontsize=8.5,
        fontweight="bold",
    )
