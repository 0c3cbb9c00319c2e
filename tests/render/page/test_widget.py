"""The widget has a button for each view and count, and what it shows stays small."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
from ipywidgets import VBox
from pages import Page
from profiles import GB, address, make_activity, make_curve, make_profile, make_run, make_task
from traces import call_tree, make_trace, ran

from sdprofile.model.calls import CallTrees, Frame
from sdprofile.render.page.comparison import comparison_page, comparison_widget
from sdprofile.render.page.page import html_report
from sdprofile.render.page.picture import svg_picture
from sdprofile.render.page.views import make_views
from sdprofile.render.page.widget import timing_widget
from sdprofile.render.page.zoom import Stretch
from sdprofile.results.comparison import Comparison
from sdprofile.results.profile import Profile

MOST = 300_000


def parts(widget: VBox) -> tuple[Any, Any, str]:
    """Return the two rows of buttons, and the HTML below them."""
    row, *contents = widget.children
    views, counts, *_ = row.children
    return views, counts, "".join(content.value for content in contents)


@functools.cache
def large_profile() -> Profile:
    """Return 8 counts with 10 repeats of 100 s each, up to 16 workers that were sampled."""
    rng = np.random.default_rng(0)
    runs = []
    for workers in (1, 2, 3, 4, 6, 8, 12, 16):
        for repeat in range(1, 11):
            curves = [
                make_curve(
                    rng.integers(GB, 4 * GB, 5000).tolist(),
                    seconds=100.0,
                    source="sampler",
                    worker=address(n),
                )
                for n in range(workers if repeat == 1 else 1)
            ]
            curves += [
                make_curve(rng.integers(0, GB, 1000).tolist(), seconds=100.0, measure=measure)
                for measure in ("managed", "unmanaged", "spilled")
            ]
            spans = [
                make_activity(activity, 9.0, span=f"cell/step {n}", prefix=f"prefix-of-task-{n}")
                for n in range(12)
                for activity in ("thread-cpu", "disk-read", "network")
            ]
            spans.append(make_activity("idle", 5.0, span="cell", context="idle", prefix=""))
            runs.append(
                make_run(
                    workers,
                    repeat=repeat,
                    # The first is the median run: it has the curves of all workers.
                    seconds=100.0 + repeat * (-1) ** repeat * (repeat > 1),
                    curves=tuple(curves),
                    spans=tuple(spans),
                    task_memory=tuple(make_task(f"prefix-of-task-{n}") for n in range(12)),
                )
            )
    return make_profile(*runs, repeats=10)


def test_there_is_a_button_for_each_view_and_each_count() -> None:
    views, counts, _ = parts(timing_widget(make_profile(), uid="u1"))

    assert [name.split()[0] for name in views.options] == [
        "Overview",
        "Memory",
        "Steps",
        "Tasks",
        "Notes",
        "Details",
    ]
    assert list(counts.options) == ["all", "● 1", "■ 2", "▲ 4"]
    assert (views.index, counts.index) == (0, 0)


def test_all_views_are_in_it_and_rules_that_choose_are_its_own() -> None:
    profile = make_profile(make_run(curve=(GB, 2 * GB)), make_run(2, curve=(GB, 2 * GB)))
    widget = timing_widget(profile, uid="u1")

    page = Page(parts(widget)[2])

    labels = [each["aria-label"] for each in page.attributes["section"]]
    others = [view.name for view in make_views(profile, picture=svg_picture)]
    assert labels == ["Overview", *others]
    [rules] = page.texts["style"]
    choosing = [line for line in rules.splitlines() if "mod-active) " in line]
    assert len(choosing) == len(labels) + 1 + 2 * 5
    assert all(line.startswith(".u1:has(") for line in choosing)
    assert {"sdp-live", "u1"} <= set(widget._dom_classes)


def test_buttons_choose_the_stretch_of_time_that_the_overview_shows() -> None:
    tasks = [(0.0, 0.0, 2.0), (0.0, 2.0, 3.0), (0.0, 3.0, 4.0)]
    runs = [
        make_run(n, seconds=3.0 + n, trace=ran(tasks, workers=n, seconds=3.0 + n), curve=(0, GB))
        for n in (1, 3)
    ]
    widget = timing_widget(make_profile(*runs), uid="u1")
    row, _, pictures, _ = widget.children
    _, counts, zoom = row.children
    less, more, earlier, later = zoom.children
    whole = pictures.value

    def told() -> list[str]:
        return [title.partition(",")[0] for title in Page(pictures.value).texts["title"]]

    assert told() == ["group0: 2.00 s", "group0: 1.00 s", "group0: 1.00 s"] * 2
    more.click()  # from 1.5 to 4.5 of 6 s
    later.click()  # from 3 to 6 s
    counts.index = 1
    assert told() == ["group0: 1.00 s"]
    assert "with 1 worker" in pictures.value
    counts.index = 2
    assert "with 3 workers" in pictures.value
    earlier.click()
    assert told() == ["group0: 2.00 s", "group0: 1.00 s", "group0: 1.00 s"]
    less.click()
    assert pictures.value == whole


def test_calls_have_a_field_that_searches_them() -> None:
    inside = CallTrees(
        frames=(Frame(name="sort", module="numpy", line=9),),
        trees=(call_tree("group0", (0, 0, 2.0)),),
    )
    trace = replace(make_trace([2.0]), inside=inside)
    widget = timing_widget(make_profile(make_run(seconds=2.0, trace=trace)), uid="u1")

    _, _, _, field, told, rest = widget.children
    field.value = "numpy"

    assert Page(told.value).texts["p"] == ["1 call with numpy: 2.00 s, 100 % of 2.00 s"]
    assert all({"sdp-view", "sdp-view-calls"} <= set(each._dom_classes) for each in (field, told))
    [form] = Page(rest.value).attributes["form"]
    assert form["method"] == "dialog"  # Enter sends it nowhere


def test_stretch_of_time_stays_within_the_run() -> None:
    stretch = Stretch(whole=8.0)
    for change, between in (
        ({"factor": 2.0}, (0.0, 8.0)),
        ({"shift": 0.5}, (0.0, 8.0)),
        ({"factor": 0.5}, (2.0, 6.0)),
        ({"shift": 0.5}, (4.0, 8.0)),
        ({"shift": 0.5}, (4.0, 8.0)),
        ({"factor": 0.5}, (5.0, 7.0)),
        ({"factor": 1e-9}, (6.0 - 4 / 1024, 6.0 + 4 / 1024)),
    ):
        stretch.change(**change)
        assert stretch.between == between


def test_single_repeats_can_be_told_from_the_run_that_stands_for_them() -> None:
    runs = [make_run(2, curve=(GB, 2 * GB), repeat=n, seconds=9.0 + n) for n in (1, 2, 3)]

    views = make_views(make_profile(*runs), picture=svg_picture)
    html = next(view.html for view in views if view.name == "Memory")

    assert html.count('class="sdp-curve sdp-of sdp-w2 sdp-repeat"') == 2
    assert html.count('class="sdp-curve sdp-of sdp-w2"') == 1


def test_report_of_a_large_profile_is_less_than_300_kb() -> None:
    profile = large_profile()

    assert len(html_report(profile, twin_of="u1").encode()) < MOST


def test_a_grid_has_the_views_of_a_profile_and_a_button_for_each_number_of_workers() -> None:
    runs = [
        make_run(workers, variables=(("chunk", value),), curve=(GB, 2 * GB))
        for workers in (1, 2)
        for value in ("500", "1000")
    ]
    profile = make_profile(*runs)

    views, counts, html = parts(timing_widget(profile, uid="u1"))

    named = [name.split()[0] for name in views.options]
    assert named == ["Overview", "Memory", "Steps", "Tasks", "Notes", "Details"]
    assert list(counts.options) == ["all", "1", "2"]
    assert "Times and peaks" in html
    assert "profile.parts[1] (chunk=1000)" in html


def test_a_comparison_has_a_tab_for_each_view_and_begins_with_its_conclusion() -> None:
    before, after = (
        make_profile(*(make_run(n, seconds=seconds / n, curve=(GB, 2 * GB)) for n in (1, 2)))
        for seconds in (10.0, 5.0)
    )
    comparison = Comparison(names=("<old>", "new"), before=before, after=after)

    views, counts, html = parts(comparison_widget(comparison, uid="u1"))

    assert list(views.options) == ["Overview", "Memory", "Details"]
    assert list(counts.options) == ["all", "● 1", "■ 2"]
    assert html.index("sdp-answer") < html.index('aria-label="Overview"')
    headers, *rows = Page(html).rows
    assert headers[:3] == ["workers", "<old>", "new"]
    assert [[cell.strip() for cell in row[1:3]] for row in rows[:2]] == [
        ["10.0 s", "5.00 s"],
        ["5.00 s", "2.50 s"],
    ]
    assert "{display: none}" in html
    assert "<old>" not in html


def test_a_large_comparison_is_less_than_300_kb() -> None:
    profile = large_profile()
    comparison = Comparison(names=("before", "after"), before=profile, after=profile)

    assert len(parts(comparison_widget(comparison, uid="u1"))[2]) < MOST
    assert len(comparison_page(comparison, twin_of="u1").encode()) < MOST
