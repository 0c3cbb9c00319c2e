"""Speedup over worker counts: measured, each run as a dot, against the ideal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter, NullLocator

from sdprofile.render.palette import Mark, marked, of_count
from sdprofile.render.plots.labels import far_apart, figure_of, move_apart, new_axes
from sdprofile.units import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary

_SIZE = (7.2, 3.1)
"""Width and height, in inches."""

_RIGHT = 0.9
"""Inches for words at the last count."""

_ASIDE = 1.05
"""How far right of the median the single runs stand, as a factor of the number of workers."""

_ROOM = 1.25
"""How far the axis goes beyond the first and the last count, as a factor."""


_MOST_NAMED = 24
"""Counts for which there is room along the axis."""


def speedup_plot(profile: Measured) -> Figure:
    """Draw the speedup of each worker count that finished.

    Parameters
    ----------
    profile
        What was measured, with at least one count that finished.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know: of all counts with workers the medians joined by a line,
        a dot for each run, a dashed line for the ideal, a cross at the foot for each count of which
        no run ended well.
    """
    (ax,) = new_axes(_SIZE, right=_RIGHT)
    ink = ax.xaxis.label.get_color()
    finished = [count for count in profile.counts if count.workers and count.speedup is not None]
    places = [count.workers for count in finished]
    ideal = [count.times_workers or 1.0 for count in finished]
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.plot(places, ideal, color=ink, linestyle="--", linewidth=1.1, zorder=2)
    named = ax.annotate(
        "ideal",
        (places[-1], ideal[-1]),
        xytext=(8, 0),
        textcoords="offset points",
        verticalalignment="center",
        color=ink,
    )
    measured = [count.speedup or 0.0 for count in finished]
    ax.plot(places, measured, color=ink, linewidth=1.1, alpha=0.6, zorder=2)
    on_workers = [(count, how) for count, how in marked(profile) if count.workers]
    ended = [text for count, how in on_workers if (text := _draw_count(ax, count, how))]
    workers = sorted({count.workers for count, _ in on_workers})
    apart = (workers[-1] / workers[0] * _ROOM**2) ** (1 / _MOST_NAMED)
    named_counts = far_apart(workers, lambda one, other: other / one >= apart)
    ax.set_xticks(named_counts, [str(each) for each in named_counts], minor=False)
    ax.set_xlim(workers[0] / _ROOM, workers[-1] * _ROOM)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    ax.set_xlabel("workers")
    ax.set_ylabel(f"speedup over {plural(finished[0].workers, 'worker')}")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid()
    ax.set_axisbelow(True)
    if ended:
        move_apart(ax, ended, around=[named])
    return figure_of(ax)


def _draw_count(ax: Axes, count: CountSummary, how: Mark) -> Annotation | None:
    """Draw a count; return how it ended where no run ended well."""
    look: dict[str, Any] = {"color": how.colour, "gid": of_count(count.workers)}
    place = count.workers
    if count.timing is None or count.base is None or count.speedup is None:
        foot = ax.get_xaxis_transform()
        cross: dict[str, Any] = {
            "marker": "x",
            "markersize": 10,
            "markeredgewidth": 3,
            "clip_on": False,
        }
        ax.plot(place, 0, transform=foot, **cross, **look)
        return ax.annotate(
            count.status,
            (place, 0),
            xycoords=foot,
            xytext=(9, 3),
            textcoords="offset points",
            fontweight="bold",
            **look,
        )
    runs = [count.base.median / seconds for seconds in count.timing.seconds if seconds]
    aside = [place * _ASIDE] * len(runs)
    ax.plot(aside, runs, linestyle="none", marker="o", markersize=5, fillstyle="none", **look)
    ax.plot(place, count.speedup, marker=how.marker, markersize=9, zorder=3, **look)
    return None
