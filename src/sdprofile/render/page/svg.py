"""A matplotlib figure as SVG that takes a page's colours, and whose parts have classes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.style
from matplotlib.text import Text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK = "#010203"
"""Stands for the page's own colour of text while the figure is drawn."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: a third of the size, and it can be read out
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK
    ),
    "grid.color": "#808080",
    "grid.alpha": 0.35,
    "grid.linewidth": 0.7,
    "font.size": 9,
}

_CSS_DPI = 100

_HALO = "sdp-halo"
"""Class of texts that curves may pass behind; the style sheet draws the ground around them."""


def page_svg(draw: Callable[[], Figure], *, label: str) -> str:
    """Return a figure as an ``<svg>`` element.

    Parameters
    ----------
    draw
        Makes the figure. An artist whose `gid` starts with ``sdp-`` becomes a group of these
        classes, set apart by spaces.
    label
        What it shows, for those who do not see it.

    Returns
    -------
    str
        The element: transparent, texts and lines in ``currentColor``, without ids of its own that
        other elements of the page might have, so several may stand in one page.
    """
    with matplotlib.style.context("default"), mpl.rc_context(_STYLE):
        figure = draw()
        for ax in figure.axes:
            ax.patch.set_visible(False)
        for text in figure.findobj(Text):
            if text.get_path_effects():
                # matplotlib would draw each letter of these as a path.
                text.set_path_effects([])
                text.set_gid(f"{text.get_gid() or ''} {_HALO}".strip())
        drawn = io.StringIO()
        width, height = (round(inches * _CSS_DPI) for inches in figure.get_size_inches())
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    return _trimmed(drawn.getvalue(), width=width, height=height, label=label)


def _trimmed(svg: str, *, width: int, height: int, label: str) -> str:
    # Without the head, and the style sheet that would hold for the whole page.
    svg = re.sub(r"^.*?(?=<svg)|<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.S)
    view = re.findall(r'viewBox="[^"]*"', svg)[0]
    svg = re.sub(r"<[^>]+>", lambda tag: _short(tag[0]), svg)
    svg = re.sub(r' id="([^"]*sdp-[^"]*)"', r' class="\1"', svg)
    needed = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in needed else "", svg)
    opening = (
        f'<svg width="{width}" height="{height}" {view} role="img"'
        f' aria-label="{escape(label, quote=True)}">'
    )
    inner = svg[svg.index(">") + 1 :].replace(_INK, "currentColor")
    return opening + re.sub(r">\s+<", "><", inner).strip()


def _short(tag: str) -> str:
    """Return a tag with one decimal, a seventh of a pixel, and without what goes without saying."""
    tag = re.sub(r"-?\d+\.\d{2,}", lambda number: f"{float(number[0]):.1f}", tag)
    tag = re.sub(r" ?font-family: [^;\"]*;| transform=\"rotate\(-0 [^\"]*\"", "", tag)
    if tag.startswith("<use") and _INK in tag and "fill-opacity" not in tag:
        tag = re.sub(r' style="[^"]*"', "", tag)  # a tick; what it repeats has the same style
    return re.sub(r"\s*\n\s*(?:L )?", " ", tag)  # what follows a point is a line anyway
