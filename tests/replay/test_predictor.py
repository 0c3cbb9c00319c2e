"""From runs with their tasks to predictions, and how far off these are."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import pytest
from profiles import GB, make_activity, make_profile, make_run, make_task
from traces import MB, make_costs, make_trace, ran

from sdprofile.model.circumstances import Circumstances
from sdprofile.model.prediction import Prediction, Predictions
from sdprofile.model.trace import Cores, Trace
from sdprofile.replay.costs import costs_of, fetches_of
from sdprofile.replay.events import replay
from sdprofile.replay.excerpt import excerpt
from sdprofile.replay.predictor import Predictor
from sdprofile.replay.recorded import Recorded

SPANS = (make_activity("thread-cpu", 8.0, prefix="group0"),)


def predicted(predictor: Predictor, *counts: int, **kwargs: int) -> Predictions:
    """Return predictions, which there are."""
    found = predictor.predict(counts, **kwargs)
    assert found is not None
    return found


def side_by_side(seconds: float) -> Trace:
    """Return eight tasks that two workers ran, two at a time."""
    trace = make_trace([seconds] * 8, wanted=range(8), workers=2)
    for index in range(8):
        start = seconds * (index // 2)
        trace.begun[index], trace.ended[index] = start, start + seconds
        trace.worker[index] = index % 2
    return replace(trace, seconds=4 * seconds)


def test_the_smallest_count_is_replayed_and_each_thread_has_a_cpu_unless_it_is_told() -> None:
    predictor = Predictor(cpus=2)
    trace = make_trace([1.0] * 8, wanted=range(8))
    predictor.add(make_run(2, seconds=4.0, spans=SPANS, trace=side_by_side(1.0)))
    predictor.add(make_run(1, seconds=8.0, spans=SPANS, trace=trace))

    found = predicted(predictor, 8, 4)

    assert found.replayed == 1
    assert [each.workers for each in found.asked] == [4, 8]
    # A result is on its way for 2 ms.
    assert [each.seconds for each in found.asked] == pytest.approx([2.0, 1.0], abs=0.01)
    assert [each.seconds for each in found.measured] == pytest.approx([8.0, 4.0], abs=0.01)
    [shared] = predicted(predictor, 4, cpus=2).asked
    assert shared.seconds == pytest.approx(4.0, abs=0.01)
    assert [each.workers for each in found.every] == [1, 2, 4, 8]
    assert found.rate is None


def test_no_count_takes_less_than_the_cpus_allow() -> None:
    predictor = Predictor(cpus=2)
    trace = make_trace([1.0] * 8, wanted=range(8))
    spans = (make_activity("thread-noncpu", 8.0, prefix="group0"),)
    # Tasks that wait, as far as is known of them; the last of three steps is cut off.
    used = tuple(
        Cores(worker=worker, cpus=2, step=1.5, used=(0.8, 0.8, 0.6)) for worker in ("a", "b")
    )
    around = Circumstances(kernel_cpu_seconds=0.5)
    predictor.add(make_run(1, seconds=8.0, spans=spans, trace=trace))
    both = replace(side_by_side(1.0), cores=used, scheduler_seconds=0.3)
    predictor.add(make_run(2, seconds=4.0, spans=spans, trace=both, circumstances=around))

    # (2 * (0.8 * 3 + 0.6 * 1) + 0.5 + 0.3) / 2 CPUs
    found = predicted(predictor, 4, cpus=2)
    assert [each.seconds for each in found.asked] == pytest.approx([3.4], abs=0.001)
    assert predicted(predictor, 4).asked[0].seconds == pytest.approx(2.0, abs=0.01)
    assert predicted(predictor, 1, cpus=2).asked[0].seconds == pytest.approx(8.0, abs=0.01)


def test_what_all_counts_take_of_the_cpus_besides_tasks_grows_on() -> None:
    predictor = Predictor(cpus=2)
    waits = make_activity("thread-noncpu", 5.0, prefix="group0")
    works = make_activity("thread-cpu", 3.0, prefix="group0")
    trace = make_trace([1.0] * 8, wanted=range(8))
    one = Cores(worker="a", cpus=2, step=8.0, used=(0.5,))
    two = Cores(worker="a", cpus=2, step=4.0, used=(1.5,))
    alone = replace(trace, cores=(one,))
    both = replace(side_by_side(1.0), cores=(two,))
    predictor.add(make_run(1, seconds=8.0, spans=(waits, works), trace=alone))
    predictor.add(make_run(2, seconds=4.0, spans=(waits, works), trace=both))

    four, eight = predicted(predictor, 4, 8, cpus=2).asked

    # Tasks 3 s in each, besides 1 s with one worker and 3 s with two: 5 s with four, 7 s with 8.
    assert four.seconds == pytest.approx((3.0 + 5.0) / 2, abs=0.001)
    assert eight.seconds == pytest.approx((3.0 + 7.0) / 2, abs=0.001)


def test_the_runs_of_the_smallest_count_meet_its_median() -> None:
    predictor = Predictor(cpus=8)
    for seconds in (1.0, 1.1, 5.0):
        predictor.add(make_run(seconds=seconds, trace=make_trace([seconds])))
    assert predicted(predictor, 1).asked[0].seconds == pytest.approx(1.1, abs=0.01)


def test_runs_that_did_not_end_well_tell_nothing() -> None:
    predictor = Predictor(cpus=8)
    predictor.add(make_run(status="killed", trace=make_trace([1.0])))
    predictor.add(make_run())
    assert predictor.predict((2,)) is None


def test_what_is_lost_between_tasks_is_lost_again() -> None:
    predictor = Predictor(cpus=8)
    trace = make_trace([1.0] * 8, wanted=range(8), overhead=0.1)
    predictor.add(make_run(seconds=trace.seconds, spans=SPANS, trace=trace))
    assert predicted(predictor, 2).asked[0].seconds == pytest.approx(4.4, abs=0.1)


def test_tasks_that_got_slower_side_by_side_get_slower_still() -> None:
    predictor = Predictor(cpus=8)
    alone = make_trace([1.0] * 8, wanted=range(8))
    predictor.add(make_run(1, seconds=8.0, spans=SPANS, trace=alone))
    predictor.add(make_run(2, seconds=4.8, spans=SPANS, trace=side_by_side(1.2)))

    found = predicted(predictor, 4)

    assert found.asked[0].seconds == pytest.approx(2 * (1 + 3 * 0.2), rel=0.03)
    assert found.measured[1].seconds == pytest.approx(4.0, abs=0.01)  # from 1 worker it is not seen


def test_tasks_that_had_no_cpu_to_themselves_say_nothing_of_a_larger_machine() -> None:
    predictor = Predictor(cpus=2)
    predictor.add(
        make_run(1, seconds=8.0, spans=SPANS, trace=make_trace([1.0] * 8, wanted=range(8)))
    )
    predictor.add(make_run(2, seconds=6.0, spans=SPANS, trace=side_by_side(1.5)))

    found = predicted(predictor, 4)

    assert not found.crowded
    assert found.asked[0].seconds == pytest.approx(2.0, abs=0.01)
    [here] = predicted(predictor, 2, cpus=2).asked
    assert here.seconds == pytest.approx(6.0, rel=0.01)


def test_memory_has_what_no_task_accounts_for() -> None:
    predictor = Predictor(cpus=8)
    tasks = (make_task("group0", rise_low=300 * MB, rise_high=300 * MB),)
    trace = make_trace([1.0] * 8, inputs={index: [index - 1] for index in range(1, 8)})
    predictor.add(make_run(seconds=8.0, peak=GB, task_memory=tasks, trace=trace))

    one, four = predicted(predictor, 1, 4).asked

    assert one.peak_worker == GB
    assert four.peak_cluster == 4 * GB - 3 * 301 * MB  # for one works at a time


@pytest.mark.parametrize(
    ("low", "each"),
    [(0, 100), (100, 100), (250, 250)],  # MB; one task must have taken 250 of the 400
)
def test_a_task_is_not_taken_to_need_what_all_threads_of_a_worker_took(low: int, each: int) -> None:
    predictor = Predictor(cpus=8)
    tasks = (make_task("group0", rise_low=low * MB, rise_high=400 * MB),)
    trace = make_trace([1.0] * 4, threads=4, nbytes=0)
    predictor.add(make_run(threads=4, peak=1, seconds=4.0, task_memory=tasks, trace=trace))

    [found] = predicted(predictor, 1).asked

    assert found.peak_worker == GB // 5 + 4 * each * MB  # all run side by side in the replay


def test_without_marks_of_the_memory_none_is_predicted() -> None:
    predictor = Predictor(cpus=8)
    predictor.add(make_run(peak=None, trace=make_trace([1.0])))
    assert predicted(predictor, 2).asked[0].peak_worker is None


def test_the_rate_is_what_workers_fetched_in_the_time_that_they_took_for_it() -> None:
    predictor = Predictor(cpus=8)
    fetched = make_activity("network", 2.0, context="gather-dep", prefix="")
    trace = make_trace([1.0, 1.0, 1.0], inputs={2: [0, 1]}, workers=2)
    trace.worker[1] = 1
    predictor.add(make_run(2, transferred=GB, spans=(fetched,), trace=trace))
    # Without the time of the question.
    assert predicted(predictor, 4).rate == pytest.approx(GB / 2, rel=0.01)


def test_small_fetches_tell_nothing_of_the_rate() -> None:
    predictor = Predictor(cpus=8)
    fetched = make_activity("network", 0.5, context="gather-dep", prefix="")
    trace = make_trace([1.0, 1.0, 1.0], inputs={2: [0, 1]}, nbytes=8, workers=2)
    trace.worker[1] = 1
    run = make_run(2, seconds=3.0, transferred=8, spans=(fetched,), trace=trace)
    predictor.add(run)
    found = predicted(predictor, 1, 2)
    assert found.rate is None
    assert fetches_of([Recorded(run=run, trace=trace)]) == (0.5, None)


def test_a_scheduler_that_is_at_work_needs_less_for_a_task() -> None:
    trace = replace(make_trace([0.01] * 100, wanted=range(100)), scheduler_seconds=0.5)
    one = Recorded(run=make_run(seconds=1.0, trace=trace), trace=trace)
    assert one.scheduling == pytest.approx(0.005 / (1 - 0.35 * 0.5))
    # What it does all the time is less of a shorter run.
    least = replace(trace, workers=2, scheduler_seconds=0.1)
    two = Recorded(run=make_run(2, seconds=1.0, trace=least), trace=least)
    assert costs_of(one, [one, two], cpus=8).scheduling == two.scheduling < one.scheduling


def test_a_prediction_has_a_range_from_the_counts_that_were_left_out_and_from_the_spread() -> None:
    def ranges(*times: tuple[int, float]) -> list[float]:
        predictor = Predictor(cpus=64)
        for workers, seconds in times:
            trace = make_trace([seconds / 8] * 8, wanted=range(8), workers=workers)
            predictor.add(make_run(workers, seconds=seconds, spans=SPANS, trace=trace))
        return [each.seconds_off for each in predicted(predictor, 4, 8, 16).asked]

    sure = ranges((1, 8.0), (2, 4.0))
    assert sure == sorted(sure)
    assert sure[0] == pytest.approx(0.1 * 2**0.5)  # never less than what is usual
    assert ranges((1, 8.0), (2, 5.5))[0] > 2 * sure[0]
    assert ranges((1, 8.0), (1, 12.0), (2, 4.0), (2, 5.0))[0] > sure[0]
    assert ranges((1, 8.0))[0] > sure[0]


@pytest.mark.parametrize(
    ("doubtful", "doubt"),
    [
        ({"spilled": GB}, "workers spilled"),
        ({"circumstances": Circumstances(pauses=1)}, "workers paused for lack of memory"),
        (
            {"spans": (make_activity("network", 1.0, context="p2p"),)},
            "a P2P shuffle moved data beside the tasks",
        ),
        ({}, ""),
    ],
)
def test_what_a_replay_leaves_out_makes_its_predictions_doubtful(
    doubtful: dict[str, Any], doubt: str
) -> None:
    predictor = Predictor(cpus=8)
    predictor.add(make_run(seconds=2.0, trace=make_trace([1.0] * 2), **doubtful))
    assert predicted(predictor, 2).doubt == doubt


@pytest.mark.parametrize(
    ("calls", "started"),
    [
        ([(0.0, 4.0, 2)], True),  # the second graph comes while the first is waited for
        ([(0.0, 1.0, 2), (1.0, 4.0, 2)], False),
        ([(0.0, 0.0, 1), (0.4, 0.4, 1), (0.5, 4.0, 0)], False),  # submitted, and gathered
        ([(0.0, 0.1, 1), (3.0, 4.0, 0)], True),  # nothing was sent then
        ([], False),  # not known
    ],
)
def test_tasks_that_start_tasks_are_seen(
    calls: list[tuple[float, float, int]], started: bool
) -> None:
    trace = ran(
        [(0.1, 0.1, 2.0), (1.0, 1.1, 3.0)], seconds=4.0, calls=calls, graph=array("i", [0, 1])
    )
    trace = replace(trace, arrivals=(0.1, 0.9 if len(calls) != 2 or calls[0][2] == 1 else 2.5))
    if len(calls) == 3:
        trace = replace(trace, arrivals=(0.1, 0.5))
    predictor = Predictor(cpus=8)
    predictor.add(make_run(seconds=4.0, trace=trace))
    assert predicted(predictor, 2).doubt == ("tasks started tasks" if started else "")


def test_each_count_is_told_before_it_is_predicted() -> None:
    predictor, told = Predictor(cpus=8), list[int]()
    for workers in (1, 2):
        trace = make_trace([1.0] * 2, workers=workers)
        predictor.add(make_run(workers, seconds=2.0, trace=trace))
    predictor.predict([4, 8], tell=told.append)
    assert told == [1, 2, 4, 8]


def test_of_many_tasks_the_first_are_an_excerpt_that_can_be_replayed() -> None:
    inputs = {2: [0], 3: [1], 5: [4, 2]}
    trace = make_trace([1.0] * 6, inputs=inputs, graphs=[0, 0, 0, 0, 1, 1], wanted=[3, 5])
    first = excerpt(trace, 4)
    assert (len(first), first.arrivals, first.seconds) == (4, (0.0,), 4.0)
    assert first.inputs_of == [[], [], [0], [1]]
    assert list(first.wanted) == [0, 0, 1, 1]  # the sixth needs the third
    assert replay(first, make_costs(), workers=2).seconds == pytest.approx(2.0)


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
    assert frame["seconds_low"].tolist() == frame["seconds_high"].tolist() == [6.0, 6.6, 1.0, 1.0]
