"""What a change gains: on made-up tasks whose time without the cause is known."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from profiles import MACHINE, make_profile, make_run
from traces import MB, cores, cpu, ran

from sdprofile.explain.causes.every import find_causes
from sdprofile.explain.causes.found import range_of
from sdprofile.model.trace import Calls, Fetches, Trace


def gain(name: str, trace: Trace, *, cpus: int = 8, **kwargs: Any) -> tuple[float, float]:
    """Return what is said that a cell gains without a cause, of which it is said."""
    run = make_run(
        trace.workers, threads=trace.threads, seconds=trace.seconds, trace=trace, **kwargs
    )
    profile = make_profile(run, code="work()", machine=replace(MACHINE, cpus=cpus))
    (cause,) = (each for each in find_causes(profile, profile.counts) if each.name == name)
    assert cause.gain is not None
    return cause.gain


def graphs(trace: Trace, arrivals: Sequence[float], ends: Sequence[float]) -> Trace:
    """Return tasks that came with a graph each, for which the kernel made a call each."""
    number = len(arrivals)
    calls = Calls(
        begun=array("d", [0.0, *ends[:-1]]),
        ended=array("d", ends),
        sends=array("i", [2] * number),
        line=array("i", [1] * number),
    )
    return replace(trace, arrivals=tuple(arrivals), graph=array("i", range(number)), calls=calls)


@pytest.mark.parametrize(("cpus", "most"), [(8, 4.0), (2, 2.0)])
def test_a_task_in_parts_takes_all_threads_that_have_a_cpu(cpus: int, most: float) -> None:
    trace = ran([(0.0, 0.0, 2.0)], workers=4, seconds=2.0)
    # In each other's way the parts take 0.6 more for each other beside them.
    assert gain("few tasks", trace, cpus=cpus) == pytest.approx((most / (0.4 + 0.6 * most), most))


def test_only_what_is_one_task_is_cut() -> None:
    # Both threads are at work for 2 s, then one for 2 s more.
    before = [(0.0, n / 5, (n + 1) / 5) for n in range(10)]
    inputs = {20: range(20)}
    trace = ran([*before, *before, (2.0, 2.0, 4.0)], workers=2, seconds=4.0, inputs=inputs)
    trace = replace(
        trace,
        worker=array("i", [0] * 10 + [1] * 10 + [0]),
        nbytes=array("q", [8] * 21),
        groups=(trace.groups[0], replace(trace.groups[0], prefix="last")),
        group=array("i", [0] * 20 + [1]),
    )
    least, most = gain("few tasks", trace)
    assert 1.05 < least < most == pytest.approx(4 / 3, rel=0.1)


def test_a_straggler_in_parts_shares_the_threads() -> None:
    tasks = [(0.0, n / 10, (n + 1) / 10) for n in range(9)] + [(0.0, 0.0, 1.5)]
    trace = ran(tasks, workers=2, on=[0] * 9 + [1], seconds=1.5)
    least, most = gain("straggler", trace)
    assert most == pytest.approx(1.5 / 1.2)  # 24 tasks of 0.1 s
    assert least == pytest.approx(1.5 / 1.3125, rel=0.05)  # 15 of them 15 % longer


def test_a_gap_by_chance_makes_no_part_of_a_straggler_longer() -> None:
    tasks = [(0.0, n / 10, (n + 1) / 10) for n in range(4)]
    tasks += [(0.0, n / 10, (n + 1) / 10) for n in range(4)]
    tasks += [(0.0, 1.0, 1.1), (0.0, 0.4, 2.0)]
    trace = ran(tasks, workers=2, on=[0] * 4 + [1] * 4 + [0, 1], seconds=2.0)
    least, most = gain("straggler", trace)
    assert 1.25 < least < most == pytest.approx(2.0 / 1.25, rel=0.05)


def test_tasks_of_a_chain_without_each_other_share_the_threads() -> None:
    tasks = [(n / 10, n / 10, (n + 1) / 10) for n in range(20)]
    inputs = {n: [n - 1] for n in range(1, 20)}
    trace = ran(tasks, workers=2, inputs=inputs, seconds=2.0)
    assert gain("chain", trace) == pytest.approx((1.25, 2.0), rel=0.01)


def fetched(seconds: float) -> Trace:
    """Return tasks of which the third needs 100 MB of another worker, and waits so long for it."""
    return ran(
        [(0.0, 0.0, 1.0), (0.0, 0.0, 1.0), (1.0, 1.0 + seconds, 2.0 + seconds)],
        workers=2,
        on=[0, 1, 0],
        inputs={2: [0, 1]},
        seconds=2.0 + seconds,
        nbytes=array("q", [100 * MB] * 3),
        fetches=Fetches(
            worker=array("i", [0]),
            begun=array("d", [1.0]),
            ended=array("d", [1.0 + seconds]),
            task=array("i", [2]),
        ),
    )


def test_what_is_fetched_at_once_is_not_waited_for() -> None:
    found = gain("fetching inputs", fetched(1.0), transferred=100 * MB)  # at 100 MB/s
    assert found == pytest.approx((3.0 / 2.6, 3.0 / 2.0))


def test_small_tasks_joined_pay_their_overhead_once() -> None:
    each = [(n / 100, n / 100 + 0.008, (n + 1) / 100) for n in range(400)]  # 8 ms, then 2 ms
    least, most = gain("small tasks", ran(each, seconds=4.0), spans=cpu(0.8, 0.0))
    # 5 tasks of 160 ms are left; most of each may be calls that it then makes once.
    assert least == pytest.approx(4.0 / (0.8 + 5 * 0.008), rel=0.01)
    assert most == pytest.approx(4.0 / (0.32 + 5 * 0.008), rel=0.01)


def test_submitted_tasks_are_joined_though_each_is_a_graph() -> None:
    each = [(n / 100, n / 100 + 0.008, (n + 1) / 100) for n in range(400)]
    trace = ran(each, seconds=4.0, nbytes=array("q", [8] * 400))
    trace = replace(trace, arrivals=(0.0,) * 400, graph=array("i", range(400)))
    least, _ = gain("small tasks", trace, spans=cpu(0.8, 0.0))
    assert least == pytest.approx(4.0 / (0.8 + 5 * 0.008), rel=0.01)


def test_threads_without_the_gil_have_a_cpu_each() -> None:
    trace = ran([(0.0, 0.0, 2.0)] * 4, threads=4, seconds=2.0, cores=(cores(1.0, cpus=8),))
    # Each computes for 0.5 s, and 0.3 of its 1.5 s may be spent waiting for something else.
    assert gain("GIL", trace, spans=cpu(2.0, 6.0)) == pytest.approx((2.0 / 0.95, 4.0))


def test_threads_that_wait_wait_side_by_side() -> None:
    tasks = [(0.0, n / 10, (n + 1) / 10) for n in range(20)]
    trace = ran(tasks, seconds=2.0, cores=(cores(0.0),))
    # With four at once each may take 1 + 3 / 2 as long.
    assert gain("waiting", trace, spans=cpu(0.0, 2.0)) == pytest.approx((1.6, 4.0))
    # What they compute they do not do faster with as many CPUs as threads before.
    trace = ran(tasks, seconds=2.0, cores=(cores(0.4, cpus=1),))
    least, most = gain("waiting", trace, cpus=1, spans=cpu(0.8, 1.2))
    assert 1.2 < least < most < 2.5


def test_graphs_that_come_at_once_share_the_threads() -> None:
    tasks = [(float(n), float(n), n + 1.0) for n in range(4)]
    trace = graphs(ran(tasks, workers=2, seconds=4.0), range(4), range(1, 5))
    assert gain("sending the graph", trace) == pytest.approx((1.25, 2.0))


def test_many_small_graphs_at_once_are_sent_once() -> None:
    # 20 ms until a graph is there, 40 ms of dask's, 20 ms of work, 20 ms until the next call.
    each = [(n / 10 + 0.02, n / 10 + 0.06, n / 10 + 0.08) for n in range(20)]
    trace = ran(each, seconds=2.0)
    sent = [n / 10 + 0.02 for n in range(20)]
    least, most = gain("sending the graph", graphs(trace, sent, [n / 10 + 0.1 for n in range(20)]))
    assert 1.2 < least < 2.0 < most < 6.0  # 5 times as fast if only the work is left


def test_a_cold_worker_without_its_start_takes_what_the_others_take() -> None:
    tasks = [(0.0, 0.0, 1.0)] + [(0.0, 1 + n / 10, 1.1 + n / 10) for n in range(10)]
    trace = ran(tasks * 2, workers=2, on=[0] * 11 + [1] * 11, seconds=2.0)
    assert gain("cold workers", trace) == pytest.approx((2.0 / 1.46, 2.0 / 1.1))


def test_what_no_task_does_stays_as_it_is() -> None:
    # The kernel works for 1 s before, and 1 s after.
    trace = ran([(1.0, 1.0, 3.0)], workers=2, seconds=4.0, arrival=1.0, calls=[(1.0, 3.0, 2)])
    least, most = gain("few tasks", trace)
    assert (least, most) == pytest.approx((4.0 / (2.0 + 1.6), 4.0 / 3.0))


def test_where_a_replay_is_far_off_the_account_tells() -> None:
    # 100 MB do not take 5 s, so that it is not known what they would take otherwise.
    share = 5.0 / (2 * 7.0)
    found = gain("fetching inputs", fetched(5.0), transferred=100 * MB)
    assert found == pytest.approx(range_of(0.4 * share, share))
