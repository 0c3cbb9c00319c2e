"""How a grid is laid out: one axis along the plot, a line for each setting of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary
    from sdprofile.model.setting import Axis


@dataclass(frozen=True, kw_only=True)
class Line:
    """The settings that are alike but for their place on the x axis."""

    name: str
    """What they have in common; empty where there is one line only."""

    places: tuple[tuple[int, CountSummary], ...]
    """Each with its place."""


def grid_lines(profile: Measured) -> tuple[Axis, tuple[str, ...], tuple[Line, ...]]:
    """Return what is on the x axis, its values, and the lines.

    Parameters
    ----------
    profile
        A grid.

    Returns
    -------
    axis, values, lines
        The axis with the most values, of equals a variable before the limit, that before threads,
        and these before workers.
    """
    settings = [count.setting for count in profile.counts]
    axes = profile.varied.axes
    axis = max(axes, key=lambda axis: len({axis.value(setting) for setting in settings}))
    values = tuple(dict.fromkeys(axis.value(setting) for setting in settings))
    lines: dict[str, list[tuple[int, CountSummary]]] = {}
    for count in profile.counts:
        place = values.index(axis.value(count.setting))
        lines.setdefault(profile.varied.name_but(axis, count.setting), []).append((place, count))
    return (
        axis,
        values,
        tuple(Line(name=name, places=tuple(places)) for name, places in lines.items()),
    )
