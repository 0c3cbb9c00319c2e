"""A profile in a page: the report that needs nothing else, and what is shared with the widget."""

from __future__ import annotations

import functools
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sdprofile.render.page.picture import png_picture
from sdprofile.render.page.time_view import time_view
from sdprofile.render.page.views import leading_notices, make_views, memory_picture, other_notices
from sdprofile.render.text.rows import NO_RUNS, conditions, parts_line

if TYPE_CHECKING:
    from sdprofile.explain.explained import Explained

_SHARP, _COARSE = 150, 100
"""Dots per inch of the plots, of which a page has 100."""

_FEW_COUNTS = 4
"""Worker counts up to which the plots are sharp, lest the report be a large file."""

_FEW_PARTS = 4
"""Parts of a grid up to which each has its report in that of the whole."""


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
        Whether memory over time stands below the table, if it was sampled.

    Returns
    -------
    str
        Table, conditions, notices and advice, then the other views and the code, folded. Where the
        style is stripped these are plain tables. Every text is escaped.

    Notes
    -----
    Plots are pictures: of an SVG that a viewer takes out of the page, the words would be left.
    """
    content = "\n".join([*_content(profile, with_plot=with_plot), code(profile)])
    rules = style() + (_twin_style(twin_of) if twin_of else "")
    classes = f"sdprofile sdp-static {twin_of}".rstrip()
    return f'<div class="{classes}"><style>{rules}</style>{content}</div>'


def _content(profile: Explained, *, with_plot: bool) -> list[str]:
    """Return what a page says of a profile."""
    dpi = _SHARP if len(profile.counts) <= _FEW_COUNTS else _COARSE
    picture = functools.partial(png_picture, dpi=dpi)
    first, plot, folded = f"<p>{NO_RUNS}</p>", "", [""]
    if profile.is_grid:
        first = time_view(profile)
        if with_plot:
            from sdprofile.render.plots.grid import grid_plot

            plot = picture(functools.partial(grid_plot, profile), label="Times and peaks")
        folded = _parts(profile)
    elif profile.runs:
        views = make_views(profile, picture=picture)
        first = views[0].html
        plot = memory_picture(profile, picture=picture) if with_plot else ""
        # The notices, which are the last view, are not folded.
        folded = [_folded(view.name, view.html + view.below) for view in views[1:-1]]
    parts = [
        leading_notices(profile),
        first,
        plot,
        conditions_line(profile) if profile.runs else "",
        stopped(profile),
        other_notices(profile),
        advice(profile),
        *folded,
    ]
    return [part for part in parts if part]


def _parts(profile: Explained) -> list[str]:
    """Return the report of each part of a grid, folded; if they are many, how to get at them."""
    if len(profile.parts) > _FEW_PARTS:
        return [f"<p>{escape(parts_line(profile))}</p>"]
    return [
        _folded(
            profile.varied.name_kind(part.runs[0].setting),
            "\n".join(_content(part, with_plot=True)),
        )
        for part in profile.parts
    ]


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


def style() -> str:
    """Return the style sheet of everything in a page."""
    return files("sdprofile.render.page").joinpath("style.css").read_text(encoding="utf-8")


def conditions_line(profile: Explained) -> str:
    """Return what held for every run, and where dask's dashboard is."""
    parts = [escape(part) for part in conditions(profile)]
    dashboard = escape(profile.dashboard)
    # A profile may come from a file, and so may a link that runs a script.
    if profile.dashboard.startswith(("http://", "https://")):
        parts.append(f'<a href="{dashboard}" target="_blank" rel="noopener">dashboard</a>')
    elif dashboard:
        parts.append(f"dashboard {dashboard}")
    if profile.tunnel:
        parts.append(f"to open it from your machine: <code>{escape(profile.tunnel)}</code>")
    return f'<p class="sdp-conditions">{", ".join(parts)}</p>'


def stopped(profile: Explained) -> str:
    """Return why the profile ended early; empty if it did not."""
    return f"<p>stopped: {escape(profile.stopped)}</p>" if profile.stopped else ""


def advice(profile: Explained) -> str:
    """Return the count to use and why, set off from the rest; empty where nothing could tell."""
    return f'<p class="sdp-advice">{escape(profile.advice)}</p>' if profile.advice else ""


def code(profile: Explained) -> str:
    """Return the cell's code, folded."""
    return _folded("Code", f"<pre>{escape(profile.code)}</pre>")


def _folded(name: str, html: str) -> str:
    return f"<details><summary>{escape(name)}</summary>{html}</details>"


def _twin_style(uid: str) -> str:
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
    return "\n".join(rules)
