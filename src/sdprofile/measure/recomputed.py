"""On the scheduler: finds what a cell has made anew with one graph after another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sdprofile.internals.dask import prefix_of
from sdprofile.measure.fused import Block, blocks_of
from sdprofile.model.steps import Recomputed

if TYPE_CHECKING:
    from distributed.scheduler import TaskGroup, TaskState

_AS_MUCH = 0.8
"""Fraction of the most time that was lost by which a later layer is named instead: all that it is
made from is kept with it."""


@dataclass
class _Layer:
    """What is known of one layer."""

    made: set[Block] = field(default_factory=set)
    """Blocks that were sent to be made."""

    again: set[Block] = field(default_factory=set)
    """Those that were sent once more."""

    times_again: int = 0
    """How many more times, over all of them."""

    groups: list[tuple[TaskGroup, float]] = field(default_factory=list)
    """The task groups that made them, and which fraction of their tasks made one once more."""


class Recomputations:
    """Counts the blocks of each layer that come with several graphs.

    Notes
    -----
    A block that is still held by a future comes with a task group that is known, and is not asked
    about: only what is really executed once more counts.
    """

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}

    def add_graph(self, groups: Mapping[TaskGroup, Iterable[TaskState]]) -> None:
        """Look at the new task groups of one graph, with their tasks."""
        sent: dict[str, set[Block]] = {}
        for group, tasks in groups.items():
            blocks: dict[str, list[Block]] = {}
            for task in tasks:
                for name, block in blocks_of(task):
                    blocks.setdefault(name, []).append(block)
            for name, of_group in blocks.items():
                layer = self._layers.setdefault(name, _Layer())
                again = sum(block in layer.made for block in of_group) / len(of_group)
                layer.groups.append((group, again))
                sent.setdefault(name, set()).update(of_group)
        for name, of_graph in sent.items():
            layer = self._layers[name]
            once_more = of_graph & layer.made
            layer.again |= once_more
            layer.times_again += len(once_more)
            layer.made |= of_graph

    def most(self, names: Mapping[str, str], variables: Mapping[str, str]) -> Recomputed | None:
        """Return the layer whose recomputation took the most time; None if nothing was.

        Parameters
        ----------
        names
            What layers are called, in the order in which they were built; others go by their
            prefix.
        variables
            By which names the cell has what layers put out, those built on most others last.
        """
        lost = {name: _lost(layer) for name, layer in self._layers.items() if layer.again}
        most = max(lost.values(), default=0.0)
        if not most:
            return None
        built, used = ({name: n for n, name in enumerate(each)} for each in (names, variables))
        found = max(
            (name for name, seconds in lost.items() if seconds >= _AS_MUCH * most),
            key=lambda name: (built.get(name, -1), used.get(name, -1)),
        )
        layer = self._layers[found]
        return Recomputed(
            name=names.get(found) or prefix_of(found),
            blocks=len(layer.again),
            made=len(layer.again) + layer.times_again,
            seconds=lost[found],
            variable=variables.get(found, ""),
        )


def _lost(layer: _Layer) -> float:
    return sum(again * group.all_durations.get("compute", 0.0) for group, again in layer.groups)
