"""On the scheduler: plugins of ours, each of which there is once at most, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from distributed import Scheduler, SchedulerPlugin

_started: WeakKeyDictionary[Scheduler, dict[str, SchedulerPlugin]] = WeakKeyDictionary()
"""Those of the schedulers of this process; a scheduler tells nobody which plugins it has."""


def start_plugin(scheduler: Scheduler, plugin: SchedulerPlugin, *, name: str) -> None:
    """Start a plugin; one of this name that an earlier run has left is stopped."""
    stop_plugin(scheduler, name)
    scheduler.add_plugin(plugin, name=name)
    _started.setdefault(scheduler, {})[name] = plugin


def find_plugin(scheduler: Scheduler, name: str) -> SchedulerPlugin | None:
    """Return the plugin of this name; None if there is none."""
    return _started.get(scheduler, {}).get(name)


def stop_plugin(scheduler: Scheduler, name: str) -> SchedulerPlugin | None:
    """Stop the plugin of this name and return it; None if there is none."""
    plugin = _started.get(scheduler, {}).pop(name, None)
    if plugin is not None:
        scheduler.remove_plugin(name=name)
    return plugin
