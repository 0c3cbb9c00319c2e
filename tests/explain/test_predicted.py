"""Predictions are used where they hold and there is room, never against what was measured."""

from __future__ import annotations

from dataclasses import replace

from profiles import GB, MACHINE, make_profile, make_run
from traces import cores, make_trace

from sdprofile.explain.predicted import doubt_of, errors_upwards
from sdprofile.model.machine import Machine
from sdprofile.model.prediction import Prediction, Predictions
from sdprofile.model.run import Run

LARGE = Machine(cpus=16, memory=128 * GB, memory_free=100 * GB)


def predict(
    *told: tuple[int, float], off: float = 0.1, peak: int = GB, cpus: int = 16, doubt: str = ""
) -> Predictions:
    """Return what was predicted of counts: their times."""
    return Predictions(
        asked=tuple(
            Prediction(
                workers=workers,
                seconds=seconds,
                peak_worker=peak,
                peak_cluster=workers * peak,
                seconds_off=off,
                peak_off=off,
            )
            for workers, seconds in told
        ),
        measured=(),
        replayed=1,
        cpus=cpus,
        crowded=True,
        rate=None,
        doubt=doubt,
    )


def answer(predictions: Predictions, *runs: Run, machine: Machine = LARGE) -> str:
    """Return the answer of a profile; of 1, 2 and 4 workers that took 12, 6 and 4 s by default."""
    return make_profile(*runs, predictions=predictions, machine=machine).answer.text


def test_a_count_that_is_predicted_to_be_faster_is_worth_trying() -> None:
    text = answer(predict((8, 2.4), (16, 2.3)))
    assert "8 workers would be worth trying: about 1.7x (2.2 to 2.6 s predicted)." in text
    assert "not tried" not in text


def test_the_largest_is_where_it_gains_most() -> None:
    assert "16 workers would be worth trying: about 3.3x" in answer(predict((8, 2.4), (16, 1.2)))


def test_more_workers_that_gain_nothing_are_told_too() -> None:
    assert "8 and 16 workers are predicted to gain next to nothing." in answer(
        predict((8, 4.1), (16, 4.2))
    )


def test_nothing_is_told_where_the_range_leaves_it_open() -> None:
    text = answer(predict((8, 3.4), off=0.3))
    assert "redicted" not in text
    assert "worth" not in text
    assert "More workers were not tried" in text


def test_only_counts_are_told_for_which_there_is_room() -> None:
    assert "worth trying" not in answer(predict((16, 1.2), cpus=8), machine=MACHINE)
    little = replace(LARGE, memory=50 * GB)  # for workers of 5 GB
    assert "8 workers would be worth trying" in answer(predict((8, 2.4), (16, 1.2)), machine=little)


def test_elsewhere_the_hosts_of_the_workers_are_what_has_room() -> None:
    trace = replace(make_trace([1.0]), cores=(cores(1.0, cpus=8), cores(1.0, worker=1, cpus=8)))
    runs = [make_run(1, seconds=8.0, trace=trace), make_run(2, seconds=4.0, trace=trace)]
    told = predict((8, 1.2), (16, 0.6), cpus=0)
    assert "8 workers would be worth trying: about 3.3x" in answer(told, *runs)


def test_nothing_is_told_against_what_was_measured() -> None:
    runs = [
        make_run(workers, seconds=seconds + 0.01 * repeat, repeat=repeat)
        for workers, seconds in ((1, 8.0), (2, 4.0), (4, 4.4))
        for repeat in range(1, 6)
    ]
    text = answer(predict((8, 1.0)), *runs)
    assert text.startswith("Use 2 workers")
    assert "worth" not in text


def test_of_one_count_that_was_measured_more_may_be_worth_trying() -> None:
    assert "8 workers would be worth trying: about 6.7x" in answer(
        predict((8, 1.5)), make_run(1, seconds=10.0)
    )


def test_what_does_not_hold_is_not_used() -> None:
    assert "worth" not in answer(predict((8, 1.0), doubt="tasks started tasks"))
    told = predict((8, 1.0), peak=4 * GB)  # of 5 GB, which a worker spills from 70 % on
    assert "worth" not in answer(told)
    assert doubt_of(make_profile(predictions=told), told.asked[0]) == "workers would spill"


def test_the_smallest_count_is_held_against_nothing_also_beside_no_cluster() -> None:
    made = predict((8, 2.4))
    made = replace(made, measured=tuple(replace(made.asked[0], workers=each) for each in (1, 2)))
    runs = [make_run(workers, seconds=4.0, peak=None) for workers in (0, 1, 2)]
    profile = make_profile(*runs, predictions=made)
    assert [each.workers for each in errors_upwards(profile)] == [2]
