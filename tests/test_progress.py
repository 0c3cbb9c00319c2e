"""The time left is what the runs so far let expect, and it is never nonsense."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import make_run, make_setting

from sdprofile.model.run import Run
from sdprofile.progress import Standing, Step, seconds_left, telling
from sdprofile.render.text.progress import progress_line


def left(
    runs: list[Run], counts: tuple[int, ...], *, around: float = 0.0, since: float = 0.0
) -> float | None:
    """Return the time left if so many seconds went on around each run."""
    seconds = sum(run.seconds + around for run in runs)
    return seconds_left(runs, [make_setting(n) for n in counts], seconds=seconds, since=since)


def test_nothing_is_known_before_a_run_ended_well() -> None:
    assert left([], (1, 2)) is None
    assert left([make_run(1, status="killed")], (2, 4)) is None


def test_a_count_takes_its_median() -> None:
    runs = [make_run(1, seconds=seconds) for seconds in (9.0, 2.0, 3.0)]
    assert left(runs, (1, 1)) == 6.0


def test_the_only_count_stands_for_the_others() -> None:
    assert left([make_run(1, seconds=8.0)], (2, 4)) == 16.0


def test_a_count_that_never_ran_is_on_the_curve_through_the_others() -> None:
    # 2 s that are not shared out, and 8 s that are
    runs = [make_run(1, seconds=10.0), make_run(2, seconds=6.0)]
    assert left(runs, (4,)) == pytest.approx(4.0)
    assert left(runs, (8, 1)) == pytest.approx(13.0)


def test_counts_that_gain_nothing_are_expected_to_take_the_mean() -> None:
    runs = [make_run(1, seconds=4.0), make_run(2, seconds=6.0)]
    assert left(runs, (4, 8)) == 10.0


def test_no_count_is_expected_to_take_less_than_its_share() -> None:
    # The line through both would be below 0 from 4 workers on.
    runs = [make_run(1, seconds=10.0), make_run(2, seconds=2.0)]
    expected = (10 + 2 / 2) / (1 + 1 / 4) / 4
    assert left(runs, (4,)) == pytest.approx(expected)


def test_killed_runs_tell_nothing_about_others() -> None:
    runs = [make_run(1, status="killed", seconds=99.0), make_run(2, seconds=3.0)]
    assert left(runs, (2, 4)) == 6.0


def test_what_goes_on_around_a_run_is_counted() -> None:
    assert left([make_run(1, seconds=8.0)], (1, 1), around=2.0) == 20.0


def test_it_ticks_down_to_what_comes_after_the_run_in_progress() -> None:
    runs = [make_run(1, seconds=8.0)]
    assert left(runs, (1, 1), around=2.0, since=4.0) == 16.0
    assert left(runs, (1, 1), around=2.0, since=99.0) == 10.0
    assert left(runs, (1,), since=99.0) == 0.0


def test_nothing_left_takes_no_time() -> None:
    assert left([make_run(1)], ()) == 0.0


seconds = st.floats(0, 1e9)
counts = st.integers(1, 10_000)
runs = st.builds(
    make_run,
    counts,
    seconds=seconds,
    status=st.sampled_from(["ok", "ok", "ok", "killed", "failed", "stuck"]),
    peak=st.none(),
)


@given(st.lists(runs, max_size=9), st.lists(counts, max_size=9), seconds, seconds)
def test_it_is_a_number_from_0_up(
    runs: list[Run], counts: list[int], seconds: float, since: float
) -> None:
    settings = [make_setting(count) for count in counts]
    found = seconds_left(runs, settings, seconds=seconds, since=since)
    if any(run.status == "ok" for run in runs):
        assert found is not None
        assert found >= 0
        assert math.isfinite(found)
    else:
        assert found is None


@given(st.floats(0, 1e3), st.floats(0, 1e3), st.lists(counts, min_size=2, max_size=4, unique=True))
def test_times_on_the_curve_are_met(serial: float, shared: float, counts: list[int]) -> None:
    *known, asked = counts
    made = [make_run(count, seconds=serial + shared / count) for count in known]
    if len(known) > 1:
        expected = serial + shared / asked
        # Counts that are large and close to each other tell a and b apart badly.
        assert left(made, (asked,)) == pytest.approx(expected, rel=1e-3, abs=1e-3 * (1 + shared))


def test_it_is_told_which_count_is_predicted() -> None:
    steps: list[Step] = []
    tell = telling(steps.append, "predicting", done=3)
    tell(16)
    standing = Standing(step=steps[0], done=3, seconds=12.0, seconds_left=None)
    assert progress_line(standing) == "sdprofile: predicting 16 workers: 3 of 3 runs done, 12 s"
    telling(None, "predicting", done=3)(16)
