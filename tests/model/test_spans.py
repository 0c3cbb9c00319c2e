"""Seconds add up to the thread time that there was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdprofile.model.spans import IDLE, SpanActivity, share_out

SECONDS = st.floats(min_value=0, max_value=1e6)


def part(seconds: float, *, context: str = "execute") -> SpanActivity:
    return SpanActivity(span="cell", context=context, activity="network", seconds=seconds, nbytes=1)


def seconds_of(parts: tuple[SpanActivity, ...]) -> list[float]:
    return [part.seconds for part in parts]


def test_what_is_left_is_idle() -> None:
    *_, rest = parts = share_out(
        [part(6.0), part(1.0, context="get-data")], thread_seconds=10.0, span="cell"
    )

    assert seconds_of(parts) == [6.0, 1.0, 3.0]
    assert (rest.span, rest.activity, rest.context) == ("cell", IDLE, IDLE)


def test_fetches_beside_tasks_take_no_more_than_the_time_without_tasks() -> None:
    fetches = [part(6.0, context="gather-dep"), part(2.0, context="get-data")]

    parts = share_out([part(8.0), *fetches], thread_seconds=10.0, span="cell")

    assert seconds_of(parts) == [8.0, 1.5, 0.5, 0.0]
    assert [part.nbytes for part in parts] == [1, 1, 1, 0]


def test_nothing_counted_is_all_idle() -> None:
    assert seconds_of(share_out([], thread_seconds=3.0, span="cell")) == [3.0]


@given(st.lists(SECONDS), st.lists(SECONDS), SECONDS)
def test_they_add_up(execute: list[float], beside: list[float], thread_seconds: float) -> None:
    counted = [part(s) for s in execute] + [part(s, context="gather-dep") for s in beside]

    parts = seconds_of(share_out(counted, thread_seconds=thread_seconds, span="cell"))

    assert min(parts) >= 0
    assert sum(parts) == pytest.approx(max(thread_seconds, sum(execute)), rel=1e-6, abs=1e-6)
