"""Which run stands for a count."""

from __future__ import annotations

from profiles import make_run
from traces import make_trace

from sdprofile.model.measured import traced, with_one_trace

TRACE = make_trace([1.0])


def test_only_the_run_nearest_to_the_median_of_each_count_keeps_its_tasks() -> None:
    runs = [
        make_run(count, seconds=seconds, repeat=repeat, trace=TRACE)
        for repeat, seconds in enumerate((1.0, 9.0, 2.0), start=1)
        for count in (1, 2)
    ]
    kept = with_one_trace(runs)
    assert [(run.workers, run.seconds) for run in kept if run.trace] == [(1, 2.0), (2, 2.0)]
    assert [run.repeat for run in kept] == [run.repeat for run in runs]


def test_the_last_stands_for_a_count_of_which_no_run_ended_well() -> None:
    runs = [make_run(status="killed", repeat=repeat, trace=TRACE) for repeat in (1, 2)]
    assert traced(runs) is runs[1]


def test_a_run_without_tasks_stands_for_none() -> None:
    with_tasks, without = make_run(seconds=1.0, trace=TRACE), make_run(seconds=2.0)
    assert traced([with_tasks, without, make_run(seconds=2.1)]) is with_tasks
    assert traced([without]) is None


def test_of_two_runs_the_shorter_stands_for_both() -> None:
    runs = [make_run(seconds=seconds, repeat=2, trace=TRACE) for seconds in (3.1, 1.7)]
    assert traced(runs) is runs[1]
