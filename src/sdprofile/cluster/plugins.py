"""On the scheduler: plugins of ours, each of which there is once at most, by its name."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from distributed import SchedulerPlugin

if TYPE_CHECKING:
    from distributed import Scheduler

_NAME = "sdprofile"

_HOOKS = {
    name: nothing
    for name, nothing in inspect.getmembers(SchedulerPlugin, inspect.isfunction)
    if not name.startswith("_") and name != "remove_client"
}
"""What the scheduler calls of a plugin, with what it does where a plugin has none of its own."""


@dataclass(frozen=True)
class _Started:
    plugin: SchedulerPlugin
    client: str


class _Plugins(SchedulerPlugin):
    """All of ours as one of the scheduler's.

    Notes
    -----
    Dask calls each plugin some five times a task, also where it does nothing: 1.2 us of the
    scheduler's thread or more for each that only waits for a client to go.
    """

    name = _NAME

    def __init__(self) -> None:
        self.started: dict[str, _Started] = {}

    def update(self) -> None:
        """Let the scheduler call what those have that are started now."""
        for hook, nothing in _HOOKS.items():
            vars(self).pop(hook, None)
            own = [
                getattr(each.plugin, hook)
                for each in self.started.values()
                if getattr(type(each.plugin), hook) is not nothing
            ]
            if own:
                setattr(self, hook, own[0] if len(own) == 1 else partial(_call_each, own))

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """Tell all that a client has gone, whatever became of it, and stop those that are its."""
        there = dict(self.started)
        try:
            _call_each([each.plugin.remove_client for each in there.values()], scheduler, client)
        finally:
            for name, each in there.items():
                if each.client == client:
                    stop_plugin(scheduler, name)


def _call_each(hooks: Sequence[Callable[..., Any]], *args: Any, **kwargs: Any) -> None:
    """Call functions in their order, all of them, whatever one of them raises."""
    with contextlib.ExitStack() as stack:
        for hook in reversed(hooks):
            stack.callback(hook, *args, **kwargs)


_started: WeakKeyDictionary[Scheduler, _Plugins] = WeakKeyDictionary()
"""Those of the schedulers of this process; a scheduler tells nobody which plugins it has."""


def start_plugin(scheduler: Scheduler, plugin: SchedulerPlugin, *, name: str, client: str) -> None:
    """Start a plugin; one of this name that an earlier run has left is stopped.

    Parameters
    ----------
    scheduler
        What is to call it.
    plugin
        Its functions are no coroutines.
    name
        What it is found by.
    client
        The id of the client with which it goes.
    """
    stop_plugin(scheduler, name)
    plugins = _started.get(scheduler)
    if plugins is None:
        plugins = _started[scheduler] = _Plugins()
        scheduler.add_plugin(plugins, name=_NAME)
    plugins.started[name] = _Started(plugin, client)
    plugins.update()


def find_plugin(scheduler: Scheduler, name: str) -> SchedulerPlugin | None:
    """Return the plugin of this name; None if there is none."""
    plugins = _started.get(scheduler)
    found = None if plugins is None else plugins.started.get(name)
    return None if found is None else found.plugin


def stop_plugin(scheduler: Scheduler, name: str) -> SchedulerPlugin | None:
    """Stop the plugin of this name and return it; None if there is none."""
    plugins = _started.get(scheduler)
    found = None if plugins is None else plugins.started.pop(name, None)
    if plugins is None or found is None:
        return None
    plugins.update()
    if not plugins.started:
        del _started[scheduler]
        scheduler.remove_plugin(name=_NAME)
    return found.plugin
