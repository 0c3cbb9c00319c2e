"""What each line took: on made-up tasks of which it is known, and it adds up to the account."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from profiles import make_run, make_task
from traces import ran

from sdprofile.explain.account import account
from sdprofile.explain.lines import (
    LineUse,
    calls_of_graphs,
    line_uses,
    result_lines,
    sending_lines,
)
from sdprofile.model.account import WITHIN_TASKS
from sdprofile.model.calls import CallTrees, TaskLine
from sdprofile.model.run import Run
from sdprofile.model.steps import LineTime
from sdprofile.model.trace import Calls, Group, Trace

MB = 10**6


def called(*calls: tuple[float, float, int, int], **kwargs: Any) -> Calls:
    """Return calls: when each began and ended, whether it sends, and its line."""
    begun, ended, sends, line = zip(*calls, strict=True) if calls else ((),) * 4
    return Calls(
        begun=array("d", begun),
        ended=array("d", ended),
        sends=array("b", sends),
        line=array("i", line),
        **kwargs,
    )


def two_computed(**kwargs: Any) -> Trace:
    """Return a cell of 6 s: line 1 takes 1 s, lines 2 and 3 compute 2 and 3 tasks of 0.5 s."""
    tasks = [(1.0, 1.0, 1.5), (1.0, 1.5, 2.0), (3.0, 3.0, 3.5), (3.0, 3.5, 4.0), (3.0, 4.0, 4.5)]
    trace = ran(tasks, seconds=6.0)
    return replace(
        trace,
        arrivals=(1.0, 3.0),
        graph=array("i", [0, 0, 1, 1, 1]),
        calls=called((1.0, 2.5, 2, 2), (2.5, 5.0, 2, 3)),
        **kwargs,
    )


def run_of(trace: Trace, *lines: LineTime, **kwargs: Any) -> Run:
    return make_run(
        trace.workers,
        threads=trace.threads,
        seconds=trace.seconds,
        trace=trace,
        lines=lines,
        **kwargs,
    )


def told(uses: Sequence[LineUse], *of: str) -> dict[tuple[str, int], tuple[Any, ...]]:
    return {(use.function, use.line): tuple(getattr(use, each) for each in of) for use in uses}


def assert_adds_up(run: Run) -> None:
    of_cell = [use for use in line_uses(run) if not use.function]
    parts = account(run)
    assert sum(use.seconds for use in of_cell) == pytest.approx(sum(p.seconds for p in parts))
    inside = sum(part.seconds for part in parts if part.cause in WITHIN_TASKS)
    threads = sum(use.thread_seconds for use in of_cell)
    assert threads == pytest.approx(inside * run.all_threads)


def test_each_line_has_its_own_work_its_calls_and_its_tasks() -> None:
    run = run_of(two_computed(), LineTime(line=1, seconds=0.9, text="x = f()"))

    uses = line_uses(run)

    assert told(uses, "seconds", "own_seconds", "thread_seconds", "tasks") == {
        ("", 1): (0.9, 0.9, 0.0, 0),
        ("", 2): (1.5, 0.0, 1.0, 2),
        ("", 3): (2.5, 0.0, 1.5, 3),
        ("", 0): (pytest.approx(1.1), pytest.approx(1.1), pytest.approx(0.0), 0),
    }
    assert [use.line for use in uses] == [1, 2, 3, 0]
    assert uses[0].text == "x = f()"
    assert_adds_up(run)


def test_what_was_seen_of_the_kernel_is_no_more_than_the_calls_leave() -> None:
    run = run_of(two_computed(), LineTime(line=1, seconds=3.0), LineTime(line=4, seconds=1.0))

    uses = told(line_uses(run), "seconds")

    assert uses["", 1] == pytest.approx((1.5,))  # of 2 s
    assert uses["", 4] == pytest.approx((0.5,))
    assert uses["", 0] == pytest.approx((0.0,))
    assert_adds_up(run)


def test_tasks_that_seem_to_overlap_take_no_more_than_their_thread() -> None:
    trace = two_computed()
    begun = array("d", [1.0, 1.0, 3.0, 3.0, 3.0])
    run = run_of(replace(trace, begun=begun, ended=array("d", [2.0, 2.0, 4.5, 4.5, 4.5])))

    uses = told(line_uses(run), "thread_seconds")

    assert uses["", 2][0] / uses["", 3][0] == pytest.approx(2.0 / 4.5)
    assert_adds_up(run)


def test_a_task_that_outlives_the_cell_counts_up_to_its_end() -> None:
    trace = two_computed()
    run = run_of(replace(trace, ended=array("d", [1.5, 2.0, 3.5, 4.0, 9.0])))

    assert told(line_uses(run), "thread_seconds")["", 3] == (3.0,)
    assert_adds_up(run)


def test_tasks_that_no_line_sent_are_elsewhere() -> None:
    trace = replace(two_computed(), calls=called((1.0, 2.5, 2, 0), (2.5, 5.0, 2, 3)))
    run = run_of(trace)

    uses = told(line_uses(run), "seconds", "thread_seconds", "tasks")

    assert uses["", 0] == pytest.approx((3.5, 1.0, 2))
    assert_adds_up(run)


def test_a_task_that_did_not_end_has_its_time_and_is_not_counted() -> None:
    trace = two_computed()
    run = run_of(replace(trace, ended=array("d", [1.5, 2.0, 3.5, 4.0, math.inf])), status="killed")

    uses = told(line_uses(run), "thread_seconds", "tasks")

    assert uses["", 3] == (1.0 + 2.0, 2)
    assert uses["", 0] == pytest.approx((0.0, 0))
    assert_adds_up(run)


def test_a_task_that_was_given_up_has_the_time_until_then() -> None:
    never = math.inf
    trace = two_computed(released=array("d", [2.0, 2.25, 5.0, 5.0, 5.0]))
    times = {"begun": [1.0, never, 3.0, 3.5, 4.0], "ended": [1.5, never, 3.5, 4.0, 4.5]}
    run = run_of(replace(trace, **{of: array("d", those) for of, those in times.items()}))

    uses = told(line_uses(run), "thread_seconds", "tasks")

    assert uses["", 2] == (0.5 + 0.75, 1)
    assert uses["", 3] == (1.5, 3)
    assert uses["", 0] == pytest.approx((0.0, 0))
    assert_adds_up(run)


def test_lines_of_functions_are_parts_of_those_of_the_cell() -> None:
    calls = called(
        (1.0, 2.5, 2, 2),
        (2.5, 5.0, 2, 2),
        inner=array("i", [0, 7]),
        function=array("i", [0, 0]),
        functions=("helper",),
    )
    run = run_of(
        replace(two_computed(), calls=calls),
        LineTime(line=2, seconds=1.0),
        LineTime(line=6, function="helper", seconds=0.5, text="y = 1"),
    )

    uses = line_uses(run)

    assert told(uses, "seconds", "thread_seconds", "tasks") == {
        ("", 2): (5.0, 2.5, 5),
        ("", 0): (1.0, 0.0, 0),
        ("helper", 6): (0.5, 0.0, 0),
        ("helper", 7): (2.5, 1.5, 3),
    }
    assert_adds_up(run)


def test_a_function_that_ran_within_tasks_has_the_time_in_its_lines() -> None:
    within = TaskLine(function="slow", line=9, text="time.sleep(1)", seconds=2.0)
    run = run_of(replace(two_computed(), inside=CallTrees(lines=(within,))))

    uses = line_uses(run)

    assert told(uses, "seconds", "thread_seconds", "tasks")["slow", 9] == (0.0, 2.0, 0)
    assert uses[-1].text == "time.sleep(1)"
    assert told(uses, "thread_seconds")["", 3] == (1.5,)  # as without it
    assert_adds_up(run)


def test_memory_is_that_of_the_results_when_all_together_were_most() -> None:
    trace = two_computed(
        nbytes=array("i", [4 * MB, 2 * MB, MB, 3 * MB, 2 * MB]),
        released=array("d", [2.0, math.inf, 4.0, 5.0, math.inf]),
    )

    uses = told(line_uses(run_of(trace)), "held")

    # At 4.5 s: the second, the fourth and the last; before 2 s the first alone.
    assert uses == {("", 2): (2 * MB,), ("", 3): (5 * MB,), ("", 0): (0,)}


def test_the_rise_is_the_highest_of_the_prefixes_that_a_line_sent() -> None:
    groups = tuple(
        Group(prefix=prefix, tasks=2, groups_before=0, tasks_before=0) for prefix in ("a", "b", "c")
    )
    trace = two_computed(groups=groups, group=array("i", [0, 1, 1, 1, 2]))
    memory = (make_task("a", rise_high=3 * MB), make_task("b", rise_high=5 * MB))

    uses = told(line_uses(run_of(trace, task_memory=memory)), "rise")

    assert uses == {("", 2): (5 * MB,), ("", 3): (5 * MB,), ("", 0): (None,)}


def test_a_run_without_its_tasks_tells_of_no_line() -> None:
    assert line_uses(make_run()) == ()


def test_graphs_belong_to_the_calls_in_their_order_also_where_they_come_late() -> None:
    trace = replace(
        ran([(0.0, 0.0, 1.0)], seconds=2.0),
        arrivals=(0.2, 0.3),  # the first came when the second call was under way
        calls=called((0.0, 0.01, 1, 4), (0.1, 0.11, 1, 5)),
    )
    assert calls_of_graphs(trace) == (0, 1)


def test_where_calls_and_graphs_are_not_as_many_it_is_the_last_call_before() -> None:
    calls = called((0.0, 1.0, 2, 4), (1.0, 1.5, 0, 5), (2.0, 3.0, 2, 6))
    trace = replace(ran([(0.0, 0.0, 1.0)], seconds=4.0), calls=calls)
    assert calls_of_graphs(replace(trace, arrivals=(0.1, 0.2, 2.5))) == (0, 0, 2)
    assert calls_of_graphs(replace(trace, arrivals=(2.5,))) == (2,)
    assert calls_of_graphs(replace(trace, calls=called((1.0, 2.0, 2, 4)), arrivals=(0.5, 1.5))) == (
        -1,
        0,
    )


def test_calls_that_sent_nothing_have_no_graph() -> None:
    calls = called((0.0, 0.01, 1, 4), (0.1, 0.2, -1, 5), (0.3, 0.4, -1, 6))
    trace = replace(ran([(0.0, 0.0, 0.5)], seconds=1.0), arrivals=(0.15,), calls=calls)
    assert calls_of_graphs(trace) == (0,)
    assert calls_of_graphs(replace(trace, arrivals=(0.15, 0.35))) == (0, 0)
    assert result_lines(trace) == ()


def test_lines_that_send_and_that_wait_for_results_are_told_by_their_time() -> None:
    trace = replace(
        two_computed(), arrivals=(1.1, 4.0), calls=called((1.0, 4.4, 2, 2), (2.0, 5.9, 2, 3))
    )
    assert sending_lines(trace) == (3,)  # 2 s, the other 0.1 s
    assert result_lines(trace) == (3, 2)  # 1.4 s after the last task, the other 0.4 s
