"""A matplotlib figure as SVG that takes a page's colours, and whose parts have classes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Container, Iterator
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.style
from matplotlib.text import Text

from sdprofile.render.palette import TOLD

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK = "#010203"
"""Stands for the page's own colour of text while the figure is drawn."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: a third of the size, and it can be read out
    "font.size": 9,
}

_CSS_DPI = 100

_XLINK = "{http://www.w3.org/1999/xlink}"
_OPACITY = "fill-opacity"
_REFERENCE = re.compile(r"#([\w-]+)")
_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_FONT = re.compile(r" ?font-family: [^;]*;")
_BREAK = re.compile(r"\s{2,}(?:L )?")  # what follows a point is a line anyway

_PLAIN = ("g", "title")
"""Elements that have no look of their own."""

_HALO = "sdp-halo"
"""Class of texts that curves may pass behind; the style sheet draws the ground around them."""


def page_svg(draw: Callable[[], Figure], *, label: str) -> str:
    """Return a figure as an ``<svg>`` element.

    Parameters
    ----------
    draw
        Makes the figure. An artist whose `gid` starts with ``sdp-`` becomes a group of these
        classes, set apart by spaces. A URL that starts with `TOLD` is no link: it is told where
        the pointer rests.
    label
        What it shows, for those who do not see it.

    Returns
    -------
    str
        The element: transparent, texts and lines in ``currentColor``, without ids of its own that
        other elements of the page might have, so several may stand in one page.
    """
    with matplotlib.style.context("default"), mpl.rc_context(in_ink(_INK) | _STYLE):
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


def in_ink(colour: str) -> dict[Any, Any]:
    """Return the settings of matplotlib by which words and lines have a colour, on any ground."""
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(inked, colour),
        "grid.color": "#808080",
        "grid.alpha": 0.35,
        "grid.linewidth": 0.7,
        "legend.facecolor": "none",
        "legend.edgecolor": colour,
        # Sets bars apart; the ground itself is not drawn.
        "axes.facecolor": "#80808080",
    }


def _trimmed(svg: str, *, width: int, height: int, label: str) -> str:
    root = ElementTree.fromstring(svg)  # noqa: S314 - matplotlib has just written it
    for parent in list(root.iter()):
        for child in list(parent):
            # A style sheet would hold for the whole page.
            if _name(child.tag) in ("metadata", "style"):
                parent.remove(child)
    for link in [each for each in root.iter() if _name(each.tag) == "a"]:
        _tell(link)
    needed = set(
        _REFERENCE.findall(" ".join(v for each in root.iter() for v in each.attrib.values()))
    )
    for element in root.iter():
        element.tag = _name(element.tag)
        element.attrib = dict(_attributes(element, needed))
        element.text, element.tail = _content(element.text), _content(element.tail)
    for group in root.iter("g"):
        _share(group)
    root.attrib = {
        "width": str(width),
        "height": str(height),
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-label": label,
    }
    return ElementTree.tostring(root, encoding="unicode")


def _share(group: ElementTree.Element) -> None:
    """Give a group the look that all paths in it have, which is most of what each takes."""
    paths = list(group.iter("path"))
    if len(paths) < 2 or len(paths) < sum(1 for each in group.iter() if each.tag not in _PLAIN):
        return
    for name in ("style", "clip-path"):
        values = {path.get(name) for path in paths}
        if len(values) == 1 and None not in values and name not in group.attrib:
            group.set(name, values.pop() or "")
            for path in paths:
                del path.attrib[name]


def _tell(link: ElementTree.Element) -> None:
    """Make a group with a title of a link that is none."""
    address = link.attrib.pop(f"{_XLINK}href", "")
    link.attrib.clear()
    link.tag = "g"
    if address.startswith(TOLD):
        title = ElementTree.Element("title")
        title.text = address.removeprefix(TOLD)
        link.insert(0, title)


def _attributes(element: ElementTree.Element, needed: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield what an element needs in a page: one decimal, a seventh of a pixel, and no defaults."""
    for qualified, value in element.attrib.items():
        name = f"xlink:{_name(qualified)}" if qualified.startswith(_XLINK) else _name(qualified)
        if name == "id" and "sdp-" in value:
            yield "class", value
        elif name == "id":
            if value in needed:
                yield name, value
        elif name == "transform" and value.startswith("rotate(-0 "):
            pass
        elif name == "style" and element.tag == "use" and _INK in value and _OPACITY not in value:
            pass  # a tick; what it repeats has the same style
        else:
            value = _NUMBER.sub(lambda number: f"{float(number[0]):.1f}", value)
            value = _BREAK.sub(" ", value).replace(_INK, "currentColor")
            yield name, _FONT.sub("", value) if name == "style" else value


def _name(qualified: str) -> str:
    """Return a name without its namespace, which a page does not write."""
    return qualified.rpartition("}")[2]


def _content(text: str | None) -> str | None:
    return text if text and text.strip() else None
