"""Memory over time of all worker counts in one plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from sdprofile.render.curves import (
    SHOWN,
    emptiest_curve,
    is_sampled,
    median_run,
    shown_curve,
    shown_limit,
    thinned,
)
from sdprofile.render.palette import REPEAT, Mark, marked, of_count
from sdprofile.render.plots.labels import (
    CurveLabel,
    Panel,
    figure_of,
    name_axes,
    new_axes,
    place_in_panels,
    plain_words,
)
from sdprofile.units import format_bytes, large_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary, Run

_SIZE = (7.2, 3.1)
"""Width and height of a new figure, in inches."""

_PANELS_SIZE = (9.2, 3.1)
"""Width and height of two panels, in inches."""

_LONGEST = 40
"""Characters of a title that are shown."""

_MOST_SAMPLES = 400
"""Samples drawn of each curve; more cannot be told apart."""

_MOST_OF_REPEATS = 3000
"""Samples drawn of all dimmed curves together, lest many repeats make a large page."""

_FEWEST_SAMPLES = 25
"""Samples drawn of each curve at least."""

_MARKERS = 5
"""Markers on each curve; none at its start, where all curves meet."""

_LIMIT_WITHIN = 1.3
"""A limit is drawn up to this many times the highest value, lest it squash the curves."""

_MOST_BANDS = 4
"""Worker counts up to which there are bands; more of them lie over each other as one grey."""

_BAND_ALPHA = 0.12


def memory_plot(profile: Measured, *, ax: Axes | None = None) -> Figure:
    """Draw memory over time, one colour and marker per worker count.

    Parameters
    ----------
    profile
        What was measured.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure
        The figure drawn in; pyplot does not know a new one.

    Notes
    -----
    The repeat with the median time is drawn in full, the others dimmed. Below its line, which is
    the fullest worker, a light band reaches down to the emptiest, if there are at most four counts.
    A dashed line is the limit of each worker.
    """
    if ax is None:
        (ax,) = new_axes(_SIZE)
    _draw_panels([(ax, profile)])
    return figure_of(ax)


def memory_panels_plot(profiles: Sequence[tuple[str, Measured]]) -> Figure:
    """Draw memory over time of several profiles beside each other, on one scale.

    Parameters
    ----------
    profiles
        The title of each panel, and what was measured, all at the same worker counts.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know, with a panel for each as `memory_plot` draws it.
    """
    panels = new_axes(_PANELS_SIZE, len(profiles), top=0.3)
    for ax in panels[1:]:
        ax.sharex(panels[0])
        ax.sharey(panels[0])
    _draw_panels([(ax, each) for ax, (_, each) in zip(panels, profiles, strict=True)])
    for ax, (name, _) in zip(panels, profiles, strict=True):
        ax.set_title(plain_words(name, most=_LONGEST), fontsize=10, fontweight="bold")
    for ax in panels[1:]:
        ax.set_ylabel("")
    return figure_of(panels[0])


def _draw_panels(drawn: Sequence[tuple[Axes, Measured]]) -> None:
    """Draw memory over time into axes, one profile into each."""
    gigabyte, unit = large_unit(decimal=drawn[0][1].decimal)
    most = _MOST_SAMPLES // len(drawn)
    ends = [list(_draw_counts(ax, profile, gigabyte, most=most)) for ax, profile in drawn]
    for (ax, _), own in zip(drawn, ends, strict=True):
        name_axes(ax, f"{SHOWN} [{unit}]")
        if not own:
            ax.text(0.5, 0.5, "memory was not sampled", transform=ax.transAxes, ha="center")
    if not any(ends):
        return
    highest = max(ax.dataLim.y1 for (ax, _), own in zip(drawn, ends, strict=True) if own)
    for ax, _ in drawn:
        ax.set_xlim(0, _longest(drawn) or 1.0)
        ax.set_ylim(0, 1.08 * highest or 1.0)
    panels = [
        Panel(ax=ax, labels=own, around=_draw_limits(ax, profile, gigabyte, highest=highest))
        for (ax, profile), own in zip(drawn, ends, strict=True)
    ]
    place_in_panels(panels)


def _draw_counts(
    ax: Axes, profile: Measured, gigabyte: float, *, most: int
) -> Iterator[CurveLabel]:
    """Draw all counts with `most` samples of a curve in full; yield the labels of their ends."""
    share = most / _MOST_SAMPLES
    dimmed = min(most, int(share * _MOST_OF_REPEATS) // max(1, len(profile.runs)))
    samples = most, max(_FEWEST_SAMPLES, dimmed)
    for count, how in marked(profile):
        yield from _draw_count(ax, count, how, gigabyte, most=samples)
    if len(profile.counts) <= _MOST_BANDS:
        for count, how in marked(profile):
            _draw_band(ax, count, how, gigabyte)


def _draw_count(
    ax: Axes, count: CountSummary, how: Mark, gigabyte: float, *, most: tuple[int, int]
) -> Iterator[CurveLabel]:
    """Draw all runs of a count, with `most` samples in full and dimmed; yield labels of ends."""
    full = median_run(count)
    for run in count.runs:
        if run is not full:
            yield from _draw_run(ax, run, how, gigabyte, most=most[1], dimmed=True)
    if full is not None:
        yield from _draw_run(ax, full, how, gigabyte, most=most[0], dimmed=False)


def _draw_run(
    ax: Axes, run: Run, how: Mark, gigabyte: float, *, most: int, dimmed: bool
) -> Iterator[CurveLabel]:
    curve = shown_curve(run)
    if curve is None:
        return
    seconds, nbytes = thinned(*curve, most=most)
    heights = nbytes / gigabyte
    killed = run.status == "killed"
    group = of_count(run.workers) + (f" {REPEAT}" if dimmed else "")
    # Even in time: matplotlib's own even spacing is along the line, dense where it is steep.
    places = np.linspace(seconds[0], seconds[-1], _MARKERS + 1)[1 : -1 if killed else None]
    ax.plot(
        seconds,
        heights,
        color=how.colour,
        linestyle=how.line,
        linewidth=1.1 if dimmed else 1.9,
        alpha=0.35 if dimmed else 1.0,
        marker=None if dimmed else how.marker,
        markersize=5.5,
        markevery=np.unique(np.searchsorted(seconds, places)).tolist(),
        zorder=2 if dimmed else 3,
        gid=f"sdp-curve {group}",
    )
    if killed:
        ax.plot(
            seconds[-1],
            heights[-1],
            color=how.colour,
            marker="x",
            markersize=11,
            markeredgewidth=3,
            alpha=0.6 if dimmed else 1.0,
            zorder=4,
            gid=group,
        )
    words = [] if dimmed else [run.setting.name]
    if run.status != "ok":
        words.append(run.status)
    if words:
        yield CurveLabel(
            text=", ".join(words),
            x=float(seconds[-1]),
            y=float(heights[-1]),
            colour=how.colour,
            group=group,
        )


def _draw_band(ax: Axes, count: CountSummary, how: Mark, gigabyte: float) -> None:
    """Fill what lies between the fullest and the emptiest worker of the run drawn in full."""
    run = median_run(count)
    if run is None:
        return
    above, below = shown_curve(run), emptiest_curve(run)
    if above is None or below is None:
        return
    # There and back again: the two may have kept samples at unlike times.
    there, fullest = thinned(*above, most=_MOST_SAMPLES)
    back, emptiest = thinned(below[0], -below[1], most=_MOST_SAMPLES)
    ax.fill(
        np.append(there, back[::-1]),
        np.append(fullest, -emptiest[::-1]) / gigabyte,
        color=how.colour,
        alpha=_BAND_ALPHA,
        linewidth=0,
        zorder=1.5,
        gid=of_count(run.workers),
    )


def _longest(drawn: Sequence[tuple[Axes, Measured]]) -> float:
    """Return where the longest run ends, in seconds."""
    sampled = [run.seconds for _, profile in drawn for run in profile.runs if is_sampled(run)]
    return max([*sampled, *(float(ax.dataLim.x1) for ax, _ in drawn)])


def _draw_limits(ax: Axes, profile: Measured, gigabyte: float, *, highest: float) -> list[Text]:
    """Draw each limit that is near, one line for all counts that share it; return the labels."""
    limits = {shown_limit(count) for count in profile.counts if median_run(count) is not None}
    texts: list[Text] = []
    for limit in sorted(limit for limit in limits if limit is not None):
        height = limit / gigabyte
        if height > _LIMIT_WITHIN * highest:
            continue
        colour = ax.xaxis.label.get_color()
        ax.axhline(height, color=colour, linestyle="--", linewidth=1.1, zorder=2.5)
        ax.set_ylim(0, max(ax.get_ylim()[1], 1.1 * height))
        texts.append(
            ax.annotate(
                f"limit per worker: {format_bytes(limit, decimal=profile.decimal)}",
                (1, height),
                xycoords=ax.get_yaxis_transform(),
                xytext=(-2, 3),
                textcoords="offset points",
                horizontalalignment="right",
                fontsize=8.5,
                color=colour,
                path_effects=[withStroke(linewidth=2.5, foreground=ax.get_facecolor())],
            )
        )
    return texts
