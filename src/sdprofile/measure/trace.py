"""Records the tasks of a run for a replay: when they ran, what they read, how large they are."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from distributed import SchedulerPlugin

from sdprofile.cluster.plugins import start_plugin, stop_plugin
from sdprofile.measure.clock import Clock
from sdprofile.measure.instrument import Instrument
from sdprofile.model.setting import Setting
from sdprofile.model.trace import Group, Trace

if TYPE_CHECKING:
    from distributed import Client, Scheduler

_NAME = "sdprofile-trace"


class TaskTrace(Instrument[Trace | None]):
    """What the scheduler saw of each task, by a plugin of it; None if it was not to record."""

    def __init__(self, client: Client, clock: Clock, *, setting: Setting, active: bool) -> None:
        """Prepare.

        Parameters
        ----------
        client
            Of the cluster.
        clock
            Tells when the cell began by the scheduler's clock, to which workers convert their own
            times.
        setting
            What the run is made with.
        active
            Whether to record at all.
        """
        super().__init__(client)
        self._clock = clock
        self._setting = setting
        self._active = active

    def begin(self) -> None:
        """Start to record."""
        if self._active:
            self._client.run_on_scheduler(_start)

    def end(self) -> Trace | None:
        """Stop, and get what was recorded."""
        if not self._active:
            return None
        recorded: _Recorded = self._client.run_on_scheduler(_stop)
        return recorded.trace(self._setting, self._clock)


class _Recorded(SchedulerPlugin):
    """The tasks, an item each, by the scheduler's clock."""

    name = _NAME

    def __init__(self) -> None:
        self._index: dict[Any, int] = {}
        self._group_index: dict[Any, int] = {}
        self._worker_index: dict[str, int] = {}
        self._groups: list[Any] = []
        self._arrivals: list[float] = []
        self._priorities: list[Any] = []
        self._group, self._graph = array("i"), array("i")
        self._begun, self._ended, self._released = array("d"), array("d"), array("d")
        self._nbytes, self._worker, self._wanted = array("q"), array("i"), array("b")
        self._first_input, self._inputs = array("q", [0]), array("i")
        self._cpu_before = self._cpu_after = 0.0

    def update_graph(self, scheduler: Scheduler, *, tasks: Iterable[Any], **_: object) -> None:
        """Add the tasks of a graph that has come."""
        if not self._arrivals:
            self._cpu_before = self._cpu_after = time.thread_time()
        new = [key for key in tasks if key not in self._index and scheduler.tasks[key].run_spec]
        size = len(self._group)
        self._index.update((key, size + place) for place, key in enumerate(new))
        for key in new:
            task = scheduler.tasks[key]
            group = self._group_index.get(task.group)
            if group is None:
                group = self._group_index[task.group] = len(self._groups)
                self._groups.append(task.group)
            self._group.append(group)
            self._graph.append(len(self._arrivals))
            self._priorities.append(task.priority)
            self._wanted.append(1 if task.who_wants else 0)
            known = (self._index.get(each.key) for each in task.dependencies)
            self._inputs.extend(index for index in known if index is not None)
            self._first_input.append(len(self._inputs))
        nothing = [math.nan] * len(new)
        self._begun.extend(nothing)
        self._ended.extend(nothing)
        self._released.extend([math.inf] * len(new))
        self._nbytes.extend([0] * len(new))
        self._worker.extend([0] * len(new))
        self._arrivals.append(time.time())

    def transition(self, key: Any, start: str, finish: str, *_: object, **details: Any) -> None:
        """Note the end of a task, and of its result."""
        if start == "processing" and finish == "memory":
            index = self._index.get(key)
            parts = details.get("startstops") or ()
            computed = [part for part in parts if part["action"] == "compute"]
            if index is not None and computed:
                self._begun[index] = computed[0]["start"]
                self._ended[index] = computed[-1]["stop"]
                self._nbytes[index] = details.get("nbytes") or 0
                address = details.get("worker") or ""
                self._worker[index] = self._worker_index.setdefault(
                    address, len(self._worker_index)
                )
                self._cpu_after = time.thread_time()
        elif start == "memory":
            index = self._index.get(key)
            if index is not None:
                self._released[index] = time.time()
        if finish == "forgotten":
            self._index.pop(key, None)

    def stop(self) -> None:
        """Forget the scheduler's own objects, and bring the priorities into an order."""
        for place, group in enumerate(self._groups):
            before = group.dependencies
            self._groups[place] = Group(
                prefix=group.prefix.name,
                tasks=len(group),
                groups_before=len(before),
                tasks_before=sum(map(len, before)),
            )
        self._index.clear()
        self._group_index.clear()
        ranks = array("i", bytes(4 * len(self._priorities)))
        by_priority = sorted(range(len(ranks)), key=self._priorities.__getitem__)
        for rank, index in enumerate(by_priority):
            ranks[index] = rank
        self._priorities = []
        self._order = ranks

    def trace(self, setting: Setting, clock: Clock) -> Trace:
        """Return what was recorded, by the clock of the cell."""
        began = clock.began_there
        return Trace(
            workers=setting.workers,
            threads=setting.threads,
            seconds=clock.seconds,
            scheduler_seconds=self._cpu_after - self._cpu_before,
            arrivals=tuple(each - began for each in self._arrivals),
            groups=tuple(self._groups),
            group=self._group,
            graph=self._graph,
            order=self._order,
            begun=array("d", (each - began for each in self._begun)),
            ended=array("d", (each - began for each in self._ended)),
            nbytes=self._nbytes,
            worker=self._worker,
            wanted=self._wanted,
            released=array("d", (each - began for each in self._released)),
            first_input=self._first_input,
            inputs=self._inputs,
        )


def _start(dask_scheduler: Scheduler) -> None:
    start_plugin(dask_scheduler, _Recorded(), name=_NAME)


def _stop(dask_scheduler: Scheduler) -> _Recorded:
    recorded = cast("_Recorded", stop_plugin(dask_scheduler, _NAME))
    recorded.stop()
    return recorded
