"""Throttles tasks, so that those that run side by side on a worker fit into its memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from distributed import SchedulerPlugin

from sdprofile.cluster.plugins import start_plugin, stop_plugin
from sdprofile.cluster.questions import Questions
from sdprofile.cluster.resources import RESOURCE, give_memory
from sdprofile.measure.fused import prefixes_of
from sdprofile.measure.instrument import Instrument
from sdprofile.model.tasks import Throttled

if TYPE_CHECKING:
    from distributed import Client, Scheduler

_NAME = "sdprofile-throttle"


class TaskThrottle(Instrument[tuple[Throttled, ...]]):
    """Gives the workers a resource for a run, and the tasks of some prefixes a need of it.

    Notes
    -----
    That is dask's own way (https://distributed.dask.org/en/stable/resources.html), but for the
    cell, which is not changed. Whether a task has a prefix is asked of what dask has made of the
    graph, where a fused task still holds the keys that it was made of.
    """

    def __init__(self, client: Client, needs: Mapping[str, int]) -> None:
        """Remember how many bytes the tasks of each prefix need."""
        super().__init__(client)
        self._needs = dict(needs)

    def begin(self, asked: Questions) -> None:
        """Give workers and tasks their numbers; workers that have the resource already keep it."""
        if self._needs and give_memory(self._client):
            asked.scheduler(partial(_start, self._needs, self._client.id))

    def end(self, asked: Questions) -> None:
        """Throttle no more tasks."""
        if self._needs:
            self._counts = asked.scheduler(_stop)

    def read(self) -> tuple[Throttled, ...]:
        """Return how many were throttled."""
        if not self._needs:
            return ()
        counts = self._counts.value
        return tuple(
            Throttled(prefix=prefix, nbytes=nbytes, tasks=counts.get(prefix, 0))
            for prefix, nbytes in self._needs.items()
        )


class _Needs(SchedulerPlugin):
    """Tells each new task of some prefixes how much of the resource it needs."""

    name = _NAME

    def __init__(self, needs: Mapping[str, int]) -> None:
        self._needs = needs
        self.counts = dict.fromkeys(needs, 0)

    def update_graph(self, scheduler: Scheduler, *, tasks: Iterable[Any], **_: object) -> None:
        """Look at a graph that has come, whose tasks are not yet under way."""
        for key in tasks:
            task = scheduler.tasks[key]
            found = prefixes_of(task) & self._needs.keys()
            for prefix in found:
                self.counts[prefix] += 1
            if found:
                own = task.resource_restrictions or {}
                most = max(self._needs[prefix] for prefix in found)
                task.resource_restrictions = {RESOURCE: most, **own}


def _start(needs: Mapping[str, int], client: str, dask_scheduler: Scheduler) -> None:
    start_plugin(dask_scheduler, _Needs(needs), name=_NAME, client=client)


def _stop(dask_scheduler: Scheduler) -> dict[str, int]:
    plugin = stop_plugin(dask_scheduler, _NAME)
    return plugin.counts if isinstance(plugin, _Needs) else {}
