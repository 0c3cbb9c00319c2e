"""What was called within the tasks and the kernel, to scale: each call below its caller."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sdprofile.explain.calls import only_leads
from sdprofile.render.palette import COLOURS, OTHER, TOLD
from sdprofile.render.text.calls import call_told, tree_name
from sdprofile.units import format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sdprofile.model.calls import CallTree, CallTrees

_WIDTH = 7.2
"""Inches."""

_ROW, _ABOVE, _BELOW = 0.2, 0.3, 0.45
"""Height of a row, of the legend above and of the axis below, in inches."""

_LEFT, _RIGHT = 0.01, 0.99
"""Where the axes begin and end, as fractions of the width."""

_FULL = 0.92
"""Fraction of a row that its bars take."""

_MOST_ROWS = 16

_LEAST = 1 / 700
"""Share of the width below which a call is not drawn: about a pixel."""

_WIDE = 0.03
"""Share of the width that a bar of the last row takes at least: no row has narrow ones alone."""

_MOST_TOLD = 300
"""Bars up to which each tells its call, lest the page be large."""

_CHARACTER = 0.062
"""Inches that a letter takes, about."""

_LIGHT = ("#56B4E9", "#E69F00", "#CC79A7")
"""Colours on which black is read better than white."""

_WHITE = 0.6
"""How much of its colour a call that waits gives up for white."""

_TASKS = f"{OTHER}80"
"""Colour of a prefix."""


@dataclass(frozen=True, kw_only=True)
class _Bar:
    start: float
    seconds: float
    row: int
    name: str
    origin: str
    waits: bool
    told: str


def icicle_plot(inside: CallTrees) -> Figure:
    """Draw the calls of a run.

    Parameters
    ----------
    inside
        What was called, with at least one tree.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not know. In the first row the prefixes of the tasks and the
        kernel, below each what it called; as wide as the thread time in seconds. Functions of dask
        and Python that lead to others' are left out, but not their time.
    """
    total = sum(tree.total for tree in inside.trees)
    bars = [bar for bar in _bars(inside) if bar.seconds >= _LEAST * total]
    rows = 1 + max(bar.row for bar in bars if not bar.row or bar.seconds >= _WIDE * total)
    bars = [bar for bar in bars if bar.row < rows]
    height = rows * _ROW + _ABOVE + _BELOW
    figure = Figure(figsize=(_WIDTH, height))
    ax = figure.add_axes((_LEFT, _BELOW / height, _RIGHT - _LEFT, 1 - (_ABOVE + _BELOW) / height))
    ax.set_xlim(0, total)
    ax.set_ylim(rows, 0)
    _draw(ax, bars)
    ax.set_yticks([])
    for side in ("left", "right", "top"):
        ax.spines[side].set_visible(False)
    ax.set_xlabel("thread time [s]")
    return figure


def _bars(inside: CallTrees) -> Iterator[_Bar]:
    start = 0.0
    for tree in inside.trees:
        yield _Bar(
            start=start,
            seconds=tree.total,
            row=0,
            name=tree_name(tree),
            origin="",
            waits=False,
            told=f"{tree_name(tree)}: {format_seconds(tree.total)}",
        )
        yield from _of_tree(inside, tree, start)
        start += tree.total


def _of_tree(inside: CallTrees, tree: CallTree, start: float) -> Iterator[_Bar]:
    """Yield the calls of a tree that are drawn; each begins where those before it end."""
    calls = list(inside.calls(tree))
    begins: list[float] = [start]  # where the next call at each depth begins
    rows: list[int] = [0]  # of the caller at each depth
    led: list[bool] = [True]  # whether nothing but what leads there has called it
    for place, call in enumerate(calls):
        depth = call.depth
        del begins[depth + 1 :], rows[depth + 1 :], led[depth + 1 :]
        begun = begins[depth]
        begins[depth] += call.seconds
        leads = led[depth] and only_leads(calls, place)
        row = rows[depth] + (not leads)
        begins.append(begun)
        rows.append(row)
        led.append(leads)
        if not leads and row < _MOST_ROWS:
            yield _Bar(
                start=begun,
                seconds=call.seconds,
                row=row,
                name=call.frame.name,
                origin=call.frame.origin,
                waits=call.waits,
                told=call_told(call, tree),
            )


def _draw(ax: Axes, bars: list[_Bar]) -> None:
    taken: defaultdict[str, float] = defaultdict(float)
    for bar in bars:
        taken[bar.origin] += bar.seconds
    named = sorted(taken.keys() - {""}, key=lambda origin: (-taken[origin], origin))
    colours = {"": _TASKS, **dict(zip(named, COLOURS, strict=False))}
    groups: defaultdict[str, list[_Bar]] = defaultdict(list)
    for bar in bars:
        colour = colours.get(bar.origin, OTHER)
        groups[_lighter(colour) if bar.waits else colour].append(bar)
    for colour, ours in groups.items():
        corners = [
            [
                (bar.start, bar.row),
                (bar.start + bar.seconds, bar.row),
                (bar.start + bar.seconds, bar.row + _FULL),
                (bar.start, bar.row + _FULL),
            ]
            for bar in ours
        ]
        drawn = PolyCollection(corners, facecolors=colour, linewidths=0.4)
        drawn.set(edgecolors=ax.get_facecolor())
        if len(bars) <= _MOST_TOLD:
            # Of one alone older matplotlib draws a marker, without its URL.
            drawn.set_urls([f"{TOLD}{bar.told}" for bar in ours] * 2)
        ax.add_collection(drawn)
    room = _WIDTH * (_RIGHT - _LEFT) / _CHARACTER / ax.get_xlim()[1]
    for bar in bars:
        letters = int(bar.seconds * room) - 1
        if letters >= min(len(bar.name), 4):
            name = bar.name if len(bar.name) <= letters else f"{bar.name[: letters - 2]}.."
            words = ax.text(
                bar.start + 0.5 / room, bar.row + _FULL / 2, name, fontsize=7.5, va="center"
            )
            if bar.origin:
                light = bar.waits or colours.get(bar.origin, OTHER) in _LIGHT
                words.set_color("black" if light else "white")
    handles = [Patch(color=colours[each], label=each) for each in named[: len(COLOURS)]]
    if len(named) > len(COLOURS):
        handles.append(Patch(color=OTHER, label="others"))
    if any(bar.waits for bar in bars):
        handles.append(Patch(color=_lighter(OTHER), label="lighter: waiting"))
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=len(handles) or 1,
        frameon=False,
        fontsize=8,
        handlelength=0.8,
        handleheight=0.8,
        borderpad=0.1,
        columnspacing=1.2,
    )


def _lighter(colour: str) -> str:
    """Return the colour of a call that waits."""
    red, green, blue = (_WHITE + (1 - _WHITE) * part for part in to_rgb(colour))
    return to_hex((red, green, blue))
