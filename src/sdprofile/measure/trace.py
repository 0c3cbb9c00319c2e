"""Records the tasks of a run: when they were sent and ran, what they read, how large they are."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from distributed import SchedulerPlugin

from sdprofile.cluster.plugins import find_plugin, start_plugin, stop_plugin
from sdprofile.cluster.questions import Questions
from sdprofile.measure.clock import Clock
from sdprofile.measure.instrument import Instrument
from sdprofile.model.setting import Setting
from sdprofile.model.trace import Fetches, Group, Spells, Trace, since

if TYPE_CHECKING:
    from distributed import Client, Scheduler
    from distributed.scheduler import TaskGroup, TaskState

_NAME = "sdprofile-trace"


_CPU_INTERVAL = 0.005
"""Seconds between two looks at the CPU time of the scheduler's thread."""


class TaskTrace(Instrument[Trace]):
    """What the scheduler saw of each task, by a plugin of it.

    Notes
    -----
    The times at which a task ran are the worker's own, which it converts to the scheduler's clock
    by an offset that may be off by milliseconds. No task is taken to have begun before it was sent
    or to have ended after the scheduler knew of it. A task that had not ended when the run was over
    is known to have been sent only. It costs some 10 us a task, of about 1 ms that dask needs.
    """

    def __init__(self, client: Client, clock: Clock, *, setting: Setting) -> None:
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
        """
        super().__init__(client)
        self._clock = clock
        self._setting = setting

    def begin(self, asked: Questions) -> None:
        """Start to record."""
        asked.scheduler(partial(_start, self._client.id))

    def end(self, asked: Questions) -> None:
        """Stop."""
        self._recorded = asked.scheduler(_stop)

    def read(self) -> Trace:
        """Return what was recorded."""
        return self._recorded.value.trace(self._setting, self._clock)


def recorded_seconds(scheduler: Scheduler) -> dict[TaskGroup, float]:
    """Return the thread time of task groups, in seconds, as far as tasks are recorded just now.

    Notes
    -----
    Dask's own (`distributed.scheduler.TaskGroup.all_durations`) has the first time of a task twice
    where it runs once more before the worker has forgotten it.
    """
    plugin = find_plugin(scheduler, _NAME)
    return plugin.seconds_by_group() if isinstance(plugin, _Recorded) else {}


class _Recorded(SchedulerPlugin):
    """The tasks, an item each, by the scheduler's clock."""

    name = _NAME

    def __init__(self, workers: Iterable[str]) -> None:
        self._index: dict[Any, int] = {}
        self._group_index: dict[Any, int] = {}
        self._worker_index = {address: index for index, address in enumerate(workers)}
        self._tasks: Mapping[Any, Any] = {}
        self._groups: list[Any] = []
        self._arrivals: list[float] = []
        self._priorities: list[Any] = []
        self._group, self._graph = array("i"), array("i")
        self._sent, self._begun, self._ended = array("d"), array("d"), array("d")
        self._reading, self._writing, self._released = array("d"), array("d"), array("d")
        self._nbytes, self._worker = array("q"), array("i")
        self._wanted, self._limited = array("b"), array("b")
        self._first_input, self._inputs = array("q", [0]), array("i")
        self._fetches, self._pauses = Fetches(), Spells()
        self._began = time.time()
        self._cpu_before = self._cpu_after = self._cpu_due = 0.0

    def update_graph(self, scheduler: Scheduler, *, tasks: Iterable[Any], **_: object) -> None:
        """Add the tasks of a graph that has come."""
        if not self._arrivals:
            self._cpu_before = self._cpu_after = time.thread_time()
        self._tasks = scheduler.tasks
        new = [key for key in tasks if self._is_new(key, scheduler.tasks[key])]
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
            self._limited.append(1 if task.resource_restrictions else 0)
            known = (self._index.get(each.key) for each in task.dependencies)
            self._inputs.extend(index for index in known if index is not None)
            self._first_input.append(len(self._inputs))
        for never in (self._sent, self._begun, self._ended, self._released):
            never.extend([math.inf] * len(new))
        for nothing in (self._reading, self._writing):
            nothing.extend([0.0] * len(new))
        self._nbytes.extend([0] * len(new))
        self._worker.extend([0] * len(new))
        self._arrivals.append(time.time())

    def _is_new(self, key: Any, task: TaskState) -> bool:
        """Whether a task is to run: not for a result that is held, nor for one that is under way.

        The same graph may come again before the scheduler knows that its tasks are of no more use.
        """
        if not task.run_spec or task.state == "memory":
            return False
        index = self._index.get(key)
        return index is None or (task.state == "released" and self._ended[index] < math.inf)

    def transition(self, key: Any, start: str, finish: str, *_: object, **details: Any) -> None:
        """Note when a task is sent, when it ends, and when its result is dropped."""
        if finish == "waiting" or (index := self._index.get(key)) is None:
            return
        if finish == "processing":
            self._sent[index] = time.time()
            if (worker := self._tasks[key].processing_on) is not None:
                self._worker[index] = self._known(worker.address)
        elif start == "processing" and finish in ("memory", "erred"):
            if parts := details.get("startstops"):
                self._note(index, parts, details)
        elif start == "memory":
            self._released[index] = time.time()
        gives_up = finish == "erred" and self._ended[index] == math.inf  # not by its own doing
        if (finish == "forgotten" or gives_up) and self._released[index] == math.inf:
            self._released[index] = time.time()
        if finish == "forgotten":
            del self._index[key]

    def _note(self, index: int, parts: list[dict[str, Any]], details: dict[str, Any]) -> None:
        """Note what a worker did for a task: most often it computed it, and no more."""
        computed = parts[0]
        if computed["action"] != "compute" or len(parts) > 1:
            found = [part for part in parts if part["action"] == "compute"]
            if not found:
                return
            computed = found[-1]
            if len(found) > 1:  # it ran once more before the worker had forgotten it
                parts = parts[parts.index(found[-2]) + 1 :]
        begun, ended, now = computed["start"], computed["stop"], time.time()
        ahead = 0.0
        if ended > now:
            ahead = ended - now
        elif begun < self._sent[index]:
            ahead = begun - self._sent[index]
        self._begun[index], self._ended[index] = begun - ahead, ended - ahead
        self._nbytes[index] = details.get("nbytes") or 0
        if "worker" in details:
            self._worker[index] = self._known(details["worker"])
        if len(parts) > 1:
            self._note_others(index, parts, ahead)
        if now > self._cpu_due:  # a call of the system, not for each task
            self._cpu_after, self._cpu_due = time.thread_time(), now + _CPU_INTERVAL

    def _note_others(self, index: int, parts: list[dict[str, Any]], ahead: float) -> None:
        for part in parts:
            seconds = part["stop"] - part["start"]
            if part["action"] == "disk-read":
                self._reading[index] += seconds
            elif part["action"] == "disk-write":
                self._writing[index] += seconds
            elif part["action"] == "transfer":
                self._fetches.task.append(index)
                self._fetches.worker.append(self._worker[index])
                self._fetches.begun.append(part["start"] - ahead)
                self._fetches.ended.append(part["stop"] - ahead)

    def seconds_by_group(self) -> dict[TaskGroup, float]:
        """Return the thread time of the tasks that have ended, in seconds, until it is stopped."""
        sums = [0.0] * len(self._groups)
        for group, begun, ended in zip(self._group, self._begun, self._ended, strict=True):
            sums[group] += ended - begun if ended < math.inf else 0.0
        return dict(zip(self._groups, sums, strict=True))

    def _known(self, address: str) -> int:
        return self._worker_index.setdefault(address, len(self._worker_index))

    def stop(self, scheduler: Scheduler) -> None:
        """Forget the scheduler's own objects, and bring the priorities into an order."""
        for place, group in enumerate(self._groups):
            before = group.dependencies
            self._groups[place] = Group(
                prefix=group.prefix.name,
                tasks=len(group),
                groups_before=len(before),
                tasks_before=sum(map(len, before)),
            )
        self._note_pauses(scheduler)
        self._index.clear()
        self._group_index.clear()
        self._tasks = {}
        ranks = array("i", bytes(4 * len(self._priorities)))
        by_priority = sorted(range(len(ranks)), key=self._priorities.__getitem__)
        for rank, index in enumerate(by_priority):
            ranks[index] = rank
        self._priorities = []
        self._order = ranks

    def _note_pauses(self, scheduler: Scheduler) -> None:
        for address, index in self._worker_index.items():
            paused = False
            for at, event in scheduler.get_events(address):
                if event.get("action") != "worker-status-change" or at < self._began:
                    continue
                if paused:
                    self._pauses.ended.append(at)
                paused = event["status"] == "paused"
                if paused:
                    self._pauses.worker.append(index)
                    self._pauses.begun.append(at)
            if paused:
                self._pauses.ended.append(math.inf)

    def trace(self, setting: Setting, clock: Clock) -> Trace:
        """Return what was recorded, by the clock of the cell."""
        ours = partial(since, began=clock.began_there)
        fetches, pauses = self._fetches, self._pauses
        return Trace(
            workers=setting.workers,
            threads=setting.threads,
            seconds=clock.seconds,
            scheduler_seconds=self._cpu_after - self._cpu_before,
            arrivals=tuple(ours(self._arrivals)),
            groups=tuple(self._groups),
            group=self._group,
            graph=self._graph,
            order=self._order,
            sent=ours(self._sent),
            begun=ours(self._begun),
            ended=ours(self._ended),
            reading=since(self._reading),
            writing=since(self._writing),
            nbytes=self._nbytes,
            worker=self._worker,
            wanted=self._wanted,
            limited=self._limited,
            released=ours(self._released),
            first_input=self._first_input,
            inputs=self._inputs,
            addresses=tuple(self._worker_index),
            fetches=Fetches(
                task=fetches.task,
                worker=fetches.worker,
                begun=ours(fetches.begun),
                ended=ours(fetches.ended),
            ),
            pauses=Spells(worker=pauses.worker, begun=ours(pauses.begun), ended=ours(pauses.ended)),
        )


def _start(client: str, dask_scheduler: Scheduler) -> None:
    start_plugin(dask_scheduler, _Recorded(dask_scheduler.workers), name=_NAME, client=client)


def _stop(dask_scheduler: Scheduler) -> _Recorded:
    recorded = cast("_Recorded", stop_plugin(dask_scheduler, _NAME))
    recorded.stop(dask_scheduler)
    return recorded
