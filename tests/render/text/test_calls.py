"""The heaviest calls in the report for a terminal."""

from __future__ import annotations

from dataclasses import replace

from profiles import make_profile, make_run
from traces import call_tree, make_trace

from sdprofile.model.calls import CELL, CallTrees, Frame
from sdprofile.render.text.report import report
from sdprofile.results.profile import Profile

FRAMES = (
    Frame(name="helper", file="<dynamic-code>", line=3),
    Frame(name="sort", module="numpy", line=9),
    Frame(name="line 2", file=CELL, line=2),
)


def profile() -> Profile:
    trees = (
        call_tree("add", (0, 0, 8.0), (1, 1, 6.0)),
        call_tree("kernel", (2, 0, 3.0)),
    )
    inside = CallTrees(frames=FRAMES, trees=tuple(replace(tree, samples=99) for tree in trees))
    return make_profile(make_run(trace=replace(make_trace([8.0]), inside=inside)))


def test_report_tells_the_heaviest_calls() -> None:
    assert """
calls that took most of the time (share of the prefix, with 1 worker)
add (8.00 s): helper 100 % > sort (numpy) 75 %
in the kernel (3.00 s): line 2 100 %
""" in report(profile(), width=80)


def test_long_lines_are_wrapped() -> None:
    lines = report(profile(), width=40).splitlines()

    place = lines.index("add (8.00 s): helper 100 % > sort")
    assert lines[place + 1] == "  (numpy) 75 %"


def test_report_says_nothing_of_calls_where_nothing_is_known() -> None:
    assert "calls that took" not in report(make_profile(), width=80)


def test_a_path_that_ends_in_waiting_says_so() -> None:
    tree = replace(call_tree("add", (0, 0, 8.0)), samples=99, waiting=(7.0,))
    inside = CallTrees(frames=FRAMES, trees=(tree,))
    waits = make_profile(make_run(trace=replace(make_trace([8.0]), inside=inside)))

    assert "add (8.00 s): helper 100 %, waiting" in report(waits, width=80)
