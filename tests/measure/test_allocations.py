"""What tasks allocate, line by line."""

from __future__ import annotations

from pathlib import Path
from tempfile import gettempdir

import numpy as np
import pytest
from distributed import Client
from profiles import make_run, make_task
from runs import measure

from sdprofile.cluster.resize import resize
from sdprofile.errors import SdprofileError
from sdprofile.measure import allocations
from sdprofile.measure.allocations import TaskAllocations, Tracked, check_memray, worst_prefix
from sdprofile.model.calls import Frame

pytest.importorskip("memray")

MB = 10**6


def make_large() -> int:
    """Have 200 MB and then 40 MB at the same time."""
    large = np.ones(25 * MB)
    small = bytes(40 * MB)
    return len(large) + len(small)


def make_little() -> int:
    return len(bytes(10 * MB))


def line(after: int) -> int:
    return make_large.__code__.co_firstlineno + after


def tracked(client: Client, prefix: str, *, workers: int = 1) -> Tracked:
    """Return what is seen of a prefix while tasks of both run."""

    def work() -> None:
        futures = [client.submit(make_large, pure=False) for _ in range(2 * workers)]
        client.gather([*futures, client.submit(make_little, pure=False)])

    with TaskAllocations(client, prefix) as tracking:
        _, error = measure(work, client, workers=workers)
    assert error is None
    return tracking.reading


def test_an_array_is_named_with_the_line_that_made_it(client: Client) -> None:
    found = tracked(client, "make_large")

    assert found.tasks == 2
    first, second = found.largest
    assert 200 * MB <= first.nbytes < 201 * MB
    assert [(each.name, each.line) for each in first.stack][0] == ("make_large", line(2))
    assert (first.stack[-1].name, first.stack[-1].origin) == ("ones", "numpy")
    assert 40 * MB <= second.nbytes < 41 * MB
    assert [(each.name, each.line) for each in second.stack] == [("make_large", line(3))]
    assert 240 * MB <= found.nbytes < 245 * MB
    assert not list(Path(gettempdir()).glob("sdprofile-*.memray"))


def test_tasks_of_another_prefix_are_not_looked_at(client: Client) -> None:
    found = tracked(client, "make_little")

    assert found.tasks == 1
    assert 10 * MB <= found.nbytes < 15 * MB
    assert tracked(client, "none").tasks == 0


def test_what_runs_beside_a_task_is_not_its_own() -> None:
    def of_task(*frames: Frame) -> bool:
        return allocations._is_of_task(frames)

    start = Frame(name="run", module="threading", line=1)
    worker = Frame(name="_worker", module="distributed.threadpoolexecutor", line=1)
    looking = Frame(name="process", module="distributed.profile", line=194)
    counted = Frame(name="counted", module="sdprofile.internals.distributed.samples", line=102)
    assert not of_task(start, counted, looking)
    assert not of_task(start, looking)
    assert not of_task(start, worker, counted)
    assert of_task(start, worker)
    assert of_task(start, worker, counted, Frame(name="read", module="zarr.core", line=1))
    assert of_task(start, Frame(name="own", line=1))
    assert of_task()  # threads that Python does not know of


def test_what_a_task_allocates_that_is_a_function_of_python_is_its_own(client: Client) -> None:
    with TaskAllocations(client, "bytes") as tracking:
        _, error = measure(lambda: client.submit(bytes, 30 * MB).result(), client, workers=1)

    assert error is None
    assert tracking.reading.tasks == 1
    assert 30 * MB <= tracking.reading.nbytes < 35 * MB


def test_the_worst_of_all_workers_is_told(client: Client) -> None:
    resize(client, 2)

    found = tracked(client, "make_large", workers=2)

    assert found.tasks == 4
    assert found.largest[0].stack[0].line == line(2)
    resize(client, 1)


def test_no_more_tasks_than_that_are_looked_at(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = allocations._Looking("add")
    monkeypatch.setattr(allocations, "_MOST_TASKS", 1)

    for key in ("add-1", "add-2"):
        looking.transition(key, "ready", "executing")
        looking.transition("add-3", "ready", "executing")  # beside it
        looking.transition(key, "executing", "memory")
    looking.transition("add-3", "executing", "memory")

    assert looking.worst.tasks == 1


def test_the_tasks_to_look_at_made_memory_rise_the_most() -> None:
    low = make_run(2, task_memory=(make_task("a", rise_high=3), make_task("b", rise_high=4)))
    high = make_run(4, task_memory=(make_task("c", rise_high=5),))
    failed = make_run(1, task_memory=(make_task("d", rise_high=9),), status="killed")

    assert worst_prefix([low, high, failed]) == ("c", high.setting)
    assert worst_prefix([low]) == ("b", low.setting)
    assert worst_prefix([make_run(1)]) is None


def test_without_memray_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    check_memray()
    monkeypatch.setattr(allocations, "find_spec", lambda name: None)
    with pytest.raises(SdprofileError, match=r"^--allocations: expected the package memray, got"):
        check_memray()
