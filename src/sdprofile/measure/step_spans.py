"""On the scheduler: gives the tasks of a step its span, and tells which steps dask fused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from distributed import SchedulerPlugin

from sdprofile.internals.dask import prefix_of
from sdprofile.internals.distributed.scheduler import (
    forget_annotation,
    put_into_span,
    span_of,
)
from sdprofile.measure.fused import made_of
from sdprofile.measure.recomputed import Recomputations
from sdprofile.model.steps import Recomputed

if TYPE_CHECKING:
    from distributed import Scheduler
    from distributed.scheduler import TaskGroup, TaskState

ANNOTATION = "sdprofile-steps"
"""Name of the annotation by which a graph tells its steps."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A span and those around it, the outermost first; none for what dask has in a default one."""

    names: tuple[str, ...] = ()
    """What they are called."""

    ids: tuple[str, ...] = ()
    """By what dask tells them apart."""

    def inside(self, step: str, *, run: str = "") -> Place:
        """Return the place of a step within this one; where it is in no other, that of a run."""
        around = self.ids[-1] if self.ids else run
        return Place(names=(*self.names, step), ids=(*self.ids, f"{around}/{step}"))


def is_step(names: Sequence[str], span: str) -> bool:
    """Whether the span of an id and with names is that of a step."""
    return span.endswith(f"/{names[-1]}")


@dataclass(frozen=True, kw_only=True)
class StepsOfGraph:
    """What the kernel knows about a graph that it sends."""

    place: Place | None
    """The step that sends it; None if none does."""

    layers: dict[str, Place] = field(default_factory=dict)
    """The steps by whose functions its layers were built; those of earlier graphs are known."""


class StepPlaces:
    """Tells of groups of tasks to which step they belong, and which steps were fused with it."""

    def __init__(self) -> None:
        self.built: dict[str, Place] = {}
        """The steps by whose functions layers were built."""
        self.fused: dict[tuple[str, ...], set[str]] = {}
        """By the names of a place: what dask fused into its tasks."""
        self.sent: set[str] = set()
        """All layers whose tasks were sent, as far as they are told from each other."""

    @property
    def steps(self) -> dict[str, str]:
        """By the layers that they built, the names of steps, in the order in which they came."""
        return {layer: place.names[-1] for layer, place in self.built.items()}

    def place(self, tasks: Mapping[Any, Any], *, around: Place, sender: Place | None) -> Place:
        """Return the place of a group: the step that built what it puts out, else its sender.

        Parameters
        ----------
        tasks
            By their keys what is executed for each.
        around
            The span of the user's that is open around it, if there is one.
        sender
            The step that sends it; None if none does.
        """
        out, layers = made_of(tasks)
        self.sent |= layers
        builder = self.built.get(out)
        owner = builder or sender
        place = around
        if owner is not None:
            # Whatever is in a span of the user's stays there.
            place = around.inside(owner.names[-1]) if around.names else owner
        fused = set(self._fused_into(builder, layers - {out})) - set(place.names[-1:])
        if fused:
            self.fused.setdefault(place.names, set()).update(fused)
        return place

    def _fused_into(self, builder: Place | None, layers: Iterable[str]) -> Iterator[str]:
        """Yield the steps of other layers; of those without a step their prefix."""
        for layer in layers:
            owner = self.built.get(layer)
            if owner is not None:
                yield owner.names[-1]
            elif builder is not None:  # else they are the cell's own, or the sender's
                yield prefix_of(layer)


class StepSpans(SchedulerPlugin):
    """Puts each task group into the span of its step, before its tasks are run.

    Notes
    -----
    A span that is put on while a graph is built keeps dask from fusing tasks, and so changes what
    is measured. So the graph stays as it is: what dask has made of it is looked at here, where each
    fused task still holds the keys that it was made of. Spans of the user's own stay around it.
    """

    name = "sdprofile-steps"

    def __init__(self) -> None:
        self.places = StepPlaces()
        """Where the tasks belong that have come."""
        self._seen: set[TaskGroup] = set()
        self._graphs = 0
        self._recomputed: Recomputations[TaskGroup] = Recomputations()

    def recomputed(
        self, variables: Mapping[str, str], *, seconds: Mapping[TaskGroup, float]
    ) -> Recomputed | None:
        """Return what was made anew with one graph after another, and took the most time by it.

        Parameters
        ----------
        variables
            By which names the cell has what layers put out.
        seconds
            The thread time that task groups took.
        """
        return self._recomputed.most(
            self.places.steps, variables, seconds=lambda group: seconds.get(group, 0.0)
        )

    def update_graph(
        self, scheduler: Scheduler, *, tasks: Iterable[Any], annotations: Any, **_: object
    ) -> None:
        """Look at a graph that has come, whose tasks are not yet under way."""
        told = annotations.pop(ANNOTATION, {})
        known = next(iter(told.values()), StepsOfGraph(place=None))
        self.places.built.update(known.layers)
        by_group: dict[TaskGroup, list[TaskState]] = {}
        for key in tasks:
            task = scheduler.tasks[key]
            if task.annotations:
                task.annotations.pop(ANNOTATION, None)  # no worker needs it
            # Others of a group may be there, or under way.
            if task.state == "released" and task.run_spec:
                by_group.setdefault(task.group, []).append(task)
        forget_annotation(scheduler, ANNOTATION)
        specs = {
            group: {task.key: task.run_spec for task in members}
            for group, members in by_group.items()
        }
        for group, members in by_group.items():
            if group not in self._seen:
                self._place(scheduler, group, members, specs[group], known.place)
        self._seen.update(by_group)
        self._recomputed.add_graph(self._graphs, specs)
        self._graphs += 1

    def _place(
        self,
        scheduler: Scheduler,
        group: TaskGroup,
        tasks: list[TaskState],
        specs: Mapping[Any, Any],
        sender: Place | None,
    ) -> None:
        span = span_of(scheduler, group)
        around: Any = span.annotation if span else None
        now = Place(names=around["name"], ids=around["ids"]) if around else Place()
        place = self.places.place(specs, around=now, sender=sender)
        if place is not now:
            put_into_span(scheduler, group, tasks, place.names, place.ids)
