"""The tasks of a run over time: a bar for each, in the row of its thread."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch

from sdprofile.model.setting import count_name
from sdprofile.model.trace import KERNEL
from sdprofile.render.palette import COLOURS, OTHER, TOLD
from sdprofile.units import format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sdprofile.model.trace import Trace

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

_STRETCHES = 60
"""Parts of the time for each of which it is told what ran most."""

_LONGEST = 30
"""Characters of a name in the legend, at most."""

_COLUMNS, _CHARACTERS = 4, 100
"""Names side by side in the legend, at most, and characters for which it has room."""

Bar = tuple[float, float]
"""When it begins and ends, in seconds since the cell started."""


@dataclass(frozen=True, kw_only=True)
class Bars:
    """The tasks of a run that are seen in a stretch of time."""

    trace: Trace
    """All tasks."""

    places: Sequence[str]
    """For each group of tasks the step or the prefix that it is of."""

    between: Bar
    """The stretch, in seconds since the cell started."""

    @cached_property
    def _lanes(self) -> tuple[int, list[int]]:
        return _lanes(self.trace)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self._lanes[0]

    @cached_property
    def by_place(self) -> dict[tuple[str, int], list[Bar]]:
        """The bars by place and row."""
        trace, lane_of = self.trace, self._lanes[1]
        first, last = self.between
        bars: defaultdict[tuple[str, int], list[Bar]] = defaultdict(list)
        for task, begun in enumerate(trace.begun):
            # One that a kill ended has no end of its own, one that never began has no bar.
            ended = min(trace.ended[task], trace.seconds)
            if begun < ended and first < ended and begun < last:
                bars[self.places[trace.group[task]], lane_of[task]].append((begun, ended))
        return bars

    @cached_property
    def colours(self) -> dict[str, str]:
        """The colour of each place that has one of its own, that which took most first."""
        taken: defaultdict[str, float] = defaultdict(float)
        for (place, _), bars in self.by_place.items():
            taken[place] += sum(ended - begun for begun, ended in bars)
        return dict(zip(sorted(taken, key=lambda place: -taken[place]), COLOURS, strict=False))

    @property
    def has_others(self) -> bool:
        """Whether there are places without a colour of their own."""
        return len({place for place, _ in self.by_place}) > len(self.colours)

    @property
    def legend_columns(self) -> int:
        """How many names the legend has side by side."""
        longest = max((len(_cut(place)) for place in self.colours), default=0)
        return max(1, min(_COLUMNS, _CHARACTERS // (longest + 3)))

    @property
    def legend_rows(self) -> int:
        """How many rows the legend has."""
        return math.ceil((len(self.colours) + self.has_others) / self.legend_columns)

    def colour(self, place: str) -> str:
        """Return the colour of a place."""
        return self.colours.get(place, OTHER)

    def stretches(self) -> Iterator[tuple[Bar, str]]:
        """Yield stretches of time, each with the colour of the place that ran most in it."""
        first, last = self.between
        edges = np.linspace(first, last, _STRETCHES + 1)
        seconds: Mapping[str, np.ndarray] = defaultdict(lambda: np.zeros(_STRETCHES))
        for (place, _), bars in self.by_place.items():
            begun, ended = np.array(bars).T
            # Seconds until each edge of all bars together; a bar counts as far as it has come.
            until = [np.clip(edge - begun, 0, ended - begun).sum() for edge in edges]
            seconds[self.colour(place)] += np.diff(until)
        if not seconds:
            return
        colours, table = list(seconds), np.array(list(seconds.values()))
        most = [
            colours[index] if busy else ""
            for index, busy in zip(table.argmax(axis=0), table.sum(axis=0), strict=True)
        ]
        for colour, group in groupby(range(_STRETCHES), key=most.__getitem__):
            places = list(group)
            if colour:
                yield (float(edges[places[0]]), float(edges[places[-1] + 1])), colour


def draw_tasks(ax: Axes, tasks: Bars, told_at: Callable[[float], str]) -> None:
    """Draw the tasks, each in the colour of its place, and a legend of the places.

    Parameters
    ----------
    ax
        Where to draw.
    tasks
        What to draw.
    told_at
        Returns what is told, where the pointer rests on a task, of the instant of its end.
    """
    rows, workers = tasks.rows, tasks.trace.workers
    gap = ((tasks.between[1] - tasks.between[0]) or 1.0) / _PIXELS
    merged = {key: _merged(each, gap) for key, each in tasks.by_place.items()}
    while sum(map(len, merged.values())) > _MOST_BARS:
        gap *= 1.5
        merged = {key: _merged(each, gap) for key, each in merged.items()}
    by_colour: defaultdict[str, list[list[Bar]]] = defaultdict(list)
    words: defaultdict[str, list[str]] = defaultdict(list)
    for (place, row), each in merged.items():
        colour = tasks.colour(place)
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
            # Of one alone older matplotlib draws a marker, without its URL.
            drawn.set_urls(words[colour] * 2)
        ax.add_collection(drawn)
    ax.set_ylim(rows, -0.1)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelbottom=False)
    height = rows // workers or 1
    if workers <= _NAMED_ROWS:
        middle = [worker * height + height / 2 - 0.09 for worker in range(workers)]
        names = [f"worker {worker}" for worker in range(workers)]
        ax.set_yticks(middle, [KERNEL] if tasks.trace.addresses == (KERNEL,) else names)
    else:
        ax.set_yticks([])
        ax.set_ylabel(count_name(workers))
    _draw_legend(ax, tasks)


def _draw_legend(ax: Axes, tasks: Bars) -> None:
    handles = [Patch(color=colour, label=_cut(place)) for place, colour in tasks.colours.items()]
    if tasks.has_others:
        handles.append(Patch(color=OTHER, label="others"))
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=tasks.legend_columns,
        frameon=False,
        fontsize=8,
        handlelength=0.8,
        handleheight=0.8,
        borderpad=0.1,
        columnspacing=1.2,
    )


def _cut(place: str) -> str:
    return place if len(place) <= _LONGEST else f"{place[: _LONGEST - 3]}..."


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


def _merged(bars: list[Bar], gap: float) -> list[Bar]:
    """Return bars of which those are one that are closer than can be told apart."""
    found: list[Bar] = []
    for begun, ended in sorted(bars):
        if found and begun - found[-1][1] < gap and (ended - begun < gap or begun < found[-1][1]):
            found[-1] = (found[-1][0], max(found[-1][1], ended))
        else:
            found.append((begun, ended))
    return found
