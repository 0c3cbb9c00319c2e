"""Each second of a run belongs to one cause: on made-up tasks whose account is known by thought."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import make_activity, make_profile, make_run
from traces import HOST, cores, cpu, ran

from sdprofile.explain.account import account
from sdprofile.explain.thread_states import thread_states
from sdprofile.model.account import Cause
from sdprofile.model.circumstances import Circumstances
from sdprofile.model.run import Run
from sdprofile.model.trace import Calls, Fetches, Spells, Trace


def taken(trace: Trace, **kwargs: Any) -> dict[Cause, float]:
    """Return the seconds of each cause, whose sum is that of the run."""
    run = make_run(
        trace.workers, threads=trace.threads, seconds=trace.seconds, trace=trace, **kwargs
    )
    parts = account(run)
    assert sum(part.seconds for part in parts) == pytest.approx(trace.seconds)
    assert sum(part.share for part in parts) == pytest.approx(1.0)
    assert len({part.cause for part in parts}) == len(parts)
    assert [part.seconds for part in parts] == sorted((p.seconds for p in parts), reverse=True)
    return {part.cause: pytest.approx(part.seconds, abs=1e-9) for part in parts}


def test_a_task_that_takes_all_of_the_time() -> None:
    assert taken(ran([(0.0, 0.0, 2.0)], seconds=2.0)) == {Cause.COMPUTING: 2.0}


def test_a_cell_without_tasks_is_the_kernels_own_work() -> None:
    assert taken(ran([], seconds=2.0, calls=[])) == {Cause.KERNEL: 2.0}


def test_graph_task_result_and_the_kernels_own_work() -> None:
    trace = ran([(2.0, 2.5, 5.0)], seconds=9.0, arrival=2.0, calls=[(1.0, 6.0, 2)])
    assert taken(trace) == {
        Cause.KERNEL: 1.0 + 3.0,
        Cause.SENDING: 1.0,
        Cause.OVERHEAD: 0.5,
        Cause.COMPUTING: 2.5,
        Cause.RESULT: 1.0,
    }


def test_a_chain_leaves_the_other_worker_without_work() -> None:
    trace = ran(
        [(0.0, 0.0, 1.0), (1.0, 1.0, 2.0), (2.2, 2.4, 3.4)],
        inputs={1: [0], 2: [1]},
        seconds=3.4,
        workers=2,
    )
    # While the second waits for the first, the third waits for both; nothing waits for the third.
    assert taken(trace) == {
        Cause.COMPUTING: 3.0 / 2,
        Cause.CHAIN: 2.0 / 2,
        Cause.OVERHEAD: 0.4 / 2,
        Cause.NO_MORE: (0.4 + 1.0) / 2,
    }


def test_a_straggler_leaves_the_others_without_tasks() -> None:
    trace = ran([(0.0, 0.0, 1.0), (0.0, 0.0, 5.0)], on=[0, 1], seconds=5.0, workers=2)
    assert taken(trace) == {Cause.COMPUTING: 3.0, Cause.NO_MORE: 2.0}


def test_tasks_that_are_ready_but_not_sent_or_not_taken_up_are_overhead() -> None:
    trace = ran([(1.0, 2.0, 3.0), (2.5, 3.5, 4.0)], seconds=4.0)
    assert taken(trace) == {Cause.COMPUTING: 1.5, Cause.OVERHEAD: 2.5}


def test_a_task_waits_for_what_its_worker_fetches() -> None:
    trace = ran(
        [(0.0, 0.0, 1.0), (1.0, 3.0, 4.0)],
        on=[0, 1],
        inputs={1: [0]},
        seconds=4.0,
        workers=2,
        fetches=Fetches(
            worker=array("i", [1]),
            task=array("i", [1]),
            begun=array("d", [1.5]),
            ended=array("d", [2.75]),
        ),
    )
    found = taken(trace)
    assert found[Cause.FETCHING] == 1.25 / 2
    assert found[Cause.OVERHEAD] == 0.75 / 2
    assert found[Cause.CHAIN] == 1.0 / 2
    assert found[Cause.NO_MORE] == (2.0 + 1.0) / 2


def test_a_fetch_for_a_task_whose_inputs_are_there_is_not_what_it_waits_for() -> None:
    fetch = Fetches(
        worker=array("i", [0]), task=array("i", [0]), begun=array("d", [0]), ended=array("d", [9])
    )
    assert Cause.FETCHING not in taken(ran([(0.0, 1.0, 2.0)], seconds=2.0, fetches=fetch))


def test_reading_and_writing_spill_holds_up_the_whole_worker() -> None:
    trace = ran(
        [(0.0, 1.0, 2.0), (0.0, 3.0, 4.0)],
        seconds=4.0,
        threads=2,
        reading=array("d", [1.0, 0.0]),
        writing=array("d", [0.5, 0.0]),
    )
    found = taken(trace)
    assert found[Cause.SPILL] == (1.0 + 1.0 + 0.5 + 0.5) / 2
    assert found[Cause.OVERHEAD] == (1.0 + 0.5) / 2


def test_spilling_that_is_told_of_no_task_is_taken_from_the_overhead() -> None:
    wrote = make_activity("disk-write", 0.75, context="memory-monitor")
    trace = ran([(0.0, 1.0, 2.0)], seconds=2.0)
    assert taken(trace, spans=(wrote,)) == {
        Cause.COMPUTING: 1.0,
        Cause.SPILL: 0.75,
        Cause.OVERHEAD: 0.25,
    }


def test_a_paused_worker_and_a_resource_that_is_short_hold_tasks_back() -> None:
    pause = Spells(worker=array("i", [0]), begun=array("d", [1.0]), ended=array("d", [math.inf]))
    trace = ran([(0.0, 0.0, 1.0), (2.0, 2.0, 3.0)], seconds=3.0, pauses=pause)
    assert taken(trace) == {Cause.COMPUTING: 2.0, Cause.HELD_BACK: 1.0}
    limited = ran(
        [(0.0, 0.0, 1.0), (0.0, 1.0, 2.0)], seconds=2.0, threads=2, limited=array("b", [1, 1])
    )
    assert taken(limited) == {
        Cause.COMPUTING: 1.0,
        Cause.HELD_BACK: 0.5,
        Cause.NO_MORE: 0.5,
    }


def test_a_task_that_did_not_end_runs_from_when_a_thread_was_free() -> None:
    trace = ran(
        [(0.0, 0.0, 1.0), (0.5, math.inf, math.inf), (0.5, math.inf, math.inf)],
        seconds=4.0,
    )
    assert taken(trace, status="killed") == {Cause.COMPUTING: 4.0}


def given_up_then_computed(**kwargs: Any) -> Trace:
    """Return tasks of a graph that was given up at 1 s, and one of another from 3 s to 4 s."""
    never = math.inf
    tasks = [(0.0, 0.0, 1.0), (0.0, never, never), (never, never, never), (3.0, 3.0, 4.0)]
    trace = ran(tasks, seconds=4.0, calls=[(0.0, 1.0, 2), (3.0, 4.0, 2)], **kwargs)
    return replace(
        trace,
        arrivals=(0.0, 3.0),
        graph=array("i", [0, 0, 0, 1]),
        released=array("d", [1.0, 1.0, 1.0, 4.0]),
    )


def test_tasks_that_were_given_up_are_not_ready_any_more() -> None:
    trace = given_up_then_computed()
    assert taken(trace) == {Cause.COMPUTING: 2.0, Cause.KERNEL: 2.0}


def test_a_task_that_was_given_up_ran_on_a_thread_that_was_free_before() -> None:
    trace = given_up_then_computed(threads=2)
    assert taken(trace) == {
        Cause.COMPUTING: (1.0 + 1.0 + 1.0) / 2,
        Cause.NO_MORE: 0.5,
        Cause.KERNEL: 2.0,
    }


def test_a_call_that_computed_elsewhere_is_the_kernels_own_work() -> None:
    assert taken(ran([], seconds=3.0, calls=[(0.0, 2.0, 2)])) == {Cause.KERNEL: 3.0}


def test_a_call_that_computes_in_the_kernel_is_its_own_work_while_a_graph_is_on_its_way() -> None:
    calls = [(0.0, 0.25, 1), (0.5, 2.0, -1)]
    assert taken(ran([(1.0, 1.0, 3.0)], seconds=4.0, arrival=1.0, calls=calls)) == {
        Cause.SENDING: 1.0,
        Cause.COMPUTING: 2.0,
        Cause.KERNEL: 1.0,
    }


def test_a_graph_on_its_way_after_the_call_is_being_sent() -> None:
    trace = ran([(1.0, 1.0, 3.0)], seconds=3.0, arrival=1.0, calls=[(0.25, 0.5, 1), (2.0, 3.0, 0)])
    assert taken(trace) == {Cause.KERNEL: 0.25, Cause.SENDING: 0.75, Cause.COMPUTING: 2.0}


def beside_each_other(threads: int) -> list[tuple[float, float, float]]:
    """Return tasks that keep all threads of a worker at work for 2 s."""
    return [(0.0, 0.0, 2.0)] * threads


@pytest.mark.parametrize(
    ("threads", "used", "on", "why"),
    [
        (1, 0.0, 0.0, Cause.WAITING),
        (1, 0.5, 1.0, Cause.WAITING),
        (4, 1.05, 2.0, Cause.GIL),
        (4, 0.2, 0.4, Cause.WAITING),
        (8, 3.9, 7.8, Cause.CPU),
    ],
)
def test_what_tasks_wait_for_follows_from_the_cores(
    threads: int, used: float, on: float, why: Cause
) -> None:
    trace = ran(beside_each_other(threads), threads=threads, seconds=2.0, cores=(cores(used),))
    found = taken(trace, spans=cpu(on, 2.0 * threads - on))
    on_cpu = {Cause.COMPUTING: on / threads} if on else {}
    assert found == {**on_cpu, why: 2.0 - on / threads}


def test_more_cores_than_threads_take_all_of_the_time() -> None:
    trace = ran(beside_each_other(1), seconds=2.0, cores=(cores(3.0),))
    assert taken(trace, spans=cpu(1.5, 0.5)) == {Cause.MORE_CORES: 2.0}


@pytest.mark.parametrize("used", [0.0, 0.25, 0.75, 1.0])
def test_tasks_that_failed_were_on_the_cpu_as_far_as_their_worker_used_it(used: float) -> None:
    trace = ran(beside_each_other(1), seconds=2.0, cores=(cores(used),))
    failed = make_activity("failed", 2.0, prefix="group0")
    found = taken(trace, spans=(failed,))
    assert found.get(Cause.COMPUTING, 0.0) == 2.0 * used
    assert found.get(Cause.WAITING, 0.0) == 2.0 - 2.0 * used
    assert taken(trace) == found  # as they are where dask has told nothing yet


def test_tasks_that_failed_beside_others_count_for_their_time() -> None:
    trace = ran([(0.0, 0.0, 1.0), (0.0, 1.0, 4.0)], seconds=4.0, cores=(cores(0.0, seconds=4.0),))
    failed = make_activity("failed", 3.0, prefix="group0")
    assert taken(trace, spans=(*cpu(1.0, 0.0), failed)) == {
        Cause.COMPUTING: 1.0,
        Cause.WAITING: 3.0,
    }


def test_what_else_runs_on_the_machine_counts_for_its_cpus() -> None:
    trace = ran(beside_each_other(1), seconds=2.0, cores=(cores(0.5, cpus=2),))
    busy = Circumstances(kernel_cpu_seconds=1.0, others_cpu_seconds=2.0)
    found = taken(trace, spans=cpu(1.0, 1.0), circumstances=busy)
    assert found == {Cause.COMPUTING: 1.0, Cause.CPU: 1.0}


def test_cpus_are_those_of_each_host() -> None:
    hosts = (f"{HOST}:0", "tcp://10.0.0.2:0")
    used = (cores(1.0, cpus=2), replace(cores(1.0, cpus=2), worker=hosts[1]))
    trace = ran(
        beside_each_other(2) * 2,
        on=[0, 0, 1, 1],
        workers=2,
        threads=2,
        seconds=2.0,
        addresses=hosts,
        cores=used,
    )
    assert taken(trace, spans=cpu(4.0, 4.0)) == {Cause.COMPUTING: 1.0, Cause.GIL: 1.0}


def test_without_tasks_on_record_there_is_no_account() -> None:
    assert account(make_run()) == ()


moments = st.floats(-1.0, 12.0) | st.just(math.inf)
few = st.integers(0, 8)


@st.composite
def any_traces(draw: st.DrawFn) -> Trace:
    """Draw tasks with times that need make no sense, as clocks and lost messages may have it."""
    size, workers, threads = draw(few), draw(st.integers(1, 3)), draw(st.integers(1, 3))

    def times(count: int) -> array[float]:
        return array("d", draw(st.lists(moments, min_size=count, max_size=count)))

    def places(count: int) -> array[int]:
        return array("i", draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))

    number = draw(few)
    lengths = st.lists(st.floats(0, 3), min_size=size, max_size=size)
    inputs = {
        index: draw(st.lists(st.integers(0, size - 1), max_size=3, unique=True))
        for index in range(size)
    }
    begun = array("d", sorted(draw(st.lists(st.floats(0, 10), max_size=5))))
    trace = ran(
        [(0.0, 0.0, 0.0)] * size,
        seconds=draw(st.floats(0.1, 10.0)),
        workers=workers,
        threads=threads,
        inputs=inputs,
        arrival=draw(st.floats(0, 10)),
        on=places(size),
        sent=times(size),
        begun=times(size),
        ended=times(size),
        released=times(size),
        limited=array("b", [each % 2 for each in places(size)]),
        reading=array("d", draw(lengths)),
        writing=array("d", draw(lengths)),
        fetches=Fetches(
            task=places(number), worker=places(number), begun=times(number), ended=times(number)
        ),
        pauses=Spells(worker=places(number), begun=times(number), ended=times(number)),
        cores=(cores(1.0, seconds=1.0),),
    )
    ended = array("d", [each + 1.0 for each in begun])
    return replace(
        trace,
        calls=Calls(begun=begun, ended=ended, sends=places(len(begun)), line=places(len(begun))),
    )


@given(any_traces(), st.floats(0, 10), st.floats(0, 10))
def test_whatever_was_recorded_adds_up_to_the_wall_time(
    trace: Trace, on: float, off: float
) -> None:
    assert all(seconds.expected >= 0 for seconds in taken(trace, spans=cpu(on, off)).values())
    states, busy = thread_states(trace)
    workers = max(trace.workers, *(index + 1 for index in trace.worker), 0)
    assert sum(states.values()) == pytest.approx(workers * trace.threads * trace.seconds)
    assert all(0 <= number <= trace.threads for each in busy for number in each.numbers)


def test_the_account_of_a_profile_has_a_row_for_each_count_and_cause() -> None:
    def run(workers: int, seconds: float, repeat: int = 1, *, known: bool = True) -> Run:
        trace = ran([(0.0, 0.0, 3.0)], workers=workers, seconds=seconds)
        return make_run(workers, seconds=seconds, repeat=repeat, trace=trace if known else None)

    profile = make_profile(run(1, 4.0), run(2, 3.0), run(1, 5.0, 2, known=False), run(1, 6.0, 3))

    frame = profile.account()

    assert list(frame.columns) == ["workers", "repeat", "cause", "seconds", "share"]
    rows = frame.values.tolist()
    assert rows == [
        [1, 1, "computing", 3.0, 0.75],
        [1, 1, "bringing the result", 1.0, 0.25],
        [2, 1, "computing", 1.5, 0.5],
        [2, 1, "no more tasks", 1.5, 0.5],
    ]
