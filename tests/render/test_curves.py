"""One run and one curve of it stand for a worker count, and keep their maxima when shortened."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from profiles import GB, address, make_curve, make_failure, make_profile, make_run

from sdprofile.model.memory import Curve
from sdprofile.model.run import CountSummary, Run
from sdprofile.render.curves import (
    Array,
    column_maxima,
    emptiest_curve,
    is_sampled,
    median_run,
    shown_curve,
    shown_limit,
    thinned,
)


def count_of(*runs: Run) -> CountSummary:
    [count] = make_profile(*runs).counts
    return count


def sampled(worker: int, seconds: list[float], nbytes: list[int], **kwargs: str) -> Curve:
    """Return what the sampler saw of one worker."""
    return Curve(
        source="sampler",
        worker=address(worker),
        seconds=tuple(seconds),
        nbytes=tuple(nbytes),
        **kwargs,
    )


def as_lists(curve: tuple[Array, Array] | None) -> tuple[list[float], list[float]]:
    assert curve is not None
    return curve[0].tolist(), curve[1].tolist()


def test_fullest_worker_is_shown_at_each_time() -> None:
    curves = (sampled(0, [0, 1, 2], [5, 1, 7]), sampled(1, [0, 1, 2], [1, 6, 2]))
    run = make_run(2, curves=curves)

    assert as_lists(shown_curve(run)) == ([0, 1, 2], [5, 6, 7])
    assert as_lists(emptiest_curve(run)) == ([0, 1, 2], [1, 1, 2])


def test_hosts_that_are_sampled_at_other_times_are_compared_between_their_samples() -> None:
    curves = (sampled(0, [0, 2], [0, 8]), sampled(1, [0, 1, 2], [6, 6, 6]))

    assert as_lists(shown_curve(make_run(2, curves=curves))) == ([0, 1, 2], [6, 6, 8])


def test_worker_that_left_is_neither_fullest_nor_emptiest_any_more() -> None:
    curves = (
        sampled(0, [0, 1], [9, 9]),
        sampled(1, [0, 1, 2], [4, 4, 4]),
        sampled(2, [0, 1], [2, 2]),
    )
    run = make_run(3, curves=curves)

    assert as_lists(shown_curve(run)) == ([0, 1, 2], [9, 9, 4])
    assert as_lists(emptiest_curve(run)) == ([0, 1, 2], [2, 2, 4])


def test_worker_that_came_late_was_not_empty_before() -> None:
    curves = (sampled(0, [0, 1, 2], [5, 5, 5]), sampled(1, [1, 2], [3, 3]))

    assert as_lists(emptiest_curve(make_run(2, curves=curves))) == ([0, 1, 2], [5, 3, 3])


def test_fullest_does_not_drop_at_the_end_where_its_host_was_sampled_a_moment_earlier() -> None:
    curves = (sampled(0, [0, 1.99], [9, 9]), sampled(1, [0.01, 2.0], [4, 4]))

    seconds, nbytes = as_lists(shown_curve(make_run(2, curves=curves)))

    assert seconds == [0, 0.01, 1.99, 2.0]
    assert nbytes == [9, 9, 9, 9]


def test_only_the_memory_of_whole_processes_is_shown() -> None:
    curves = (
        sampled(0, [0], [9], measure="children"),
        make_curve([8], measure="managed"),
        sampled(0, [0], [2]),
    )

    assert as_lists(shown_curve(make_run(1, curves=curves))) == ([0], [2])


def test_sampler_is_shown_where_dask_sampled_too() -> None:
    curves = (make_curve([7, 7]), sampled(0, [0, 10], [2, 2]))

    assert as_lists(shown_curve(make_run(1, curves=curves)))[1] == [2, 2]


def test_dasks_sum_is_shown_only_where_it_is_that_of_one_worker() -> None:
    curves = (make_curve([7, 8], measure="managed"), make_curve([7, 7]))

    one, two = make_run(1, curves=curves), make_run(2, curves=curves)

    assert as_lists(shown_curve(one)) == ([0, 10], [7, 7])
    assert shown_curve(two) is None
    assert [is_sampled(one), is_sampled(two)] == [True, False]


def test_without_samples_there_is_no_curve() -> None:
    run = make_run(curves=(sampled(0, [], []),))

    assert shown_curve(run) is None
    assert not is_sampled(run)


def test_one_worker_has_no_emptiest() -> None:
    assert emptiest_curve(make_run(1, curve=[1, 2])) is None


def test_limit_on_the_fullest_worker_is_that_of_each() -> None:
    assert shown_limit(count_of(make_run(4, memory_limit=5 * GB))) == 5 * GB


def test_no_limit_stays_none() -> None:
    assert shown_limit(count_of(make_run(4, memory_limit=None))) is None


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

    assert as_lists(shown_curve(run)) == ([0, 4, 4], [10, 20, 49 * GB // 10])


def test_curve_of_a_kill_ends_at_what_the_sampler_saw_if_that_is_more() -> None:
    run = make_run(status="killed", seconds=4.0, curve=[10, 5 * GB])

    assert as_lists(shown_curve(run)) == ([0, 4, 4], [10, 5 * GB, 5 * GB])


def test_curve_of_a_kill_ends_with_the_worker_that_was_killed() -> None:
    curves = (sampled(0, [0, 1], [10, 20]), sampled(1, [0, 1, 2], [5, 5, 5]))
    failure = make_failure(worker=address(0), nbytes=30)

    run = make_run(2, status="killed", seconds=2.0, curves=curves, failure=failure)

    assert as_lists(shown_curve(run)) == ([0, 1, 1], [10, 20, 30])
    assert as_lists(emptiest_curve(run)) == ([0, 1], [5, 5])


def test_dasks_curve_of_a_kill_ends_with_the_run() -> None:
    run = make_run(status="killed", seconds=4.0, curves=(make_curve([10, 20], seconds=3.0),))

    assert as_lists(shown_curve(run)) == ([0, 3, 4], [10, 20, 49 * GB // 10])


def test_median_run_is_chosen_among_those_that_have_what_is_shown() -> None:
    runs = [make_run(seconds=seconds, tasks=int(seconds)) for seconds in (2.0, 3.0, 9.0)]

    assert median_run(count_of(*runs), known=lambda run: run.work.tasks != 3) is runs[0]
    assert median_run(count_of(*runs), known=lambda run: run.work.tasks > 9) is None
