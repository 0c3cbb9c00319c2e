"""One run and one curve of it stand for a worker count, and keep their maxima when shortened."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from profiles import GB, make_curve, make_profile, make_run

from sdprofile.model.run import CountSummary, Run
from sdprofile.render.curves import (
    column_maxima,
    last_run,
    median_run,
    shown_curve,
    shown_limit,
    thinned,
)


def count_of(*runs: Run) -> CountSummary:
    [count] = make_profile(*runs).counts
    return count


def test_sum_over_all_workers_is_shown() -> None:
    one, all_workers = make_curve([1, 1], worker="tcp://w"), make_curve([2, 2])

    shown = shown_curve(make_run(curves=(one, all_workers)))

    assert shown is not None
    assert shown[1].tolist() == [2, 2]


def test_without_samples_there_is_no_curve() -> None:
    assert shown_curve(make_run(curves=(make_curve([]),))) is None


def test_limit_on_a_sum_is_that_of_all_workers() -> None:
    assert shown_limit(count_of(make_run(4, memory_limit=5 * GB))) == 20 * GB


def test_no_limit_stays_none() -> None:
    assert shown_limit(count_of(make_run(4, memory_limit=None))) is None


def test_last_run_is_the_last_that_ended_well() -> None:
    runs = [
        make_run(repeat=1),
        make_run(repeat=2),
        make_run(repeat=3, status="killed"),
    ]

    assert last_run(count_of(*runs)) is runs[1]


def test_last_run_is_the_last_where_none_ended_well() -> None:
    runs = [make_run(repeat=1, status="killed"), make_run(repeat=2, status="killed")]

    assert last_run(count_of(*runs)) is runs[1]


def test_median_run_is_the_one_nearest_to_the_median() -> None:
    runs = [make_run(seconds=seconds, curve=[1]) for seconds in (9.0, 2.0, 3.0)]

    assert median_run(count_of(*runs)) is runs[2]


def test_median_run_is_one_that_was_sampled() -> None:
    runs = [make_run(seconds=9.0, curve=[1]), make_run(seconds=2.0), make_run(seconds=3.0)]

    assert median_run(count_of(*runs)) is runs[0]


def test_median_run_is_a_killed_one_where_nothing_else_was_sampled() -> None:
    runs = [make_run(), make_run(status="killed", curve=[1])]

    assert median_run(count_of(*runs)) is runs[1]


def test_column_holds_the_spike_that_falls_in_it() -> None:
    seconds, nbytes = np.array([0.0, 3.1, 3.2, 3.3, 8.0]), np.array([1.0, 1.0, 9.0, 1.0, 1.0])

    assert column_maxima(seconds, nbytes, np.arange(9.0)).tolist() == [1, 1, 1, 9, 1, 1, 1, 1]


def test_column_between_two_samples_is_on_the_line_between_them() -> None:
    seconds, nbytes = np.array([0.0, 4.0]), np.array([0.0, 4.0])

    assert column_maxima(seconds, nbytes, np.arange(5.0)).tolist() == [1, 2, 3, 4]


def test_single_sample_is_level() -> None:
    assert column_maxima(np.array([2.0]), np.array([7.0]), np.arange(4.0)).tolist() == [7, 7, 7]


def test_short_curve_is_not_thinned() -> None:
    seconds = np.arange(400.0)

    assert thinned(seconds, seconds, most=400)[0] is seconds


@given(nbytes=st.lists(st.integers(0, 10**12), min_size=1, max_size=300), most=st.integers(3, 40))
def test_thinned_curve_keeps_maximum_ends_and_order(nbytes: list[int], most: int) -> None:
    seconds = np.arange(len(nbytes), dtype=float)
    heights = np.array(nbytes, dtype=float)

    kept_seconds, kept = thinned(seconds, heights, most=most)

    assert len(kept) == min(most, len(nbytes))
    assert kept.max() == heights.max()
    assert (kept_seconds[0], kept_seconds[-1]) == (seconds[0], seconds[-1])
    assert (np.diff(kept_seconds) > 0).all()
    assert (heights[kept_seconds.astype(int)] == kept).all()


def test_curve_of_a_kill_ends_at_what_the_nanny_saw() -> None:
    run = make_run(status="killed", seconds=4.0, curve=[10, 20])

    curve = shown_curve(run)

    assert curve is not None
    assert curve[0].tolist() == [0.0, 4.0, 4.0]
    assert curve[1].tolist() == [10, 20, 49 * GB // 10]
