"""Finds what a cell has made anew with one graph after another."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Generic, TypeVar

from sdprofile.internals.dask import prefix_of
from sdprofile.measure.fused import Block, blocks_of, is_light
from sdprofile.model.steps import Recomputed

Group = TypeVar("Group", bound=Hashable)
"""What stands for a group of tasks of one layer."""

_AS_MUCH = 0.8
"""Fraction of the most time that was lost by which a later layer is named instead: all that it is
made from is kept with it."""


@dataclass
class _Layer(Generic[Group]):
    """What is known of one layer."""

    made: set[Block] = field(default_factory=set)
    """Blocks that were sent to be made."""

    again: set[Block] = field(default_factory=set)
    """Those that were sent once more."""

    times_again: int = 0
    """How many more times, over all of them."""

    groups: dict[Group, list[float]] = field(default_factory=dict)
    """The task groups that made them, and for each graph with which one came, which fraction of
    what it did made a block once more."""

    graphs: list[int] = field(default_factory=list)
    """The graphs that they came with."""


class Recomputations(Generic[Group]):
    """Counts the blocks of each layer that come with several graphs.

    Notes
    -----
    A block that is still held by a future is not asked about: only what is really executed once
    more counts.

    The time of a task is that of all that dask fused into it. It is taken for a block's only where
    nothing else in the task is new, or nothing that takes time beside what the task does anew.
    """

    def __init__(self) -> None:
        self._layers: dict[str, _Layer[Group]] = {}

    def add_graph(self, number: int, groups: Mapping[Group, Mapping[Any, Any]]) -> None:
        """Look at the new task groups of one graph.

        Parameters
        ----------
        number
            How many graphs came before.
        groups
            Of each, by the keys of its tasks, what is executed for them.
        """
        sent: dict[str, set[Block]] = {}
        for group, tasks in groups.items():
            blocks: dict[str, int] = {}
            again: dict[str, int] = {}
            for key, spec in tasks.items():
                parts = list(blocks_of({key: spec}))
                repeated = self._repeated(parts)
                for name, block, _ in parts:
                    blocks[name] = blocks.get(name, 0) + 1
                    again[name] = again.get(name, 0) + ((name, block) in repeated)
                    sent.setdefault(name, set()).add(block)
            for name, count in blocks.items():
                layer = self._layers.setdefault(name, _Layer())
                layer.groups.setdefault(group, []).append(again[name] / count)
        for name, of_graph in sent.items():
            layer = self._layers[name]
            layer.graphs.append(number)
            once_more = of_graph & layer.made
            layer.again |= once_more
            layer.times_again += len(once_more)
            layer.made |= of_graph

    def most(
        self,
        names: Mapping[str, str],
        variables: Mapping[str, str],
        *,
        seconds: Callable[[Group], float],
    ) -> Recomputed | None:
        """Return the layer whose recomputation took the most time; None if nothing was.

        Parameters
        ----------
        names
            What layers are called, in the order in which they were built; others go by their
            prefix.
        variables
            By which names the cell has what layers put out, those built on most others last.
        seconds
            Gives the thread time that the tasks of a group took.
        """
        lost = {
            name: sum(fmean(again) * seconds(group) for group, again in layer.groups.items())
            for name, layer in self._layers.items()
            if layer.again
        }
        most = max(lost.values(), default=0.0)
        if not most:
            return None
        built, used = ({name: n for n, name in enumerate(each)} for each in (names, variables))
        found = max(
            (name for name, amount in lost.items() if amount >= _AS_MUCH * most),
            key=lambda name: (built.get(name, -1), used.get(name, -1)),
        )
        layer = self._layers[found]
        return Recomputed(
            name=names.get(found) or prefix_of(found),
            blocks=len(layer.again),
            made=len(layer.again) + layer.times_again,
            seconds=lost[found],
            variable=variables.get(found, ""),
            graphs=tuple(layer.graphs),
        )

    def _repeated(self, parts: list[tuple[str, Block, Any]]) -> set[tuple[str, Block]]:
        """Return what a task makes once more; empty where its time may be that of something new."""
        made = {
            (name, block)
            for name, block, _ in parts
            if name in self._layers and block in self._layers[name].made
        }
        if not made:
            return made
        new = [spec for name, block, spec in parts if (name, block) not in made]
        old = [spec for name, block, spec in parts if (name, block) in made]
        if new and (not all(map(is_light, new)) or all(map(is_light, old))):
            return set()
        return made
