"""What tasks and the kernel call is seen, function by function."""

from __future__ import annotations

import gc
import sys
import time
import weakref

import dask
import pytest
from distributed import Client, profile
from runs import measure

from sdprofile.measure.alone import run_alone
from sdprofile.model.calls import CallTrees, Frame
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.plan import Plan

HELD = "held_by_a_task_of_the_tests"


def first_part() -> None:
    time.sleep(0.4)


def second_part() -> None:
    time.sleep(0.4)


@dask.delayed(pure=False)
def in_two_parts() -> None:
    """Take some time in each of two functions."""
    first_part()
    second_part()


def spin(seconds: float) -> None:
    """Keep a thread busy."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def inside(run: Run) -> CallTrees:
    assert run.trace is not None
    return run.trace.inside


def seconds_of(trees: CallTrees, of: str) -> dict[str, tuple[int, float, Frame]]:
    """Return depth, seconds and function of the calls in one tree, by the name of the function."""
    [tree] = [each for each in trees.trees if each.of == of]
    return {c.frame.name: (c.depth, c.seconds, c.frame) for c in trees.calls(tree)}


def process_there(dask_worker: object) -> str:
    return str(profile.process.__module__)


def test_innermost_calls_are_told_apart(client: Client) -> None:
    run, _ = measure(lambda: in_two_parts().compute(), client)

    found = seconds_of(inside(run), "in_two_parts")
    depth, seconds, caller = found["in_two_parts"]
    assert run.trace is not None
    assert seconds == pytest.approx(run.trace.prefix_seconds["in_two_parts"], abs=0.002)
    assert caller.origin == "own"  # a worker gets it by value
    for part in (first_part, second_part):
        deeper, own, frame = found[part.__name__]
        assert (deeper, frame.line) == (depth + 1, part.__code__.co_firstlineno)
        assert own > 0
    assert found["first_part"][1] + found["second_part"][1] == pytest.approx(seconds, rel=0.1)


@dask.delayed(pure=False)
def waits_then_works() -> None:
    """Wait in one function, and compute in another."""
    first_part()
    spin(0.4)


@pytest.mark.skipif(sys.platform != "linux", reason="no clock of a thread's CPU time")
def test_calls_that_wait_are_told_from_those_that_work(client: Client) -> None:
    def work() -> None:
        waits_then_works().compute()
        first_part()

    run, _ = measure(work, client)

    waiting = {
        (tree.of, call.frame.name): call.waiting / call.seconds
        for tree in inside(run).trees
        for call in inside(run).calls(tree)
        if call.seconds
    }
    # On a busy machine a thread that works may have no CPU for a while.
    of_tasks = [waiting["waits_then_works", name] for name in ("first_part", "spin")]
    assert of_tasks[0] > of_tasks[1]
    assert of_tasks[0] > waiting["waits_then_works", "waits_then_works"] > 0
    assert waiting["kernel", "first_part"] > 0


def hold_something() -> None:
    """Hold something while samples are taken, where only its last reference frees it."""
    gc.disable()
    held: set[int] = set()
    setattr(sys, HELD, weakref.ref(held))
    time.sleep(0.3)


def is_freed() -> bool:
    freed = getattr(sys, HELD)() is None
    gc.enable()
    return freed


def test_samples_hold_on_to_nothing_that_tasks_held(client: Client) -> None:
    freed: list[bool] = []

    def work() -> None:
        client.submit(hold_something, pure=False).result()
        freed.append(client.submit(is_freed, pure=False).result())

    measure(work, client)

    assert freed == [True]


def test_what_ran_before_is_no_part_and_dask_samples_as_before(client: Client) -> None:
    before = client.run(process_there)
    client.submit(time.sleep, 0.1, key="earlier-1").result()

    run, _ = measure(lambda: in_two_parts().compute(), client)

    assert {tree.of for tree in inside(run).trees} - {"kernel"} == {"in_two_parts"}
    assert client.run(process_there) == before
    assert set(before.values()) == {"distributed.profile"}


def test_calls_of_the_kernel_begin_with_the_line_of_the_cell(client: Client) -> None:
    def work() -> None:
        spin(0.5)
        client.submit(time.sleep, 0.5, pure=False).result()

    run, _ = measure(work, client)

    first = work.__code__.co_firstlineno
    found = seconds_of(inside(run), "kernel")
    depth, seconds, line = found[f"line {first + 1}"]
    assert (depth, line.origin, line.line) == (0, "cell", first + 1)
    assert found["spin"][0] == 1
    assert 0.2 < found["spin"][1] <= seconds <= run.seconds
    assert "wait" not in found  # for a result


def test_without_a_cluster_there_are_the_calls_of_the_kernel() -> None:
    setting = Setting(workers=0, threads=1, memory_limit=None)

    run, _ = run_alone(
        lambda: spin(0.4), Plan(settings=(setting,), repeats=1), setting=setting, repeat=1
    )

    assert [tree.of for tree in inside(run).trees] == ["kernel"]
    assert "spin" in seconds_of(inside(run), "kernel")
