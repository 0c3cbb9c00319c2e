"""Plugins of ours are one of the scheduler's, which calls those that have something to do."""

from __future__ import annotations

from typing import Any

import pytest
from distributed import Client, Scheduler, SchedulerPlugin

from sdprofile.cluster.plugins import find_plugin, start_plugin, stop_plugin


class Graphs(SchedulerPlugin):
    """Sees graphs."""

    def __init__(self, seen: list[str], name: str, error: Exception | None = None) -> None:
        self.seen, self.name, self.error = seen, name, error

    def update_graph(self, scheduler: Scheduler, **_: Any) -> None:
        self.seen.append(self.name)
        if self.error is not None:
            raise self.error


class Transitions(Graphs):
    """Sees what becomes of tasks, too."""

    def transition(self, key: str, start: str, finish: str, **_: Any) -> None:
        self.seen.append(f"{start}-{finish}")


@pytest.fixture
def scheduler(client: Client) -> Scheduler:
    found = client.cluster.scheduler  # type: ignore[union-attr]
    assert isinstance(found, Scheduler)
    return found


def test_a_scheduler_has_one_for_all_while_any_is_started(scheduler: Scheduler) -> None:
    before = dict(scheduler.plugins)
    plugins = {name: Graphs([], name) for name in ("a", "b")}
    for name, plugin in plugins.items():
        start_plugin(scheduler, plugin, name=name, client="one")
        assert set(scheduler.plugins) - set(before) == {"sdprofile"}
    assert {name: find_plugin(scheduler, name) for name in "abc"} == {**plugins, "c": None}
    assert stop_plugin(scheduler, "a") is plugins["a"]
    assert stop_plugin(scheduler, "a") is None
    assert "sdprofile" in scheduler.plugins
    assert stop_plugin(scheduler, "b") is plugins["b"]
    assert scheduler.plugins == before


def test_each_is_called_in_its_turn_whatever_another_raises(scheduler: Scheduler) -> None:
    seen: list[str] = []
    start_plugin(scheduler, Graphs(seen, "a", ValueError("of the first")), name="a", client="one")
    start_plugin(scheduler, Graphs(seen, "replaced"), name="b", client="one")
    start_plugin(scheduler, Graphs(seen, "b"), name="b", client="one")
    ours = scheduler.plugins["sdprofile"]
    with pytest.raises(ValueError, match="of the first"):
        ours.update_graph(scheduler, client="", keys=set(), tasks=[], annotations={}, priority={})
    assert seen == ["a", "b"]
    stop_plugin(scheduler, "a")
    ours.update_graph(scheduler, client="", keys=set(), tasks=[], annotations={}, priority={})
    assert seen == ["a", "b", "b"]
    stop_plugin(scheduler, "b")


def test_one_alone_is_called_itself_and_none_where_none_looks(scheduler: Scheduler) -> None:
    seen: list[str] = []
    start_plugin(scheduler, Graphs(seen, "a"), name="a", client="one")
    ours = scheduler.plugins["sdprofile"]
    assert ours.transition.__func__ is SchedulerPlugin.transition
    looks = Transitions(seen, "b")
    start_plugin(scheduler, looks, name="b", client="one")
    assert ours.transition == looks.transition
    stop_plugin(scheduler, "b")
    assert ours.transition.__func__ is SchedulerPlugin.transition
    stop_plugin(scheduler, "a")
    assert seen == []


def test_those_of_a_client_go_with_it_and_the_others_are_told(scheduler: Scheduler) -> None:
    class Told(SchedulerPlugin):
        def remove_client(self, scheduler: Scheduler, client: str) -> None:
            seen.append(client)

    seen: list[str] = []
    for client in ("one", "other"):
        start_plugin(scheduler, Told(), name=f"of {client}", client=client)
    start_plugin(scheduler, Graphs([], "idle"), name="idle of one", client="one")
    ours = scheduler.plugins["sdprofile"]
    ours.remove_client(scheduler, "one")
    assert seen == ["one", "one"]
    assert find_plugin(scheduler, "of one") is None
    assert find_plugin(scheduler, "idle of one") is None
    assert find_plugin(scheduler, "of other") is not None
    ours.remove_client(scheduler, "other")
    assert "sdprofile" not in scheduler.plugins
