"""Memory of GPUs at one worker count: what each worker held, and each GPU as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from sdprofile.render.curves import median_run, thinned
from sdprofile.render.palette import marked
from sdprofile.render.plots.labels import figure_of, new_axes
from sdprofile.render.plots.time_axes import note_height, over_time
from sdprofile.units import format_bytes, large_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sdprofile.model.measured import Measured
    from sdprofile.model.memory import Curve

_SIZE = (7.2, 2.3)
"""Width and height, in inches."""

_MOST_SAMPLES = 1200
"""Samples drawn of all curves at all counts together."""

_FEWEST_SAMPLES = 12
"""Samples drawn of each curve at least."""

_STYLES = ("-", "--", ":", "-.")
"""What tells GPUs apart."""


def gpu_plot(profile: Measured, index: int) -> Figure:
    """Draw the GPU memory of the median run of one worker count.

    Parameters
    ----------
    profile
        What was measured.
    index
        Place of the count in `Profile.counts`. Where no run used a GPU, the figure is empty.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know. Left, what each worker held, sampled every 20 ms. Right,
        what was in use of each GPU, by whomever, with the size of the smallest.
    """
    count = profile.counts[index]
    run = median_run(count, known=lambda run: bool(run.memory.used_cards))
    if run is None:
        return Figure(figsize=_SIZE)
    byte, unit = large_unit(decimal=profile.decimal)
    left, right = new_axes(_SIZE, 2, top=0.24)
    colour = marked(profile)[index][1].colour
    cards = run.memory.used_cards
    styles = {card.name: _STYLES[place % len(_STYLES)] for place, card in enumerate(cards)}
    curves = [each for each in run.memory.curves if each.source == "nvml"]
    most = _MOST_SAMPLES // len(profile.counts) // max(1, len(curves))
    for curve in curves:
        ax = left if curve.worker else right
        name = "" if curve.worker or len(cards) == 1 else curve.measure
        _draw(ax, curve, byte, most=most, color=colour, linestyle=styles[curve.measure], label=name)
    highest = max(each.gpu_worker or 0 for each in profile.counts) / byte
    left.set_ylim(0, 1.12 * highest or 1.0)
    left.set_ylabel(f"GPU, each worker [{unit}]")
    size = min(card.nbytes for card in cards)
    right.axhline(size / byte, color=right.xaxis.label.get_color(), linestyle="--", linewidth=1.1)
    note_height(right, f"size: {format_bytes(size, decimal=profile.decimal)}", size / byte)
    right.set_ylim(0, 1.2 * size / byte or 1.0)
    right.set_ylabel(f"GPU, all of it [{unit}]")
    if len(cards) > 1:
        right.legend(loc="upper left", frameon=False, fontsize=8.5)
    over_time((left, right), run.seconds)
    return figure_of(left)


def _draw(ax: Axes, curve: Curve, byte: float, *, most: int, **style: str) -> None:
    seconds, nbytes = thinned(
        np.asarray(curve.seconds, float),
        np.asarray(curve.nbytes, float),
        most=max(_FEWEST_SAMPLES, most),
    )
    ax.plot(seconds, nbytes / byte, linewidth=1.2, alpha=0.75, **style)  # type: ignore[arg-type]
