"""From runs with their tasks to predictions, and how far off these are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from profiles import GB, make_activity, make_profile, make_run, make_task
from traces import MB, make_trace

from sdprofile.model.prediction import Prediction, Predictions
from sdprofile.replay.predictor import Predictor

SPANS = (make_activity("thread-cpu", 8.0, prefix="group0"),)


def predicted(predictor: Predictor, *counts: int, **kwargs: int) -> Predictions:
    """Return predictions, which there are."""
    found = predictor.predict(counts, **kwargs)
    assert found is not None
    return found


def test_the_smallest_count_is_replayed_and_each_thread_has_a_cpu_unless_it_is_told() -> None:
    predictor = Predictor(cpus=2)
    trace = make_trace([1.0] * 8, wanted=range(8))
    predictor.add(
        make_run(2, seconds=4.0, spans=SPANS, trace=replace(trace, workers=2, seconds=4.0))
    )
    predictor.add(make_run(1, seconds=8.0, spans=SPANS, trace=trace))

    found = predicted(predictor, 8, 4)

    assert found.replayed == 1
    assert [(each.workers, each.seconds) for each in found.asked] == [(4, 2.0), (8, 1.0)]
    assert [(each.workers, each.seconds) for each in found.measured] == [(1, 8.0), (2, 4.0)]
    assert [each.seconds for each in predicted(predictor, 4, cpus=2).asked] == [4.0]
    assert [each.workers for each in found.every] == [1, 2, 4, 8]
    assert found.rate is None


def test_the_run_nearest_to_the_median_stands_for_its_count() -> None:
    predictor = Predictor(cpus=8)
    for seconds in (1.0, 1.1, 5.0):
        predictor.add(make_run(seconds=seconds, trace=make_trace([seconds])))
    assert predicted(predictor, 2).asked[0].seconds == pytest.approx(1.1)


def test_runs_that_did_not_end_well_tell_nothing() -> None:
    predictor = Predictor(cpus=8)
    predictor.add(make_run(status="killed", trace=make_trace([1.0])))
    predictor.add(make_run())
    assert predictor.predict((2,)) is None


def test_what_is_lost_between_tasks_is_lost_again() -> None:
    predictor = Predictor(cpus=8)
    trace = make_trace([1.0] * 8, wanted=range(8), overhead=0.1)
    predictor.add(make_run(seconds=trace.seconds, spans=SPANS, trace=trace))
    assert predicted(predictor, 2).asked[0].seconds == pytest.approx(4.4)


def test_tasks_that_got_slower_side_by_side_get_slower_still() -> None:
    predictor = Predictor(cpus=8)
    alone = make_trace([1.0] * 8, wanted=range(8))
    predictor.add(make_run(1, seconds=8.0, spans=SPANS, trace=alone))
    beside = make_trace([1.2] * 8, wanted=range(8))
    for index in range(8):
        start = 1.2 * (index // 2)
        beside.begun[index], beside.ended[index] = start, start + 1.2
    predictor.add(
        make_run(2, seconds=4.8, spans=SPANS, trace=replace(beside, workers=2, seconds=4.8))
    )

    found = predicted(predictor, 4)

    assert found.measured[1].seconds == pytest.approx(4.8)
    assert found.asked[0].seconds == pytest.approx(2 * (1 + 3 * 0.2))


def test_tasks_that_had_no_cpu_to_themselves_say_nothing_of_a_larger_machine() -> None:
    predictor = Predictor(cpus=2)
    predictor.add(
        make_run(1, seconds=8.0, spans=SPANS, trace=make_trace([1.0] * 8, wanted=range(8)))
    )
    slower = make_trace([1.5] * 8, wanted=range(8))
    for index in range(8):
        start = 1.5 * (index // 2)
        slower.begun[index], slower.ended[index] = start, start + 1.5
    predictor.add(
        make_run(2, seconds=6.0, spans=SPANS, trace=replace(slower, workers=2, seconds=6.0))
    )

    found = predicted(predictor, 4)

    assert not found.crowded
    assert found.measured[1].seconds == pytest.approx(6.0)
    assert found.asked[0].seconds == pytest.approx(2.0)


def test_memory_has_what_no_task_accounts_for() -> None:
    predictor = Predictor(cpus=8)
    tasks = (make_task("group0", rise_low=300 * MB, rise_high=300 * MB),)
    trace = make_trace([1.0] * 8, inputs={index: [index - 1] for index in range(1, 8)})
    predictor.add(make_run(seconds=8.0, peak=GB, task_memory=tasks, trace=trace))

    found = predicted(predictor, 4)

    assert found.measured[0].peak_worker == GB
    assert found.asked[0].peak_cluster == 4 * GB - 3 * 301 * MB  # for one works at a time


@pytest.mark.parametrize(
    ("low", "each"),
    [(0, 100), (100, 100), (250, 250)],  # MB; one task must have taken 250 of the 400
)
def test_a_task_is_not_taken_to_need_what_all_threads_of_a_worker_took(low: int, each: int) -> None:
    predictor = Predictor(cpus=8)
    tasks = (make_task("group0", rise_low=low * MB, rise_high=400 * MB),)
    trace = make_trace([1.0] * 4, threads=4, nbytes=0)
    predictor.add(make_run(threads=4, peak=1, seconds=4.0, task_memory=tasks, trace=trace))

    [found] = predicted(predictor, 1).measured

    assert found.peak_worker == GB // 5 + 4 * each * MB  # all run side by side in the replay


def test_without_marks_of_the_memory_none_is_predicted() -> None:
    predictor = Predictor(cpus=8)
    predictor.add(make_run(peak=None, trace=make_trace([1.0])))
    assert predicted(predictor, 2).asked[0].peak_worker is None


def test_the_rate_is_what_workers_fetched_in_the_time_that_they_took_for_it() -> None:
    predictor = Predictor(cpus=8)
    fetched = make_activity("network", 2.0, context="gather-dep", prefix="")
    predictor.add(make_run(2, transferred=GB, spans=(fetched,), trace=make_trace([1.0], workers=2)))
    assert predicted(predictor, 4).rate == GB / 2


def test_errors_are_of_what_was_measured() -> None:
    def prediction(workers: int, seconds: float, peak: int) -> Prediction:
        return Prediction(
            workers=workers, seconds=seconds, peak_worker=peak, peak_cluster=workers * peak
        )

    predictions = Predictions(
        asked=(prediction(8, 1.0, GB),),
        measured=(prediction(1, 6.0, 5 * GB), prediction(2, 6.6, GB), prediction(3, 1.0, GB)),
        replayed=1,
        cpus=8,
        crowded=True,
        rate=None,
    )
    profile = make_profile(predictions=predictions)  # of 1 and 2 workers: 12 and 6 s, 4 and 2 GB

    one, two = predictions.errors(profile.counts)

    assert (one.seconds, one.peak_worker, one.peak_cluster) == (-0.5, 0.25, 0.25)
    assert two.seconds == pytest.approx(0.1)
    # The cluster's peak lies within the bracket that is known of it.
    assert (two.peak_worker, two.peak_cluster) == (-0.5, 0.0)
    frame = predictions.to_frame()
    assert frame["workers"].tolist() == [1, 2, 3, 8]
    assert frame["measured"].tolist() == [True, True, True, False]
