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
