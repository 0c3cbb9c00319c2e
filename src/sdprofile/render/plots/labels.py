"""Labels at the ends of curves, where they neither overlap nor leave the axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from sdprofile.render.text.wrapping import clean, cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation, Text
    from matplotlib.transforms import BboxBase

_GAP = 9.0
"""Points between the end of a curve and its label."""

_END = 5.5
"""Points from the end of a curve that its marker covers, which no label may hide."""

_MOST_ROOM = 0.6
"""Largest fraction of the axes' width that is kept for a label."""


_BESIDE, _BELOW = 0.74, 0.5
"""Inches that the words left of axes and below them take."""


@dataclass(frozen=True, kw_only=True)
class CurveLabel:
    """What is written at the end of a curve."""

    text: str
    """The words."""

    x: float
    """Where the curve ends, in the units of the x axis."""

    y: float
    """Where the curve ends, in the units of the y axis."""

    group: str = ""
    """Classes of the text where it stands in a page."""

    colour: str
    """Of the curve, as ``#rrggbb``."""


def figure_of(ax: Axes) -> Figure:
    """Return the figure that an axes is in, at the top where figures are nested."""
    figure = ax.figure
    # The figure of a subfigure is the one at the top, however deep it is.
    return figure if isinstance(figure, Figure) else figure.figure


def name_axes(ax: Axes, values: str) -> None:
    """Name the axes of a plot over time, and draw its frame and grid as all such plots have it."""
    ax.set_xlabel("time since the cell started [s]")
    ax.set_ylabel(values)
    draw_frame(ax)


def plain_words(text: str, *, most: int = 22) -> str:
    """Return text of which matplotlib makes no formula, and that a legend does not leave out.

    Parameters
    ----------
    text
        Of a user.
    most
        Characters that are shown; its end tells as much as its start.
    """
    shown = cut(clean(text), most).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def draw_frame(ax: Axes, *, grid: Literal["both", "y"] = "both") -> None:
    """Draw the frame of a plot, and its grid behind what it shows."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis=grid, alpha=0.35, linewidth=0.7)
    ax.set_axisbelow(True)


def far_apart(places: Sequence[int], is_far: Callable[[int, int], bool]) -> list[int]:
    """Return those of ascending places that can be named: the last, and what is far from others.

    Parameters
    ----------
    places
        At least one.
    is_far
        Whether two names, the lower first, do not lie on each other.
    """
    kept = [places[-1]]
    for place in reversed(places[:-1]):
        if is_far(place, kept[-1]):
            kept.append(place)
    return kept[::-1]


def new_axes(
    size: tuple[float, float], columns: int = 1, *, top: float = 0.12, right: float = 0.1
) -> list[Axes]:
    """Return the axes of a new figure, which pyplot does not know, beside each other.

    Parameters
    ----------
    size
        Width and height of the figure, in inches.
    columns
        How many axes there are.
    top, right
        Inches above them, and right of the last one.

    Notes
    -----
    matplotlib's own layouts draw all texts twice, which takes half of the time of a plot.
    """
    (width, height), room = size, columns * _BESIDE + right
    figure, each = Figure(figsize=size), (size[0] - room) / columns
    return [
        figure.add_axes(
            (
                (_BESIDE + index * (each + _BESIDE)) / width,
                _BELOW / height,
                each / width,
                (height - _BELOW - top) / height,
            )
        )
        for index in range(columns)
    ]


def start_at_zero(ax: Axes) -> None:
    """Let the y axis go from 0 to a little above all that is drawn; say so if nothing is."""
    if not math.isfinite(ax.dataLim.y1):
        ax.text(0.5, 0.5, "not known", transform=ax.transAxes, horizontalalignment="center")
    ax.set_ylim(0, 1.08 * ax.dataLim.y1 if 0 < ax.dataLim.y1 < math.inf else 1.0)


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
    A label that would lie on another moves up or down by as little as helps; where there is no
    room at all it is left out. The sizes of texts are only known once the layout is: this runs it.
    """
    place_in_panels([Panel(ax=ax, labels=labels, around=around)])


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Axes with what `place_labels` takes."""

    ax: Axes
    """One of several in a figure, whose x axes shall have one scale."""

    labels: Sequence[CurveLabel]
    """What to write."""

    around: Sequence[Text] = ()
    """Texts that keep their places."""


def place_in_panels(panels: Sequence[Panel]) -> None:
    """Do as `place_labels` in several axes, and widen all x axes alike."""
    figure = figure_of(panels[0].ax)
    texts = [[_write(panel.ax, label) for label in panel.labels] for panel in panels]
    _lay_out(figure)
    pixels_per_point = figure.dpi / 72
    right = max(panel.ax.get_xlim()[1] for panel in panels)
    for panel, written in zip(panels, texts, strict=True):
        for label, text in zip(panel.labels, written, strict=True):
            pixels = text.get_window_extent().width + (_GAP + 2) * pixels_per_point
            room = min(_MOST_ROOM, pixels / panel.ax.bbox.width)
            right = max(right, label.x / (1 - room))
    for panel, written in zip(panels, texts, strict=True):
        panel.ax.set_xlim(0, right)
        taken = [text.get_window_extent() for text in panel.around]
        taken += [_end_box(panel.ax, label, _END * pixels_per_point) for label in panel.labels]
        _move_apart(panel.ax, written, taken)


def _lay_out(figure: Figure) -> None:
    """Have the axes of a figure at their places, which a layout finds by drawing it."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()


def move_apart(ax: Axes, texts: Sequence[Annotation], *, around: Sequence[Text]) -> None:
    """Move annotations with offsets in points up or down until none lies on another text.

    Parameters
    ----------
    ax
        Axes with their final scales.
    texts
        What is moved; what has no room is left out.
    around
        Texts that keep their places.
    """
    _lay_out(figure_of(ax))
    _move_apart(ax, texts, [text.get_window_extent() for text in around])


def _move_apart(ax: Axes, texts: Sequence[Annotation], taken: Sequence[Bbox]) -> None:
    pixels_per_point = figure_of(ax).dpi / 72
    boxes = [text.get_window_extent() for text in texts]
    for text, shift in zip(texts, _shifts(boxes, taken, inside=ax.bbox), strict=True):
        if shift is None:
            text.set_visible(False)
        else:
            x, y = text.xyann
            text.xyann = (x, y + shift / pixels_per_point)


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
        gid=label.group or None,
        zorder=5,
        # Readable where another curve passes behind it.
        path_effects=[withStroke(linewidth=2.5, foreground=ax.get_facecolor())],
    )


def _end_box(ax: Axes, label: CurveLabel, pixels: float) -> Bbox:
    x, y = ax.transData.transform((label.x, label.y))
    return Bbox.from_extents(x - pixels, y - pixels, x + pixels, y + pixels)


def _shifts(
    boxes: Sequence[Bbox], taken: Sequence[Bbox], *, inside: BboxBase
) -> list[float | None]:
    """Return how far to move each box up, in pixels, so that none overlaps another.

    Labels are crowded at the top or at the bottom, so both orders are tried. None where there is no
    room.
    """
    upward = sorted(range(len(boxes)), key=lambda index: boxes[index].y0)
    tried = [
        _shifts_in_order(boxes, order, taken, inside=inside) for order in (upward, upward[::-1])
    ]
    return min(
        tried, key=lambda shifts: (shifts.count(None), sum(abs(shift or 0.0) for shift in shifts))
    )


def _shifts_in_order(
    boxes: Sequence[Bbox], order: Sequence[int], taken: Sequence[Bbox], *, inside: BboxBase
) -> list[float | None]:
    shifts: list[float | None] = [None] * len(boxes)
    placed = list(taken)
    for index in order:
        box = boxes[index]
        for shift in _steps(box.height / 4, most=inside.height):
            moved = box.translated(0, shift)
            within = inside.y0 <= moved.y0 and moved.y1 <= inside.y1
            if within and not any(moved.overlaps(other) for other in placed):
                shifts[index] = shift
                placed.append(moved)
                break
    return shifts


def _steps(step: float, *, most: float) -> Iterator[float]:
    """Yield 0, then steps up and down, ever further."""
    yield 0.0
    for number in range(1, int(most / step) + 1):
        yield number * step
        yield -number * step
