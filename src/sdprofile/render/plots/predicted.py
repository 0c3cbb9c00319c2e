"""Time and peaks over worker counts: measured, and dashed what a replay predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from sdprofile.explain.predicted import errors_upwards, held
from sdprofile.model.prediction import FAR_OFF
from sdprofile.render.palette import marked
from sdprofile.render.plots.labels import draw_frame, far_apart
from sdprofile.units import large_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from sdprofile.model.measured import Measured
    from sdprofile.model.prediction import Prediction, PredictionError
    from sdprofile.model.run import CountSummary

_SIZE = (7.2, 2.8)
"""Width and height, in inches."""

_MOST_NAMED = 8
"""Counts for which there is room along an axis."""


def predicted_plot(profile: Measured) -> Figure:
    """Draw times, peaks of a worker and of the cluster.

    Parameters
    ----------
    profile
        What was measured, with predictions.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know. Filled markers are medians of the times, and the highest
        peaks; dots are single runs; empty markers are predicted, with the range in which they are
        expected. A dashed line leads to them from the last that was measured, where measured counts
        are predicted well from the others. What does not hold is not drawn.
    """
    figure = Figure(figsize=_SIZE, layout="constrained")
    byte, unit = large_unit(decimal=profile.decimal)
    axes = figure.subplots(1, 3)
    _draw(
        axes[0],
        profile,
        lambda count: count.timing.median if count.timing else None,
        lambda each: (each.seconds, each.shortest, each.longest),
        lambda error: error.seconds,
        "time [s]",
        singly=lambda count: count.timing.seconds if count.timing else (),
    )
    _draw(
        axes[1],
        profile,
        lambda count: None if count.peak_worker is None else count.peak_worker / byte,
        lambda each: _with_range(each, each.peak_worker, byte),
        lambda error: error.peak_worker,
        f"peak/worker [{unit}]",
    )
    _draw(
        axes[2],
        profile,
        lambda count: None if count.cluster_peak is None else count.cluster_peak.high / byte,
        lambda each: _with_range(each, each.peak_cluster, byte),
        lambda error: error.peak_cluster,
        f"peak of the cluster [{unit}]",
    )
    limit = profile.runs[0].memory_limit if profile.runs else None
    if limit and axes[1].dataLim.y1 > 0.7 * limit / byte:
        axes[1].axhline(limit / byte, color="0.5", linewidth=1.1)
    for ax in axes:
        ax.set_ylim(0, 1.08 * max(ax.dataLim.y1, 1e-9))
    return figure


def _with_range(
    each: Prediction, peak: int | None, byte: float
) -> tuple[float, float, float] | None:
    """Return a peak in the unit of the plot, and what it is at least and at most."""
    if peak is None:
        return None
    return peak / byte, each.least(peak) / byte, each.most(peak) / byte


def _draw(
    ax: Axes,
    profile: Measured,
    measured: Callable[[CountSummary], float | None],
    predicted: Callable[[Prediction], tuple[float, float, float] | None],
    off: Callable[[PredictionError], float | None],
    what: str,
    *,
    singly: Callable[[CountSummary], Sequence[float]] = lambda _: (),
) -> None:
    """Draw one number over the worker counts, for some also of each run."""
    asked = held(profile)
    counts = sorted({c.workers for c in profile.counts} | {each.workers for each in asked})
    place = {count: index for index, count in enumerate(counts)}
    ink = ax.xaxis.label.get_color()
    known = [
        (place[count.workers], value, how)
        for count, how in marked(profile)
        if (value := measured(count)) is not None
    ]
    told = [
        (place[each.workers], range_) for each in asked if (range_ := predicted(each)) is not None
    ]
    ax.plot([x for x, _, _ in known], [y for _, y, _ in known], color=ink, linewidth=1.1, alpha=0.6)
    if known and all(abs(off(error) or 0.0) <= FAR_OFF for error in errors_upwards(profile)):
        joined = [known[-1][:2], *((x, value[0]) for x, value in told if x > known[-1][0])]
        ax.plot(
            [x for x, _ in joined], [y for _, y in joined], color=ink, linestyle="--", linewidth=1.1
        )
    for x, y, how in known:
        look: dict[str, Any] = {"color": how.colour, "marker": how.marker, "markersize": 7}
        ax.plot(x, y, zorder=3, **look)
    for count, how in marked(profile):
        for y in singly(count):
            ax.plot(place[count.workers], y, marker="o", markersize=3, color=how.colour, alpha=0.6)
    for x, (y, low, high) in told:
        if low < high:
            ax.plot([x, x], [low, high], color=ink, linewidth=1.1, alpha=0.6)
        ax.plot(x, y, marker="o", markersize=7, fillstyle="none", color=ink, zorder=3)
    apart = len(counts) / _MOST_NAMED
    named = far_apart(range(len(counts)), lambda one, other: other - one >= apart)
    ax.set_xticks(named, [str(counts[index]) for index in named])
    ax.set_xlim(-0.4, len(counts) - 0.6)
    ax.set_xlabel("workers")
    ax.set_ylabel(what)
    draw_frame(ax, grid="y")
