"""What axes over the time of a run have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def over_time(axes: Iterable[Axes], seconds: float) -> None:
    """Let axes be of the time of a run that took so many seconds, with a grid behind all else."""
    for ax in axes:
        ax.set_xlim(0, max(seconds, ax.dataLim.x1) or 1.0)
        ax.set_xlabel("time since the cell started [s]")
        ax.locator_params(nbins=5)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid()
        ax.set_axisbelow(True)


def note_height(ax: Axes, words: str, height: float) -> None:
    """Write what a height is at the right, just above it."""
    ax.annotate(
        words,
        (1, height),
        xycoords=ax.get_yaxis_transform(),
        xytext=(-2, 3),
        textcoords="offset points",
        horizontalalignment="right",
        fontsize=8.5,
    )
