"""A replay of tasks whose times are known gives the time and the memory that can be worked out."""

from __future__ import annotations

import pytest
from traces import MB, make_costs, make_trace

from sdprofile.replay.events import replay


def seconds(*args: object, workers: int, **kwargs: object) -> float:
    """Return the time of a replay of a trace, with these costs."""
    (trace,) = args
    return replay(trace, make_costs(**kwargs), workers=workers).seconds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("workers", "expected"), [(1, 8.0), (2, 4.0), (4, 2.0), (8, 1.0), (9, 1.0)]
)
def test_tasks_that_need_nothing_share_the_workers(workers: int, expected: float) -> None:
    trace = make_trace([1.0] * 8, wanted=range(8))
    assert seconds(trace, workers=workers) == pytest.approx(expected)


def test_threads_share_them_too() -> None:
    trace = make_trace([1.0] * 8, wanted=range(8), threads=4)
    assert seconds(trace, workers=2) == pytest.approx(1.0)


def test_a_chain_takes_as_long_on_any_number_of_workers() -> None:
    trace = make_trace([1.0, 2.0, 3.0], inputs={1: [0], 2: [1]})
    assert seconds(trace, workers=1) == seconds(trace, workers=8) == pytest.approx(6.0)


def test_a_task_starts_when_the_last_of_its_inputs_is_there() -> None:
    trace = make_trace([1.0, 3.0, 0.5], inputs={2: [0, 1]})
    assert seconds(trace, workers=2) == pytest.approx(3.5)


def test_tasks_share_the_cpus_that_there_are() -> None:
    trace = make_trace([1.0] * 4, wanted=range(4))
    assert seconds(trace, workers=4, cpus=2) == pytest.approx(2.0)


def test_tasks_that_wait_need_no_cpu() -> None:
    trace = make_trace([1.0] * 4, wanted=range(4))
    assert seconds(trace, workers=4, cpus=1, cpu_share=(0.0,)) == pytest.approx(1.0)
    # A quarter of each needs the one CPU, which the four share.
    assert seconds(trace, workers=4, cpus=1, cpu_share=(0.25,)) == pytest.approx(1.75)


def test_tasks_beside_each_other_get_slower() -> None:
    trace = make_trace([1.0] * 4, wanted=range(4))
    assert seconds(trace, workers=2, crowding=0.5) == pytest.approx(2 * 1.5)
    # What was recorded with two side by side has it in it already.
    assert seconds(trace, workers=2, crowding=0.5, alone=2.0) == pytest.approx(2.0)


def test_threads_need_time_between_tasks() -> None:
    trace = make_trace([1.0] * 4, wanted=range(4))
    assert seconds(trace, workers=2, overhead=0.5) == pytest.approx(3.0)


def test_the_scheduler_handles_one_result_after_another() -> None:
    trace = make_trace([0.001] * 100, wanted=range(100))
    assert seconds(trace, workers=50, scheduling=0.1) == pytest.approx(10.0, rel=0.01)


def test_the_scheduler_shares_the_cpus() -> None:
    trace = make_trace([1.0] * 20, wanted=range(20))
    slow = seconds(trace, workers=2, scheduling=0.5, cpus=2)
    assert seconds(trace, workers=2, scheduling=0.5) < slow < 20 * 1.5


def test_inputs_are_fetched_from_other_workers() -> None:
    trace = make_trace([1.0, 1.0, 1.0], inputs={2: [0, 1]}, nbytes=100 * MB)
    assert seconds(trace, workers=2, rate=50.0 * MB) == pytest.approx(1.0 + 2.0 + 1.0)
    assert seconds(trace, workers=1, rate=50.0 * MB) == pytest.approx(3.0)


def test_idle_workers_take_tasks_that_wait_elsewhere_unless_their_inputs_are_large() -> None:
    trace = make_trace(
        [0.1, *[1.0] * 4],
        inputs=dict.fromkeys(range(1, 5), [0]),
        wanted=range(5),
        groups=[0, 1, 1, 1, 1],  # too few to be queued
    )
    assert seconds(trace, workers=1, groups=2) == pytest.approx(4.1)
    assert seconds(trace, workers=2, groups=2) < 3.2
    assert seconds(trace, workers=2, rate=0.1 * MB, groups=2) == pytest.approx(4.1)


def test_the_kernel_works_between_graphs_and_at_the_end() -> None:
    trace = make_trace([1.0] * 4, graphs=[0, 0, 1, 1], wanted=range(4), gap=0.5)
    assert trace.seconds == pytest.approx(5.5)
    assert seconds(trace, workers=1) == pytest.approx(5.5)
    assert seconds(trace, workers=2) == pytest.approx(3.5)


def test_a_graph_that_was_not_waited_for_comes_at_its_time() -> None:
    # The second was sent while the first was being worked on.
    trace = make_trace([1.0] * 4, wanted=range(4))
    trace = type(trace)(**{**vars(trace), "arrivals": (0.0, 0.1), "graph": trace.graph[:]})
    trace.graph[2] = trace.graph[3] = 1
    assert seconds(trace, workers=4) == pytest.approx(1.1)


def test_clocks_of_other_hosts_may_be_a_little_off() -> None:
    trace = make_trace([0.001] * 2, graphs=[0, 1], wanted=range(2), gap=0.5)
    # As if each had ended before its graph had come.
    for index in range(2):
        trace.begun[index] -= 0.002
        trace.ended[index] -= 0.002
    assert seconds(trace, workers=1) == pytest.approx(trace.seconds, abs=0.01)


def test_results_are_held_until_they_are_read() -> None:
    chain = make_trace([1.0] * 5, inputs={index: [index - 1] for index in range(1, 5)})
    costs = make_costs(baseline=100 * MB)
    assert replay(chain, costs, workers=1).peak_worker == 102 * MB
    fan = make_trace([1.0] * 5, inputs={4: range(4)})
    assert replay(fan, costs, workers=1).peak_worker == 105 * MB


def test_results_that_the_kernel_holds_stay_until_it_drops_them() -> None:
    graphs = [0, 0, 1, 1]
    kept = make_trace([1.0] * 4, graphs=graphs, wanted=range(4), gap=0.5)
    dropped = make_trace([1.0] * 4, graphs=graphs, wanted=range(4), gap=0.5, released=2.6)
    assert replay(kept, make_costs(), workers=1).peak_worker == 4 * MB
    assert replay(dropped, make_costs(), workers=1).peak_worker == 2 * MB


def test_a_task_raises_its_worker_while_it_runs_and_both_the_cluster() -> None:
    trace = make_trace([1.0] * 4, wanted=range(4))
    found = replay(trace, make_costs(baseline=100 * MB, rise=(50 * MB,)), workers=2)
    assert found.peak_worker == (100 + 1 + 50) * MB
    assert found.peak_cluster == 2 * (100 + 1 + 50) * MB


def test_what_is_fetched_is_held_twice() -> None:
    trace = make_trace([1.0, 1.0, 1.0], inputs={2: [0, 1]}, nbytes=10 * MB)
    found = replay(trace, make_costs(), workers=2)
    assert found.peak_worker == 30 * MB
    assert found.peak_cluster == 40 * MB


def test_without_tasks_it_takes_as_long_as_it_took() -> None:
    trace = make_trace([], gap=2.0)
    found = replay(trace, make_costs(groups=0, baseline=MB), workers=8)
    assert (found.seconds, found.peak_worker, found.peak_cluster) == (2.0, MB, 8 * MB)


def test_tasks_that_wait_for_each_other_are_no_trace() -> None:
    with pytest.raises(ValueError, match="expected tasks that can all be run"):
        replay(make_trace([1.0, 1.0], inputs={0: [1], 1: [0]}), make_costs(), workers=1)
