"""Workers over time: what each ran, and the memory of the fullest below, on one axis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sdprofile.explain.causes.found import Seen
from sdprofile.render.curves import shown_curve, thinned
from sdprofile.render.palette import TOLD
from sdprofile.units import format_bytes, format_seconds, large_unit, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sdprofile.explain.explained import Explained
    from sdprofile.model.run import Run
    from sdprofile.model.trace import Trace

_WIDTH = 7.2
"""Inches."""

_ROW, _LEAST_ROWS, _MOST_ROWS = 0.17, 0.45, 1.5
"""Height of a row of tasks, and of all together at least and at most, in inches."""

_MEMORY = 1.0
"""Height of the curve of memory, in inches."""

_AROUND = 0.75
"""Height of words around them, in inches."""

_FINALIZE = "finalize"
"""What dask calls putting a result together."""

_PIXELS = 650
"""Places along the axis that can be told apart."""

_MOST_BARS = 1500
"""Bars that are drawn, at most: where tasks are more, neighbours of one colour are one."""

_MOST_LANES = 32
"""Threads that have a row each, at most; of more, those of a worker share one."""

_MOST_TOLD = 300
"""Bars up to which each tells its task, lest the page be large."""

_FULL = 0.82
"""Fraction of a row that its bars take."""

_NAMED_ROWS = 12
"""Rows up to which each worker is named."""

_LEGEND = 105
"""Characters that the legend has in a row."""

_MOST_SAMPLES = 400
"""Samples drawn of the curve."""

_LIMIT_WITHIN = 2.5
"""A limit is drawn up to this many times the peak, lest it squash the curve."""

# Told apart also by those who see no red or green (Okabe and Ito), in light and dark themes.
_COLOURS = ("#0072B2", "#56B4E9", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
_OTHER = "#8A8A8A"

Bar = tuple[float, float]


def overview_plot(profile: Explained, run: Run, trace: Trace) -> Figure:
    """Draw what the workers of a run did, and the memory of the fullest.

    Parameters
    ----------
    profile
        What was measured.
    run
        One of its runs.
    trace
        Its tasks.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know. Above, a row for each thread with its tasks, in the
        colour of the step, or the prefix, that they are of. Below, resident memory, with what it
        was at rest, the peak, and the limit.
    """
    rows, lane_of = _lanes(trace)
    height = min(_MOST_ROWS, max(_LEAST_ROWS, _ROW * rows))
    figure = Figure(figsize=(_WIDTH, height + _MEMORY + _AROUND), layout="constrained")
    above, below = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": (height, _MEMORY)}
    )
    _draw_tasks(
        above, trace, _places(profile, run, trace), lane_of, rows, _memory_at(run, profile.decimal)
    )
    _draw_memory(below, run, decimal=profile.decimal)
    below.set_xlim(0, run.seconds or 1.0)
    which = f"{plural(run.workers, 'worker')}, run {run.repeat}"
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


def _lanes(trace: Trace) -> tuple[int, list[int]]:
    """Return how many rows there are, and in which each task is."""
    if trace.workers * trace.threads > _MOST_LANES or trace.threads == 1:
        return trace.workers, list(trace.worker)
    rows = [0] * len(trace)
    free: defaultdict[int, list[int]] = defaultdict(lambda: list(range(trace.threads)))
    running: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
    for task in sorted(range(len(trace)), key=trace.begun.__getitem__):
        worker = trace.worker[task]
        lanes, busy = free[worker], running[worker]
        while busy and (busy[0][0] <= trace.begun[task] or not lanes):
            heappush(lanes, heappop(busy)[1])
        lane = heappop(lanes)
        heappush(busy, (trace.ended[task], lane))
        rows[task] = worker * trace.threads + lane
    return trace.workers * trace.threads, rows


def _memory_at(run: Run, decimal: bool) -> Callable[[float], str]:
    """Return what tells the memory of the fullest worker at an instant."""
    curve = shown_curve(run)
    if curve is None:
        return lambda second: ""
    seconds, nbytes = curve

    def told_at(second: float) -> str:
        amount = format_bytes(float(np.interp(second, seconds, nbytes)), decimal=decimal)
        return f", at its end {amount} in the fullest worker"

    return told_at


def _draw_tasks(
    ax: Axes,
    trace: Trace,
    places: list[str],
    lane_of: list[int],
    rows: int,
    told_at: Callable[[float], str],
) -> None:
    taken: defaultdict[str, float] = defaultdict(float)
    bars: defaultdict[tuple[str, int], list[Bar]] = defaultdict(list)
    for task, begun in enumerate(trace.begun):
        # One that a kill ended has no end of its own, one that never began has no bar.
        ended = min(trace.ended[task], trace.seconds)
        if begun < ended:
            place = places[trace.group[task]]
            taken[place] += ended - begun
            bars[place, lane_of[task]].append((begun, ended))
    most = sorted(taken, key=lambda place: -taken[place])[: len(_COLOURS)]
    colours = dict(zip(most, _COLOURS, strict=False))
    gap = (trace.seconds or 1.0) / _PIXELS
    merged = {key: _merged(each, gap) for key, each in bars.items()}
    while sum(map(len, merged.values())) > _MOST_BARS:
        gap *= 1.5
        merged = {key: _merged(each, gap) for key, each in merged.items()}
    by_colour: defaultdict[str, list[list[Bar]]] = defaultdict(list)
    words: defaultdict[str, list[str]] = defaultdict(list)
    for (place, row), each in merged.items():
        colour = colours.get(place, _OTHER)
        for begun, ended in each:
            end = max(ended, begun + gap)
            by_colour[colour].append(
                [(begun, row), (end, row), (end, row + _FULL), (begun, row + _FULL)]
            )
            words[colour].append(f"{TOLD}{place}: {format_seconds(ended - begun)}{told_at(ended)}")
    number = sum(map(len, merged.values()))
    for colour, corners in by_colour.items():
        drawn = PolyCollection(corners, facecolors=colour, linewidths=0)
        if number < _PIXELS:
            drawn.set(edgecolors=ax.get_facecolor(), linewidths=0.4)
        if number <= _MOST_TOLD:
            drawn.set_urls(words[colour])
        ax.add_collection(drawn)
    ax.set_ylim(rows, -0.1)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelbottom=False)
    height = rows // trace.workers or 1
    if trace.workers <= _NAMED_ROWS:
        middle = [worker * height + height / 2 - 0.09 for worker in range(trace.workers)]
        ax.set_yticks(middle, [f"worker {worker}" for worker in range(trace.workers)])
    else:
        ax.set_yticks([])
        ax.set_ylabel(plural(trace.workers, "worker"))
    handles = [Patch(color=colour, label=_cut(place)) for place, colour in colours.items()]
    if len(taken) > len(colours):
        handles.append(Patch(color=_OTHER, label="others"))
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=max(1, min(4, _LEGEND // (4 + max(len(str(each.get_label())) for each in handles)))),
        frameon=False,
        fontsize=8,
        handlelength=0.8,
        handleheight=0.8,
        borderpad=0.1,
        columnspacing=1.2,
    )


def _cut(place: str) -> str:
    longest = 30
    return place if len(place) <= longest else f"{place[: longest - 3]}..."


def _merged(bars: list[Bar], gap: float) -> list[Bar]:
    """Return bars of which those are one that are closer than can be told apart."""
    found: list[Bar] = []
    for begun, ended in sorted(bars):
        if found and begun - found[-1][1] < gap and (ended - begun < gap or begun < found[-1][1]):
            found[-1] = (found[-1][0], max(found[-1][1], ended))
        else:
            found.append((begun, ended))
    return found


def _draw_memory(ax: Axes, run: Run, *, decimal: bool) -> None:
    gigabyte, unit = large_unit(decimal=decimal)
    ax.set_ylabel(f"fullest\nworker [{unit}]")
    curve = shown_curve(run)
    if curve is None:
        ax.text(0.5, 0.5, "memory was not sampled", transform=ax.transAxes, ha="center")
        return
    seconds, nbytes = thinned(*curve, most=_MOST_SAMPLES)
    heights = nbytes / gigabyte
    colour = _COLOURS[0]
    ax.fill_between(seconds, 0, heights, color=colour, alpha=0.2, linewidth=0)
    ax.plot(seconds, heights, color=colour, linewidth=1.5)
    ink = ax.xaxis.label.get_color()
    rest = (run.memory.baseline or 0) / gigabyte
    peak = (run.memory.peak_worker or float(nbytes.max())) / gigabyte
    at = float(seconds[int(np.argmax(heights))])
    ax.plot(at, peak, marker="o", markersize=4.5, color=colour, linestyle="none")
    words = format_bytes(round(peak * gigabyte), decimal=decimal)
    side = "right" if at > run.seconds / 2 else "left"
    ax.annotate(
        words,
        (at, peak),
        xytext=(-6 if side == "right" else 6, 3),
        textcoords="offset points",
        horizontalalignment=side,
        fontsize=8.5,
        fontweight="bold",
    )
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
        # On the other side than the peak's words.
        ax.annotate(
            text if near else f"{text}, far above",
            (0 if side == "right" else 1, limit if near else 1.3 * peak),
            xycoords=ax.get_yaxis_transform(),
            xytext=(3 if side == "right" else -3, 2 if near else -9),
            textcoords="offset points",
            horizontalalignment="left" if side == "right" else "right",
            fontsize=8.5,
            color="#D55E00",
        )
    ax.set_ylim(0, top)
