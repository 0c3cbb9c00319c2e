"""Makes steps of the calls that a cell makes to a library's functions."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.plugins import start_plugin, stop_plugin
from sdprofile.cluster.questions import Questions
from sdprofile.internals.dask import layers_of
from sdprofile.internals.distributed.client import scheduler_address, sending
from sdprofile.interrupts import thread_of_work
from sdprofile.measure.fused import layer_of
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.interception import line_of_cell, stood_in
from sdprofile.measure.peak import OwnMark
from sdprofile.measure.recomputed import Recomputations
from sdprofile.measure.spans import shown_path
from sdprofile.measure.step_spans import (
    ANNOTATION,
    Place,
    StepPlaces,
    StepsOfGraph,
    StepSpans,
)
from sdprofile.measure.trace import recorded_seconds
from sdprofile.model.steps import Recomputed, StepCall, Steps
from sdprofile.spatial.lazy import lazy_parts

if TYPE_CHECKING:
    from distributed import Client, Scheduler

    from sdprofile.spatial.scope import Scope


OfGraph = tuple[int, str]
"""A graph that runs in the kernel, by its number, and a layer of it."""


class StepWatcher(Instrument[Steps]):
    """Notes each call of some functions: its wall time, the tasks it sent, the layers it built.

    Notes
    -----
    Only calls by the cell and by what it calls are steps, not those that such a function makes
    itself. A function that computes sends its tasks while it runs; one that is lazy builds layers
    of a graph, by whose names the scheduler knows the tasks again (see `StepSpans`). Without any
    function it looks for what is made several times.
    """

    layers: set[str] | None = None
    """The layers whose tasks were sent; None where nothing was watched. They are known to this
    process alone, which tells by them what elements were worked on."""

    def __init__(
        self,
        client: Client | None,
        functions: Mapping[FunctionType, str] | None,
        *,
        scope: Scope | None = None,
    ) -> None:
        """Prepare.

        Parameters
        ----------
        client
            Of the workers; None without a cluster, where `spans_of` is told of each graph.
        functions
            Whose calls are steps, with names; None to look at nothing.
        scope
            The names that the cell uses; None where they are not known.
        """
        super().__init__(client)
        self._has_workers = client is not None
        self._functions = functions
        self._scope = scope
        self._stack = contextlib.ExitStack()
        self._thread, self._lock = thread_of_work(), threading.Lock()
        self._run = str(uuid.uuid4())
        self._inside: Place | None = None
        self._took: dict[tuple[str, ...], list[float]] = {}
        self._rises: dict[tuple[str, ...], int] = {}
        self._mark: OwnMark | None = None
        self._layers: dict[str, Place] = {}
        self._sent: set[str] = set()
        self._places = StepPlaces()
        self._recomputed: Recomputations[OfGraph] = Recomputations()

    def begin(self, asked: Questions) -> None:
        """Stand in for the functions, and watch what the client sends."""
        if self._functions is None:
            return
        with contextlib.suppress(OSError):
            self._mark = self._stack.enter_context(contextlib.closing(OwnMark()))
        if self._has_workers:
            asked.scheduler(partial(_watch, self._client.id))
        if not self._functions:
            return
        if self._has_workers:
            self._stack.enter_context(self._told_with_each_graph())
        functions = [(each, partial(self._call, name)) for each, name in self._functions.items()]
        self._stack.enter_context(stood_in(functions))

    def end(self, asked: Questions) -> None:
        """Leave functions and client as they were."""
        self.abandon()
        if self._functions is not None and self._has_workers:
            stop = partial(_stop_watching, variables=_variables(self._scope))
            self._seen = asked.scheduler(stop)

    def read(self) -> Steps:
        """Return what the scheduler saw."""
        if self._functions is None:
            return Steps()
        fused, self.layers, recomputed = self._places.fused, self._places.sent, None
        if self._has_workers:
            fused, self.layers, recomputed = self._seen.value
        calls = tuple(
            StepCall(
                span=shown_path(names),
                calls=len(self._took.get(names, ())),
                seconds=sum(self._took.get(names, ())),
                kernel_rise=self._rises.get(names, 0),
                fused=tuple(sorted(fused.get(names, ()))),
            )
            for names in {**self._took, **fused}
        )
        return Steps(calls=calls, recomputed=recomputed)

    def abandon(self) -> None:
        """Leave functions and client as they were."""
        self._stack.close()

    def spans_of(self, number: int, graph: Mapping[Any, Any]) -> dict[str, str]:
        """Return the spans of a graph that dask is about to run here, by its layers.

        Parameters
        ----------
        number
            What tells it from others.
        graph
            By keys what is executed for each, as dask has optimised it. Call it in the thread that
            asked for the results.
        """
        if self._functions is None:
            return {}
        layers: dict[str, dict[Any, Any]] = {}
        for key, spec in graph.items():
            layers.setdefault(layer_of(key), {})[key] = spec
        inside = self._inside if threading.get_ident() == self._thread else None
        around = _place()
        with self._lock:
            self._places.built.update(self._layers)
            places = {
                layer: self._places.place(tasks, around=around, sender=inside)
                for layer, tasks in layers.items()
            }
            groups = {(number, layer): each for layer, each in layers.items()}
            self._recomputed.add_graph(number, groups)
        return {layer: shown_path(place.names) for layer, place in places.items()}

    def recomputed(self, seconds: Callable[[OfGraph], float]) -> Recomputed | None:
        """Return what was made anew in the kernel with one graph after another.

        Parameters
        ----------
        seconds
            Gives the thread time that the tasks of a layer took in a graph.
        """
        return self._recomputed.most(self._places.steps, _variables(self._scope), seconds=seconds)

    def _call(
        self, name: str, original: FunctionType, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        __tracebackhide__ = True
        if self._inside is not None or threading.get_ident() != self._thread:
            return original(*args, **kwargs)
        if name.startswith("."):
            name = f"{args[0].__name__}{name}"
        place = _place().inside(f"{name} (line {line_of_cell()})", run=self._run)
        given = _layers((args, kwargs))
        self._inside = place
        start, before = time.perf_counter(), self._memory()
        try:
            value = original(*args, **kwargs)
        finally:
            self._took.setdefault(place.names, []).append(time.perf_counter() - start)
            self._inside = None
            if (highest := self._memory()[0]) > before[0]:
                rise = highest - before[1]
                self._rises[place.names] = max(rise, self._rises.get(place.names, 0))
        for layer in _layers(value) - given:
            self._layers.setdefault(layer, place)
        return value

    def _memory(self) -> tuple[int, int]:
        """Return the kernel's memory, at most since the run began, and now."""
        return self._mark.read() if self._mark is not None else (0, 0)

    @contextlib.contextmanager
    def _told_with_each_graph(self) -> Iterator[None]:
        """Tell the scheduler with each graph that is sent what is known of its layers."""
        import dask.base

        annotate: Any = dask.base.annotate
        address = scheduler_address(self._client)

        def tell_and_send(send: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
            # The cell may have several clients of the cluster, and of others.
            if scheduler_address(args[0]) != address:
                return send(*args, **kwargs)
            # In the order in which they were built.
            new = {name: each for name, each in self._layers.items() if name not in self._sent}
            self._sent.update(new)
            inside = self._inside if threading.get_ident() == self._thread else None
            with annotate(**{ANNOTATION: StepsOfGraph(place=inside, layers=new)}):
                return send(*args, **kwargs)

        with sending(tell_and_send):
            yield


def _place() -> Place:
    """Return the place of the span of the user's that is open here."""
    from dask.base import get_annotations

    span: Any = get_annotations().get("span")
    return Place(names=tuple(span["name"]), ids=tuple(span["ids"])) if span else Place()


def _layers(value: object) -> set[str]:
    """Return the names of all layers of the graphs in a value, without making the graphs."""
    return {name for part in lazy_parts(value) for name in layers_of(part)}


def _variables(scope: Scope | None) -> dict[str, str]:
    """Return for layers by which name the cell has what they put out, those built on most last."""
    found: dict[str, tuple[int, str]] = {}
    for name, value in scope.values().items() if scope is not None else ():
        with contextlib.suppress(Exception):  # of a collection that is broken
            for part in lazy_parts(value):
                below = len(set(layers_of(part)))
                found |= dict.fromkeys(part.__dask_layers__(), (below, name))
    return {layer: name for layer, (_, name) in sorted(found.items(), key=lambda each: each[1])}


def _watch(client: str, dask_scheduler: Scheduler) -> None:
    start_plugin(dask_scheduler, StepSpans(), name=StepSpans.name, client=client)


def _stop_watching(
    dask_scheduler: Scheduler, variables: Mapping[str, str]
) -> tuple[dict[tuple[str, ...], set[str]], set[str], Recomputed | None]:
    """Return what was fused, the layers that were sent, and what was recomputed."""
    plugin = stop_plugin(dask_scheduler, StepSpans.name)
    if not isinstance(plugin, StepSpans):
        return {}, set(), None
    recomputed = plugin.recomputed(variables, seconds=recorded_seconds(dask_scheduler))
    return plugin.places.fused, plugin.places.sent, recomputed
