"""How far another clock is ahead is known to half the way there and back."""

from __future__ import annotations

import pytest

from sdprofile.measure.clock import _ahead


class _Clock:
    """A clock that says each time it is 2 s later: the way there and back takes 2 s."""

    now = 1000.0

    def __call__(self) -> float:
        self.now += 2.0
        return self.now


def _found(*, ahead: float) -> dict[str, float]:
    here = _Clock()
    return _ahead(lambda: {"there": here.now + 1.0 + ahead}, clock=here)


@pytest.mark.parametrize("seconds", [30.0, -30.0, 1.5])
def test_a_clock_that_is_off_is_told_by_how_much(seconds: float) -> None:
    assert _found(ahead=seconds) == {"there": seconds}


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, -1.0])
def test_what_may_be_the_way_there_is_no_offset(seconds: float) -> None:
    assert _found(ahead=seconds) == {"there": 0.0}


def test_of_one_that_does_not_answer_nothing_is_said() -> None:
    assert _ahead(dict) == {}
