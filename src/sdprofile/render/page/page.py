"""A profile in a page: the report that needs nothing else, and what is shared with the widget."""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from sdprofile.render.page.markup import NOTHING, joined, write
from sdprofile.render.page.picture import png_picture
from sdprofile.render.page.time_view import time_view
from sdprofile.render.page.views import (
    View,
    leading_notices,
    make_views,
    other_notices,
    overview_picture,
)
from sdprofile.render.text.rows import NO_RUNS, conditions, parts_line

if TYPE_CHECKING:
    from sdprofile.explain.explained import Explained
    from sdprofile.model.measured import Measured

_SHARP, _COARSE = 150, 100
"""Dots per inch of the plots, of which a page has 100."""

_FEW_COUNTS = 4
"""Worker counts up to which the plots are sharp, lest the report be a large file."""


def twin_page(content: Markup, *, twin_of: str) -> str:
    """Return a page that needs nothing else, which hides where the widget of a class is."""
    rules = style() + (_twin_style(twin_of) if twin_of else NOTHING)
    classes = f"sdprofile sdp-static {twin_of}".rstrip()
    return str(write("page", rules, classes, content))


def html_report(profile: Explained, *, twin_of: str = "", with_plot: bool = False) -> str:
    """Return a profile as an HTML fragment that needs nothing else.

    Parameters
    ----------
    profile
        What was measured.
    twin_of
        Class of the widget that shows the same. Where the page has that widget, the report is
        hidden, and the picture in the output after it; where it has not, the output before it is,
        in which a page says that it misses the widget.
    with_plot
        Whether a plot stands below the table, if there is what to draw.

    Returns
    -------
    str
        Advice, table, conditions and notices, then the other views and the code, folded. Where the
        style is stripped these are plain tables. Every text is escaped.

    Notes
    -----
    Plots are pictures: of an SVG that a viewer takes out of the page, the words would be left.
    """
    content = joined([*_content(profile, with_plot=with_plot), code(profile)], by="\n")
    return twin_page(content, twin_of=twin_of)


def _content(profile: Explained, *, with_plot: bool) -> list[Markup]:
    """Return what a page says of a profile."""
    dpi = _SHARP if len(profile.counts) <= _FEW_COUNTS else _COARSE
    picture = functools.partial(png_picture, dpi=dpi)
    first, plot = write("paragraph", NO_RUNS), NOTHING
    folded: list[Markup] = []
    if profile.runs:
        first = time_view(profile)
        if with_plot and not profile.is_for_nothing:
            plot = overview_picture(profile, profile.shown_run, picture=picture)
        views = make_views(profile, picture=picture)
        # The notes are not folded.
        folded = [folded_view(view) for view in views if view.name[:5] != "Notes"]
    pieces = [
        leading_notices(profile),
        answer(profile),
        first,
        plot,
        conditions_line(profile) if profile.runs else NOTHING,
        stopped(profile),
        other_notices(profile),
        parts(profile),
        *folded,
    ]
    return [piece for piece in pieces if piece]


def mimebundle(profile: Explained) -> dict[str, Any]:
    """Return a profile by MIME type, for IPython's display.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    dict
        ``text/plain``, the report for a terminal, and ``text/html``, the report with the plot in it
        unless no memory was sampled.
    """
    html = html_report(profile, with_plot=True)
    return {"text/plain": str(profile), "text/html": html}


def style() -> Markup:
    """Return the style sheet of everything in a page."""
    rules = files("sdprofile.render.page").joinpath("style.css").read_text(encoding="utf-8")
    return Markup(rules)  # noqa: S704 - our own


def conditions_line(profile: Explained) -> Markup:
    """Return what held for every run, and where dask's dashboard is."""
    words = conditions(profile)
    return write("conditions", words, profile.dashboard, profile.tunnel)


def stopped(profile: Explained) -> Markup:
    """Return why the profile ended early; empty if it did not."""
    said = f"stopped: {profile.stopped}"
    return write("paragraph", said) if profile.stopped else NOTHING


def answer(profile: Explained) -> Markup:
    """Return the count to use and why, set off from the rest; empty where nothing could tell."""
    found = profile.answer
    return write("answer", found) if found else NOTHING


def parts(profile: Explained) -> Markup:
    """Return how to get at the report of each part of a grid; empty for no grid."""
    return write("paragraph", parts_line(profile), "sdp-conditions") if profile.is_grid else NOTHING


def code(profile: Measured, *, name: str = "Code") -> Markup:
    """Return the cell's code, folded."""
    return _folded(name, write("code", profile.code))


def folded_view(view: View) -> Markup:
    """Return a view that is folded behind its name."""
    return _folded(view.name, view.html)


def _folded(name: str, html: Markup) -> Markup:
    return write("folded", name, html)


def _twin_style(uid: str) -> Markup:
    """Return the rules that show either the widget or its twin.

    Notes
    -----
    JupyterLab, Notebook 7 and nbconvert put each output into a `.jp-OutputArea-child`, myst-nb into
    an `.output`, VS Code into an `.output_container`.
    """
    live, twin = f".sdp-live.{uid}", f".sdp-static.{uid}"
    rules = [f"body:has({live}) {twin} {{display: none}}"]
    for box in (".jp-OutputArea-child", ".cell_output > .output", ".output_container"):
        ours = f"{box}:has({twin})"
        picture = f"{ours} + {box.rpartition(' ')[2]}:has(img)"
        missing = f"{box}:not(:has({live})):has(+ {box.rpartition(' ')[2]} {twin})"
        rules += [
            f"body:has({live}) :is({ours}, {picture}) {{display: none}}",
            f"{missing} {{display: none}}",
        ]
    return Markup("\n".join(rules))  # noqa: S704 - of our own uid
