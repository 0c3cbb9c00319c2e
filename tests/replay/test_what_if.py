"""Tasks that are changed as is known take the time that can be worked out."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest
from profiles import make_activity, make_run
from traces import make_costs, make_trace

from sdprofile.model.trace import Cores, Group, Trace
from sdprofile.replay.what_if import Setup, apart, at_once, joined, lasting, recorded, split


def seconds(trace: Trace, *, workers: int = 1, overhead: float = 0.0) -> float:
    """Return the time of a replay of a trace."""
    costs = make_costs(len(trace.groups), overhead=overhead)
    return Setup(trace=trace, costs=costs, workers=workers).seconds


def test_a_run_is_replayed_in_the_time_that_it_took() -> None:
    trace = make_trace([1.0] * 4, wanted=range(4), overhead=0.1, gap=0.2)
    spans = (make_activity("thread-cpu", 4.0, prefix="group0"),)
    found = recorded(make_run(seconds=trace.seconds, trace=trace, spans=spans), trace, cpus=2)
    assert found is not None
    assert (found.workers, found.costs.cpus) == (1, 2)
    assert found.costs.overhead == pytest.approx(0.1)
    assert found.seconds == pytest.approx(trace.seconds, rel=0.03)


def test_workers_say_how_many_cpus_their_hosts_have() -> None:
    trace = make_trace([1.0] * 4, wanted=range(4))
    hosts = [("tcp://10.0.0.1:1", 8), ("tcp://10.0.0.1:2", 8), ("tcp://10.0.0.2:1", 16)]
    each = tuple(Cores(worker=host, cpus=cpus, step=0.1, used=(1.0,)) for host, cpus in hosts)
    trace = replace(trace, cores=each)
    found = recorded(make_run(seconds=4.0, trace=trace), trace, cpus=2)
    assert found is not None
    assert found.costs.cpus == 24


@pytest.mark.parametrize(("took", "tells"), [(3.3, True), (4.0, True), (4.9, True), (6.0, False)])
def test_a_replay_that_is_far_off_tells_nothing(took: float, tells: bool) -> None:
    trace = make_trace([1.0] * 4, wanted=range(4))
    assert (recorded(make_run(seconds=took, trace=trace), trace, cpus=8) is not None) is tells


def test_too_many_tasks_are_not_replayed() -> None:
    trace = make_trace([0.001] * 10_001)
    assert recorded(make_run(seconds=trace.seconds, trace=trace), trace, cpus=8) is None


def test_tasks_can_take_another_time() -> None:
    trace = make_trace([1.0, 1.0, 1.0], wanted=range(3), gap=0.5)
    assert seconds(lasting(trace, {0: 0.25, 2: 3.0})) == pytest.approx(4.25 + 2 * 0.5)


def test_tasks_that_need_nothing_of_each_other_run_side_by_side() -> None:
    # Of four in a chain the last needs what is none of them, too.
    trace = make_trace([1.0] * 5, inputs={2: [1], 3: [2], 4: [3, 0]})
    assert seconds(trace, workers=2) == pytest.approx(4.0)
    free = apart(trace, {1, 2, 3, 4})
    assert free.inputs_of == [[], [], [], [], [0]]
    assert seconds(free, workers=5) == pytest.approx(2.0)
    assert seconds(lasting(free, {1: 3.0}), workers=5) == pytest.approx(3.0)


def test_graphs_that_come_at_once_are_waited_for_at_the_end() -> None:
    trace = make_trace([1.0] * 3, graphs=[0, 1, 2], wanted=range(3), gap=0.5)
    assert seconds(trace, workers=3) == pytest.approx(trace.seconds)
    assert seconds(at_once(trace), workers=3) == pytest.approx(0.5 + 1.0 + 0.5)
    assert seconds(at_once(trace, kept=0.5), workers=3) == pytest.approx(0.5 + 0.5 + 1.0 + 0.5)
    alone = make_trace([1.0])
    assert at_once(alone) is alone


def test_the_parts_of_a_task_share_the_workers() -> None:
    trace = make_trace([1.0, 4.0, 1.0], inputs={1: [0], 2: [1]})
    cut = split(trace, {1: 4})
    assert cut.durations == pytest.approx([1.0] * 6)
    assert cut.inputs_of == [[], [0], [0], [0], [0], [1, 2, 3, 4]]
    assert list(cut.nbytes) == [1_000_000, *[250_000] * 4, 1_000_000]
    assert list(cut.order) == list(range(6))
    assert cut.groups[0].tasks == 6
    assert seconds(cut, workers=4) == pytest.approx(3.0)


def test_parts_share_what_the_whole_needs() -> None:
    trace = make_trace([1.0] * 4, inputs={3: [0, 1, 2]})
    assert split(trace, {3: 2}).inputs_of == [[], [], [], [0], [1, 2]]
    assert split(trace, {3: 4}).inputs_of == [[], [], [], [0], [0], [1], [2]]
    layers = make_trace([1.0] * 2, inputs={1: [0]})
    assert split(layers, {0: 2, 1: 2}).inputs_of == [[], [], [0], [1]]


def test_what_the_kernel_waits_for_it_waits_for_in_parts() -> None:
    trace = make_trace([4.0, 4.0], graphs=[0, 1], wanted=range(2), gap=0.5)
    assert seconds(split(trace, {0: 2, 1: 4}), workers=4) == pytest.approx(2.0 + 1.0 + 3 * 0.5)


def test_tasks_that_are_joined_pay_their_overhead_once() -> None:
    trace = make_trace([0.1] * 10, wanted=range(10))
    assert seconds(trace, overhead=0.2) == pytest.approx(3.0)
    made = joined(trace, 5)
    assert made.durations == pytest.approx([0.5, 0.5])
    assert list(made.nbytes) == [5_000_000] * 2
    assert seconds(made, overhead=0.2) == pytest.approx(1.4)
    assert [len(joined(trace, factor)) for factor in (2.5, 4, 100)] == [4, 3, 1]


def test_only_tasks_that_do_not_need_each_other_are_joined() -> None:
    # Two layers of four, of two prefixes by turns, and a sum of them.
    inputs = {4: [0], 5: [1], 6: [2], 7: [3], 8: [4, 5, 6, 7]}
    trace = make_trace([1.0] * 9, inputs=inputs, groups=[0, 1, 0, 1, 0, 1, 0, 1, 0])
    made = joined(trace, 2)
    assert made.durations == pytest.approx([2.0, 2.0, 2.0, 2.0, 1.0])
    assert made.inputs_of == [[], [], [0], [1], [2, 3]]
    assert seconds(made, workers=2) == pytest.approx(5.0)
    apart = make_trace([1.0] * 4, graphs=[0, 0, 1, 1], wanted=range(4), gap=0.5)
    assert len(joined(apart, 4)) == 2
    assert seconds(joined(apart, 4)) == pytest.approx(apart.seconds)


def test_tasks_of_many_names_but_one_prefix_are_joined() -> None:
    groups = [Group(prefix="call", tasks=1, groups_before=0, tasks_before=0)] * 6
    trace = replace(make_trace([1.0] * 6), groups=tuple(groups), group=array("i", range(6)))
    assert joined(trace, 3).durations == pytest.approx([3.0, 3.0])


def test_what_did_not_end_stays_so() -> None:
    trace = make_trace([1.0] * 4, wanted=range(3))
    trace.begun[3] = trace.ended[3] = float("inf")
    assert joined(trace, 2).durations == pytest.approx([2.0, 1.0])
    assert split(trace, {3: 2}).durations == pytest.approx([1.0, 1.0, 1.0, 0.0, 0.0])
    assert lasting(trace, {3: 5.0}).durations == pytest.approx([1.0, 1.0, 1.0, 0.0])
