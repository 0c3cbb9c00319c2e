"""What makes the tasks of a prefix is named once it is known."""

from __future__ import annotations

import pytest
from profiles import make_activity, make_profile, make_run
from traces import ran

from sdprofile.explain.causes.seen import Seen


@pytest.mark.parametrize(
    ("seconds", "place"),
    [
        ({"cell/blur (line 3)": 4.0}, "blur (line 3)"),
        ({"cell/mine/blur (line 3)": 4.0, "cell": 0.1}, "blur (line 3)"),
        ({"cell/blur (line 3)": 2.0, "cell": 2.0}, "add"),
        ({"cell/blur (line 3)": 2.0, "cell/blur (line 5)": 2.0}, "add"),
        ({"cell": 4.0}, "add"),
        ({}, "add"),
    ],
)
def test_a_step_stands_for_tasks_that_are_nearly_all_its_own(
    seconds: dict[str, float], place: str
) -> None:
    spans = [make_activity("thread-cpu", each, span=span) for span, each in seconds.items()]
    spans.append(make_activity("thread-cpu", 9.0, span="cell/other", prefix="other"))
    trace = ran([(0.0, 0.0, 10.0)], workers=1, seconds=10.0)
    run = make_run(1, trace=trace, spans=tuple(spans))
    assert Seen(profile=make_profile(run), run=run, trace=trace).place("add") == place
