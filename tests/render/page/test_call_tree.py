"""Calls in a page: each within its caller, what a list shows alone, and what a search marks."""

from __future__ import annotations

import re
from array import array
from dataclasses import replace
from typing import Any

from pages import Page
from profiles import make_activity, make_profile, make_run
from traces import call_tree as tree_of
from traces import make_trace

from sdprofile.model.calls import CELL, CallTrees, Frame
from sdprofile.model.run import Run
from sdprofile.model.trace import Calls
from sdprofile.render.page.call_tree import call_tree
from sdprofile.render.page.search import found, search

CALL, HELPER, SORT, TWO, FIVE = range(5)
HOSTILE = "</style></label><script>alert(1)</script>"
FRAMES = (
    Frame(name="__call__", module="dask._task_spec", line=1),
    Frame(name="helper", file="<dynamic-code>", line=3),
    Frame(name="sort", module="numpy", line=9),
    Frame(name="line 2", file=CELL, line=2),
    Frame(name="line 5", file=CELL, line=5),
)
INSIDE = CallTrees(
    frames=FRAMES,
    trees=(
        replace(
            tree_of("group0", (CALL, 0, 8.0), (HELPER, 1, 6.0), (SORT, 2, 4.0), (SORT, 1, 2.0)),
            waiting=(6.0, 5.0, 4.0, 0.0),
        ),
        tree_of("group1", (SORT, 0, 1.0)),
        tree_of("kernel", (TWO, 0, 2.0), (FIVE, 0, 1.0)),
    ),
)


def run_with(inside: CallTrees = INSIDE, **kwargs: Any) -> Run:
    """Return a run in which line 3 computed the first prefix, and line 5 the second."""
    trace = make_trace([8.0, 1.0], graphs=[0, 1], groups=[0, 1])
    calls = Calls(
        begun=array("d", [0.0, 8.0]),
        ended=array("d", [8.0, 9.0]),
        sends=array("b", [2, 2]),
        line=array("i", [3, 5]),
    )
    return make_run(trace=replace(trace, calls=calls, inside=inside), **kwargs)


def html_of(run: Run) -> str:
    assert run.trace is not None
    return call_tree(run, run.trace)


def classes_of(html: str) -> dict[str, set[str]]:
    """Return the classes of each call, by what it tells."""
    found = re.findall(r'class="sdp-call ([^"]*)" style="flex-grow:\d+"><label><input[^>]*>', html)
    told = [each["title"] or "" for each in Page(html).attributes["input"][1:]]
    return {words: set(names.split()) for words, names in zip(told, found, strict=True)}


def test_each_call_is_within_its_caller_and_tells_its_time() -> None:
    html = html_of(run_with())

    page = Page(html)
    assert [each["title"] for each in page.attributes["input"]] == [
        "all: 12.0 s",
        "group0: 8.00 s",
        "helper (<dynamic-code>:3): 6.00 s, 75%, waiting",
        "sort (numpy:9): 4.00 s, 50%, waiting",
        "sort (numpy:9): 2.00 s, 25%",
        "group1: 1.00 s",
        "sort (numpy:9): 1.00 s, 100%",
        "in the kernel: 3.00 s",
        "line 2 (<cell>:2): 2.00 s, 67%",
        "line 5 (<cell>:5): 1.00 s, 33%",
    ]
    assert [each.get("checked", "no") for each in page.attributes["input"]] == [None, *["no"] * 9]
    widths = [int(each) for each in re.findall(r'sdp-call [^"]*" style="flex-grow:(\d+)', html)]
    assert widths == [8000, 6000, 4000, 2000, 1000, 1000, 3000, 2000, 1000]
    # What helper does itself.
    assert re.findall(r'<i style="flex-grow:(\d+)">', html) == ["2000"]


def test_the_list_has_steps_lines_and_prefixes() -> None:
    spans = (make_activity("thread-cpu", 8.0, span="cell/smooth (line 2)", prefix="group0"),)

    html = html_of(run_with(spans=spans))

    shown = Page(html).texts["option"]
    lines = ["line 2", "line 3", "line 5"]
    assert shown == ["all", "step smooth (line 2)", *lines, "group0", "group1", "in the kernel"]
    classes = classes_of(html)
    assert {"sdp-pick", "sdp-k1", "sdp-k3", "sdp-k5"} <= classes["group0: 8.00 s"]
    assert classes["group1: 1.00 s"] == {"sdp-pick", "sdp-k4", "sdp-k6"}
    assert classes["in the kernel: 3.00 s"] == {"sdp-pick", *(f"sdp-k{n}" for n in (1, 2, 4, 7))}
    for line, picked in ((2, {1, 2, 7}), (5, {4, 7})):
        [found] = [each for told, each in classes.items() if told.startswith(f"line {line} ")]
        assert {each for each in found if each.startswith("sdp-k")} == {
            f"sdp-k{place}" for place in picked
        }
    [rules] = Page(html).texts["style"]
    assert rules.count(":checked) .sdp-all > .sdp-pick:not(") == len(shown) - 1


def test_calls_that_wait_and_whose_they_are_have_classes_and_a_key() -> None:
    html = html_of(run_with())

    classes = classes_of(html)
    assert {told for told, each in classes.items() if "sdp-waits" in each} == {
        "helper (<dynamic-code>:3): 6.00 s, 75%, waiting",
        "sort (numpy:9): 4.00 s, 50%, waiting",
    }
    # By the time of all calls: numpy 7 s, own functions 6 s, the cell 3 s.
    assert {"sdp-o0", "sdp-f2"} <= classes["sort (numpy:9): 2.00 s, 25%"]
    assert "sdp-o1" in classes["helper (<dynamic-code>:3): 6.00 s, 75%, waiting"]
    assert "sdp-o2" in classes["line 2 (<cell>:2): 2.00 s, 67%"]
    assert re.findall(r"</i> (\w+)</span>", html) == ["numpy", "own", "cell"]


def test_names_are_escaped_and_what_takes_little_is_left_out() -> None:
    frames = tuple(replace(each, name=HOSTILE) for each in FRAMES)
    html = html_of(run_with(replace(INSIDE, frames=frames)))
    assert "<script" not in html
    Page(html)
    many = tree_of("group0", (HELPER, 0, 900.0), *((SORT, 1, 2.0 - n / 1000) for n in range(400)))
    trees = CallTrees(frames=FRAMES, trees=(many,))
    assert len(Page(html_of(run_with(trees))).attributes["input"]) == 1 + 1 + 300


def test_a_search_tells_the_share_and_marks_the_calls() -> None:
    html = found(INSIDE, "SORT", uid="u1")

    page = Page(html)
    assert page.texts["p"] == ["3 calls with SORT: 7.00 s, 58 % of 12.0 s"]
    assert page.attributes["p"] == [{"role": "status"}]
    [rules] = page.texts["style"]
    assert rules.startswith(".u1.sdp-live .sdp-calls .sdp-call.sdp-f2 > label {")


def test_a_call_within_one_that_was_found_counts_once() -> None:
    tree = tree_of("a", (SORT, 0, 5.0), (HELPER, 1, 4.0), (SORT, 2, 3.0), (HELPER, 0, 1.0))
    html = found(CallTrees(frames=FRAMES, trees=(tree,)), "numpy", uid="u1")
    assert Page(html).texts["p"] == ["2 calls with numpy: 5.00 s, 83 % of 6.00 s"]


def test_a_search_that_finds_nothing_says_so_and_an_empty_one_nothing() -> None:
    html = found(INSIDE, "<b>", uid="u1")
    assert Page(html).texts["p"] == ["no call with <b>"]
    assert "style" not in Page(html).texts
    assert found(INSIDE, "", uid="u1") == ""


def test_the_field_of_a_widget_searches() -> None:
    field, told = search(make_profile(run_with()), uid="u1")
    assert told.value == ""
    field.value = " helper "
    assert "1 call with helper: 6.00 s, 50 % of 12.0 s" in told.value
    field.value = ""
    assert told.value == ""
    assert search(make_profile(), uid="u1") == ()
