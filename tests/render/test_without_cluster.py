"""A row without a cluster in every view."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pages import Page
from profiles import GB, make_profile, make_run, make_step
from traces import ran

from sdprofile.model.memory import Curve
from sdprofile.model.run import Run
from sdprofile.model.trace import KERNEL
from sdprofile.render.page.comparison import comparison_page, comparison_widget
from sdprofile.render.page.page import html_report, mimebundle
from sdprofile.render.page.widget import timing_widget
from sdprofile.results.comparison import Comparison
from sdprofile.results.profile import Profile


def alone() -> Run:
    """Return a run without a cluster: two tasks in two threads of the kernel."""
    trace = replace(
        ran([(0.0, 0.0, 1.0), (1.0, 1.0, 3.0)], seconds=3.0), threads=2, addresses=(KERNEL,)
    )
    curve = Curve(
        source="sampler",
        worker=KERNEL,
        measure="process",
        seconds=(0.0, 1.0, 2.0, 3.0),
        nbytes=(GB, 2 * GB, 3 * GB, GB),
    )
    steps = (make_step("cell/map_raster (line 2)", 2.5),)
    run = make_run(0, seconds=trace.seconds, peak=None, trace=trace, curves=(curve,), steps=steps)
    return replace(run, repeat=1)


def profile(*counts: int) -> Profile:
    others = [
        make_run(
            workers, curve=(GB, 2 * GB), trace=ran([(0.0, 0.0, 1.0), (1.0, 1.0, 3.0)], seconds=3.0)
        )
        for workers in counts
    ]
    return make_profile(alone(), *others, repeats=1)


@pytest.mark.parametrize("counts", [(), (1,), (1, 2, 4)])
def test_all_is_drawn_and_told(counts: tuple[int, ...]) -> None:
    found = profile(*counts)
    bundle = mimebundle(found)
    assert "none" in bundle["text/plain"]
    for text in (bundle["text/plain"], *Page(html_report(found)).texts["td"]):
        assert "0 worker" not in text
        assert text != "0"
    timing_widget(found, uid="u1")


def test_its_button_shows_it() -> None:
    row, *_ = timing_widget(profile(1, 2), uid="u1").children
    labels = [str(label) for buttons in row.children[:2] for label in buttons.options]
    assert any(label.endswith(" none") for label in labels)


def test_it_is_compared_with_itself() -> None:
    comparison = Comparison(names=("a", "b"), before=profile(1), after=profile(1))
    assert "none" in str(comparison)
    assert "none" in comparison_page(comparison)
    comparison_widget(comparison, uid="u1")


def test_the_name_of_a_scheduler_stands_for_it_in_every_view() -> None:
    runs = [
        replace(run, setting=replace(run.setting, scheduler="synchronous" * (not run.workers)))
        for run in profile(1, 2).runs
    ]
    found = make_profile(*runs, repeats=1)
    bundle = mimebundle(found)
    assert "synchronous" in bundle["text/plain"]
    assert "none" not in bundle["text/plain"].split("dashboard")[0]
    assert "none" not in Page(html_report(found)).texts["td"]
    row, *_ = timing_widget(found, uid="u1").children
    labels = [str(label) for buttons in row.children[:2] for label in buttons.options]
    assert any(label.endswith(" synchronous") for label in labels)
    assert not any(label.endswith(" none") for label in labels)
    comparison = Comparison(names=("a", "b"), before=found, after=found)
    assert "synchronous" in str(comparison)
    assert "synchronous" in comparison_page(comparison)
