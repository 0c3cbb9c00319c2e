"""Memory of each worker at one worker count, and what dask says that it was used for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from sdprofile.render.curves import median_run, thinned, worker_curves
from sdprofile.render.palette import marked
from sdprofile.render.plots.labels import figure_of, new_axes
from sdprofile.render.plots.time_axes import note_height, over_time
from sdprofile.units import format_bytes, large_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary, Run

_SIZE = (7.2, 2.3)
"""Width and height, in inches."""

_MOST_SAMPLES = 1200
"""Samples drawn of all workers at all counts together."""

_MOST_BY_DASK = 400
"""Samples drawn of what dask saw at all counts together; it is up to 1 s old."""

_FEWEST_SAMPLES = 12
"""Samples drawn of each worker at least."""

_LIMIT_WITHIN = 3.0
"""A limit is drawn up to this many times the height of the axes, lest it squash the curves."""

# Told apart by hatches as well as by colours, in light and dark themes.
_USES = (("managed", "#0072B2", ""), ("unmanaged", "#8A8A8A", "///"), ("spilled", "#D55E00", "xxx"))


def worker_plot(profile: Measured, index: int) -> Figure:
    """Draw the memory of the median run of one worker count.

    Parameters
    ----------
    profile
        What was measured.
    index
        Place of the count in `Profile.counts`. Without a run that was sampled, the figure is empty.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know. Left, each worker's resident memory, sampled every
        20 ms, with its peak and the limit. Right, the sum of all workers by use, as dask's
        `MemorySampler` saw it, up to 1 s old.
    """
    count = profile.counts[index]
    run = median_run(count)
    if run is None:
        return Figure(figsize=_SIZE)
    gigabyte, unit = large_unit(decimal=profile.decimal)
    left, right = new_axes(_SIZE, 2, top=0.24)
    share = 1 / len(profile.counts)
    _draw_workers(
        left, run, marked(profile)[index][1].colour, gigabyte, most=int(_MOST_SAMPLES * share)
    )
    # One scale for all counts, lest the same height be one amount here and another there.
    highest = max(each.peak_worker or 0 for each in profile.counts) / gigabyte
    left.set_ylim(0, 1.12 * max(left.dataLim.y1, highest) or 1.0)
    _draw_limit(left, count, gigabyte, decimal=profile.decimal)
    left.set_ylabel(f"each worker [{unit}]")
    _draw_uses(right, run, gigabyte, most=int(_MOST_BY_DASK * share))
    whole = [each.cluster_peak.high for each in profile.counts if each.cluster_peak is not None]
    right.set_ylim(0, max(right.get_ylim()[1], 1.05 * max(whole, default=0) / gigabyte))
    right.set_ylabel(f"all workers, by dask [{unit}]")
    over_time((left, right), run.seconds)
    return figure_of(left)


def _draw_workers(ax: Axes, run: Run, colour: str, gigabyte: float, *, most: int) -> None:
    curves = worker_curves(run)
    each = max(_FEWEST_SAMPLES, most // len(curves))
    for curve in curves:
        seconds, nbytes = thinned(
            np.asarray(curve.seconds, float), np.asarray(curve.nbytes, float), most=each
        )
        ax.plot(seconds, nbytes / gigabyte, color=colour, linewidth=1.2, alpha=0.75)
    # Between two samples a worker may have had more: the kernel's own mark tells.
    peaks = {peak.worker: peak.peak / gigabyte for peak in run.memory.worker_peaks}
    for curve in curves:
        if curve.worker in peaks:
            at = curve.seconds[int(np.argmax(curve.nbytes))]
            ax.plot(at, peaks[curve.worker], color=colour, marker="_", markersize=12)


def _draw_limit(ax: Axes, count: CountSummary, gigabyte: float, *, decimal: bool) -> None:
    if count.memory_limit is None:
        return
    height, top = count.memory_limit / gigabyte, ax.get_ylim()[1]
    words = f"limit {format_bytes(count.memory_limit, decimal=decimal)}"
    if height > _LIMIT_WITHIN * top:
        words, height = f"{words}, far above", top
    else:
        ax.set_ylim(0, max(top, 1.2 * height))
        colour = ax.xaxis.label.get_color()
        ax.axhline(height, color=colour, linestyle="--", linewidth=1.1)
    note_height(ax, words, height)


def _draw_uses(ax: Axes, run: Run, gigabyte: float, *, most: int) -> None:
    uses = {curve.measure: curve for curve in run.memory.curves if curve.source == "dask"}
    if not uses.keys() >= {"managed", "unmanaged"} or not uses["managed"].seconds:
        ax.text(0.5, 0.5, "dask's memory was not sampled", transform=ax.transAxes, ha="center")
        return
    seconds = np.asarray(uses["managed"].seconds, float)
    seconds = seconds[:: -(-len(seconds) // max(most, _FEWEST_SAMPLES))]
    below = np.zeros(len(seconds))
    for name, colour, hatch in _USES:
        curve = uses.get(name)
        if curve is None or not curve.seconds:
            continue
        above = below + np.interp(seconds, curve.seconds, curve.nbytes) / gigabyte
        ax.fill_between(
            seconds,
            below,
            above,
            facecolor="none" if hatch else (colour, 0.35),
            edgecolor=colour,
            hatch=hatch,
            linewidth=0.8,
            label=name,
        )
        below = above
    ax.set_ylim(0, 1.35 * float(below.max()) or 1.0)
    ax.legend(loc="upper left", ncols=len(_USES), frameon=False, fontsize=8.5, columnspacing=1.2)
