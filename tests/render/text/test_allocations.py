"""What a task had allocated at its peak, in the terminal and in a notebook."""

from __future__ import annotations

from profiles import make_profile, make_run
from traces import MB

from sdprofile.model.allocations import Allocation, Allocations
from sdprofile.model.calls import Frame
from sdprofile.render.page.memory_view import allocations_view
from sdprofile.render.page.picture import svg_picture
from sdprofile.render.page.views import make_views
from sdprofile.render.text.allocations import allocation_rows
from sdprofile.render.text.report import report

OWN = Frame(name="<widen>", line=3)
OF_NUMPY = Frame(name="ones", module="numpy._core.numeric", line=191)
ALLOCATED = Allocations(
    prefix="widen-add",
    workers=2,
    seconds=4.0,
    usual_seconds=1.0,
    tasks=12,
    nbytes=250 * MB,
    largest=(
        Allocation(nbytes=200 * MB, times=1, stack=(OWN, OF_NUMPY)),
        Allocation(nbytes=40 * MB, times=7, stack=(OWN,)),
    ),
)
PROFILE = make_profile(make_run(2), allocated=ALLOCATED)


def test_lines_as_text() -> None:
    assert allocation_rows(PROFILE) == [
        ["bytes", "share", "number", "by"],
        ["200 MB", "80 %", "1", "<widen> line 3 > ones (numpy) line 191"],
        ["40.0 MB", "16 %", "7", "<widen> line 3"],
    ]
    assert (
        "what a task of widen-add had allocated at its peak (250 MB), by line\n"
        "200 MB (80 %): <widen> line 3 > ones (numpy) line 191\n"
        "40.0 MB (16 %): <widen> line 3\n"
    ) in report(PROFILE, width=100)


def test_lines_in_the_memory_view() -> None:
    html = str(allocations_view(PROFILE))
    assert "&lt;widen&gt; line 3 &gt; ones (numpy) line 191" in html
    assert "took 4.00 s instead of 1.00 s" in html
    views = {view.name: str(view.html) for view in make_views(PROFILE, picture=svg_picture)}
    assert html in views["Memory"]


def test_without_the_option_nothing_is_shown() -> None:
    profile = make_profile(make_run(2))
    assert allocation_rows(profile) == []
    assert allocations_view(profile) == ""
    assert "allocated" not in report(profile)
    assert profile.allocations().empty
    assert PROFILE.allocations()["share"].tolist() == [0.8, 0.16]
