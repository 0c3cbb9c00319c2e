"""Repeats of one worker count become one time, and doubts about it."""

from __future__ import annotations

import math

import pytest

from sdprofile.model.timing import Timing


def test_one_slow_run_does_not_move_the_median() -> None:
    assert Timing(seconds=(1.0, 2.0, 9.0)).median == 2.0


def test_mean_shortest_and_longest_are_over_all_runs() -> None:
    timing = Timing(seconds=(1.0, 2.0, 9.0))

    assert (timing.mean, timing.shortest, timing.longest) == (4.0, 1.0, 9.0)


def test_std_is_the_samples() -> None:
    # The population's would be 1.
    assert Timing(seconds=(1.0, 3.0)).std == pytest.approx(math.sqrt(2))


def test_single_run_has_no_std() -> None:
    assert Timing(seconds=(5.0,)).std == 0.0


@pytest.mark.parametrize(("seconds", "unstable"), [((9, 10, 11), True), ((9.1, 10, 10.9), False)])
def test_unstable_from_10_percent(seconds: tuple[float, ...], unstable: bool) -> None:
    assert Timing(seconds=seconds).unstable is unstable


@pytest.mark.parametrize(("first", "cold"), [(15.0, False), (15.1, True)])
def test_first_run_above_one_and_a_half_medians_is_a_cold_start(first: float, cold: bool) -> None:
    assert Timing(seconds=(first, 10.0, 10.0)).cold_start is cold


def test_slow_run_that_is_not_the_first_is_no_cold_start() -> None:
    assert not Timing(seconds=(10.0, 20.0, 10.0)).cold_start


def test_two_runs_cannot_show_a_cold_start() -> None:
    # 100 is above 1.5 medians (75.75), but which of the two is the odd one nobody can tell.
    assert not Timing(seconds=(100.0, 1.0)).cold_start
