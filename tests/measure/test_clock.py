"""How far another clock is ahead is known to half the way there and back."""

from __future__ import annotations

import time

import pytest

from sdprofile.measure.clock import _ahead


@pytest.mark.parametrize("seconds", [30.0, -30.0])
def test_a_clock_that_is_off_is_told_by_how_much(seconds: float) -> None:
    assert _ahead(lambda: {"there": time.time() + seconds})["there"] == pytest.approx(
        seconds, abs=1.0
    )


def test_what_may_be_the_way_there_is_no_offset() -> None:
    def ask() -> dict[str, float]:
        sent = time.time()
        while time.time() == sent:  # any way takes some time
            pass
        return {"there": sent}

    assert _ahead(ask) == {"there": 0.0}


def test_of_one_that_does_not_answer_nothing_is_said() -> None:
    assert _ahead(dict) == {}
