"""Pieces of HTML that every view is put together from, by templates that escape every text."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from sdprofile.render.palette import Mark, marked, of_count
from sdprofile.render.text.wrapping import code_in

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured

NOTHING = Markup()

_LONGEST_CODE = 60
"""Characters of code that stays on one line; a page may be 600 pixels wide."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of a table."""

    text: str
    """What is written, not escaped yet."""

    before: Markup = NOTHING
    """What stands before it."""

    bar: Markup = NOTHING
    """A bar before it; the text then has one width, so that bars stand in line."""

    after: Markup = NOTHING
    """What stands below it."""

    note: str = ""
    """What is written small below it, not escaped yet."""

    classes: str = ""
    """Classes of the style sheet, set apart by spaces."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table, the first cell of which says what it is about."""

    cells: Sequence[Cell]
    """Its cells."""

    classes: str = ""
    """Classes of the style sheet, set apart by spaces."""


def write(macro: str, *what: object) -> Markup:
    """Return what a macro of ``templates/parts.html`` makes of this."""
    html: Markup = getattr(_parts(), macro)(*what)
    return html


@functools.cache
def _parts() -> Any:
    environment = Environment(
        loader=PackageLoader("sdprofile.render.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["coded"] = _coded
    return environment.get_template("parts.html").module


def _coded(text: str) -> Markup:
    """Return text, escaped, in which no line breaks within code."""
    code = Markup('<code style="white-space:nowrap">{}</code>')
    return joined(
        code.format(piece) if is_code else escape(piece)
        for piece, is_code in code_in(text, _LONGEST_CODE)
    )


def joined(pieces: Iterable[Markup], *, by: str = "") -> Markup:
    """Return pieces of HTML one after another; a `str` among them is escaped."""
    return Markup(by).join(pieces)  # noqa: S704 - a constant


def in_page(html: Markup, *, rules: str = "") -> str:
    """Return HTML on which the style sheet works, with a style sheet's rules before it.

    Notes
    -----
    It is ASCII: a kernel keeps it as long as a notebook shows it, and so it takes half of the
    memory.
    """
    page = write("page", Markup(rules), "sdprofile", html)  # noqa: S704 - our own
    return page.encode("ascii", "xmlcharrefreplace").decode()


def table(headers: Sequence[Cell], rows: Sequence[Row]) -> Markup:
    """Return a table that scrolls by itself where it is wider than the page."""
    return write("table", headers, rows)


def glyph(mark: Mark) -> Markup:
    """Return the marker of a worker count."""
    return write("glyph", mark)


def bar(fraction: float, colour: str, *, dots: Sequence[float] = ()) -> Markup:
    """Return a bar of a length between 0 and 1, and dots at fractions of the same scale."""
    return write("bar", _percent(fraction), colour, [_percent(dot) for dot in dots])


def stack(
    shares: Mapping[str, float],
    colours: Mapping[str, str],
    *,
    length: float = 1.0,
    wide: bool = False,
) -> Markup:
    """Return a bar that is shared by several things, which a screen reader reads out.

    Parameters
    ----------
    shares
        Fraction of the bar by name; what is missing to 1 stays empty.
    colours
        By name.
    length
        Of the bar, as a fraction of the longest that there can be.
    wide
        Whether there is room for it.
    """
    words = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    widths = [(_percent(length * share), colours[name]) for name, share in shares.items()]
    return write("stack", words, widths, 220 if wide else 116)


def key(words: str) -> Markup:
    """Return what explains a table or a plot, in small letters."""
    return write("key", words)


def count_headers(profile: Measured) -> list[Cell]:
    """Return the headers of columns that are of one worker count each, of a grid one setting."""
    return [
        Cell(
            text=profile.varied.name(count.setting),
            before=glyph(how),
            classes=of_count(count.workers),
        )
        for count, how in marked(profile)
    ]


def _percent(fraction: float) -> str:
    return f"{100 * min(1.0, max(0.0, fraction)):.1f}%"
