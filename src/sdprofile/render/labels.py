"""Labels at the ends of curves, where they neither overlap nor leave the axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation, Text
    from matplotlib.transforms import Bbox

_GAP = 9.0
"""Points between the end of a curve and its label."""

_MOST_ROOM = 0.6
"""Largest fraction of the axes' width that is kept for a label."""


@dataclass(frozen=True, kw_only=True)
class CurveLabel:
    """What is written at the end of a curve."""

    text: str
    """The words."""

    x: float
    """Where the curve ends, in the units of the x axis."""

    y: float
    """Where the curve ends, in the units of the y axis."""

    colour: str
    """Of the curve, as ``#rrggbb``."""


def figure_of(ax: Axes) -> Figure:
    """Return the figure that an axes is in, at the top where figures are nested."""
    figure = ax.figure
    # The figure of a subfigure is the one at the top, however deep it is.
    return figure if isinstance(figure, Figure) else figure.figure


def place_labels(ax: Axes, labels: Sequence[CurveLabel], *, around: Sequence[Text]) -> None:
    """Write labels to the right of curves' ends, and widen the x axis until they fit.

    Parameters
    ----------
    ax
        Axes with their final y scale, and an x axis that starts at 0.
    labels
        What to write.
    around
        Texts that are in the axes already, and keep their places.

    Notes
    -----
    A label that would lie on another moves up or down by as little as helps. The sizes of texts
    are only known once the layout is: this runs it.
    """
    texts = [_write(ax, label) for label in labels]
    figure = figure_of(ax)
    figure.draw_without_rendering()
    pixels_per_point = figure.dpi / 72
    right = ax.get_xlim()[1]
    for label, text in zip(labels, texts, strict=True):
        pixels = text.get_window_extent().width + (_GAP + 2) * pixels_per_point
        room = min(_MOST_ROOM, pixels / ax.bbox.width)
        right = max(right, label.x / (1 - room))
    ax.set_xlim(0, right)
    taken = [text.get_window_extent() for text in around]
    for text in sorted(texts, key=lambda text: text.get_window_extent().y0):
        taken.append(_moved_apart(ax, text, taken, pixels_per_point))


def _write(ax: Axes, label: CurveLabel) -> Annotation:
    return ax.annotate(
        label.text,
        (label.x, label.y),
        xytext=(_GAP, 0),
        textcoords="offset points",
        verticalalignment="center",
        fontsize=9.5,
        fontweight="bold",
        color=label.colour,
        zorder=5,
        # Readable where another curve passes behind it.
        path_effects=[withStroke(linewidth=2.5, foreground=ax.get_facecolor())],
    )


def _moved_apart(
    ax: Axes, text: Annotation, taken: Sequence[Bbox], pixels_per_point: float
) -> Bbox:
    """Move a text until it overlaps none of the boxes; return its own."""
    box = text.get_window_extent()
    for shift in _shifts(box.height / 4, most=ax.bbox.height):
        moved = box.translated(0, shift)
        inside = moved.y0 >= ax.bbox.y0 and moved.y1 <= ax.bbox.y1
        if inside and not any(moved.overlaps(other) for other in taken):
            text.xyann = (_GAP, shift / pixels_per_point)
            return moved
    return box


def _shifts(step: float, *, most: float) -> Iterator[float]:
    """Yield 0, then steps up and down, ever further, in pixels."""
    yield 0.0
    for number in range(1, int(most / step) + 1):
        yield number * step
        yield -number * step
