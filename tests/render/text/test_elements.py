"""The elements that a cell works on, in the terminal and in a notebook."""

from __future__ import annotations

from profiles import make_element, make_profile, make_run

from sdprofile.render.page.picture import svg_picture
from sdprofile.render.page.views import elements_view, make_views
from sdprofile.render.text.elements import element_rows
from sdprofile.render.text.report import report

PROFILE = make_profile(
    make_run(
        elements=(
            make_element("<b>", store="/data/of/mine/all.zarr/images/one/s1", scales=3, scale="s1"),
            make_element(
                "points", kind="Points", line=None, shape=(), dtype="", nbytes=None, chunks=()
            ),
        )
    ),
    decimal=True,
)


def test_elements_as_text() -> None:
    assert element_rows(PROFILE) == [
        ["element", "kind", "shape", "type", "bytes", "chunks", "number", "store"],
        [
            *("<b> (line 2)", "Image2D, s1 of 3", "3 x 1000 x 1000", "float64", "24.0 MB"),
            *("1 x 100 x 100", "300", ".../images/one/s1"),
        ],
        ["points", "Points", "–", "–", "–", "–", "300", "–"],
    ]
    assert "elements that the cell works on\nelement " in report(PROFILE, width=120)


def test_elements_in_a_notebook() -> None:
    html = elements_view(PROFILE)
    assert "&lt;b&gt; (line 2)" in html
    assert "<b>" not in html
    assert "/data/of/mine/all.zarr/images/one/s1" in html
    names = [view.name.split()[0] for view in make_views(PROFILE, picture=svg_picture)]
    assert names[-3:] == ["Data", "Notes", "Details"]


def test_where_there_are_none_nothing_is_shown() -> None:
    profile = make_profile(make_run())
    assert element_rows(profile) == []
    assert "elements that" not in report(profile)
    assert "Data" not in [view.name for view in make_views(profile, picture=svg_picture)]
