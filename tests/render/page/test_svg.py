"""An SVG takes the page's colours and font, and leaves nothing that others could stumble over."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from sdprofile.render.page.svg import page_svg


def draw() -> Figure:
    figure = Figure(figsize=(4, 2))
    ax = figure.subplots()
    ax.plot([0, 1, 3], [0, 1, 1], color="#0072B2", gid="sdp-curve sdp-w1")
    ax.fill_between([0, 1], [0, 1], hatch="///", facecolor="none", edgecolor="#8A8A8A")
    ax.text(0.5, 0.5, "1.000 <b>", path_effects=[withStroke(linewidth=2)])
    ax.set_xlabel("time")
    ax.grid()
    return figure


def drawn() -> str:
    return page_svg(draw, label='a "label" <i>')


def test_it_is_one_element_of_the_figures_size() -> None:
    svg = drawn()

    root = ElementTree.fromstring(svg.replace("xlink:href", "href"))
    assert root.tag == "svg"
    assert (root.get("width"), root.get("height")) == ("400", "200")
    assert (root.get("role"), root.get("aria-label")) == ("img", 'a "label" <i>')


def test_classes_stand_in_place_of_names() -> None:
    assert drawn().count('class="sdp-curve sdp-w1"') == 1


def test_text_stays_text_as_it_was_with_a_halo_by_class() -> None:
    svg = drawn()

    assert ">1.000 &lt;b&gt;</text>" in svg
    assert ">time</text>" in svg
    assert 'class="sdp-halo"' in svg
    assert "font-family" not in svg


def test_ink_is_the_pages() -> None:
    svg = drawn()

    assert "currentColor" in svg
    assert "#000000" not in svg
    assert "#010203" not in svg
    assert "<style" not in svg


def test_empty_markers_stay_empty() -> None:
    def empty() -> Figure:
        figure = Figure(figsize=(2, 2))
        ax = figure.subplots()
        ink = ax.xaxis.label.get_color()
        ax.plot([0, 1], [0, 1], marker="o", linestyle="none", fillstyle="none", color=ink)
        return figure

    svg = page_svg(empty, label="empty markers")
    assert len(re.findall(r'<use[^>]*style="fill-opacity: 0; stroke: currentColor"', svg)) == 2


def test_ids_are_only_those_that_it_refers_to_and_of_no_other_svg() -> None:
    ids = [set(re.findall(r' id="([^"]*)"', svg)) for svg in (drawn(), drawn())]

    refers = set(re.findall(r'(?:#)([\w-]+)"', drawn())) or set()
    assert ids[0]
    assert len(ids[0]) >= len(refers)
    assert not ids[0] & ids[1]


def test_numbers_are_short() -> None:
    tags = re.findall(r"<[^>]+>", drawn())

    assert not [tag for tag in tags if re.search(r"\d\.\d{2}", tag)]


def test_users_own_style_is_neither_taken_nor_changed() -> None:
    with mpl.rc_context({"axes.facecolor": "#123456", "svg.fonttype": "path"}):
        svg = drawn()

        assert "#123456" not in svg
        assert "</text>" in svg
        assert mpl.rcParams["svg.fonttype"] == "path"
