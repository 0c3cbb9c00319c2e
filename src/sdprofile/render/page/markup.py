"""Pieces of HTML that every view is put together from; every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from sdprofile.render.palette import Mark, marked, of_count
from sdprofile.units import plural

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of a table."""

    text: str
    """What is written, not escaped yet."""

    before: str = ""
    """HTML that stands before it."""

    bar: str = ""
    """HTML of a bar before it; the text then has one width, so that bars stand in line."""

    after: str = ""
    """HTML that stands below it."""

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


def table(headers: Sequence[Cell], rows: Sequence[Row], *, caption: str = "") -> str:
    """Return a table that scrolls by itself where it is wider than the page."""
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    head = "".join(_cell(cell, "th", ' scope="col"') for cell in headers)
    body = "".join(f"<tr{_class(row.classes)}>{_cells(row.cells)}</tr>\n" for row in rows)
    return (
        f'<div class="sdp-wide"><table>{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>\n{body}</tbody></table></div>"
    )


def glyph(mark: Mark) -> str:
    """Return the marker of a worker count."""
    return f'<span style="color:{mark.colour}" aria-hidden="true">{mark.glyph}</span> '


def bar(fraction: float, colour: str, *, dots: Sequence[float] = ()) -> str:
    """Return a bar of a length between 0 and 1, and dots at fractions of the same scale."""
    points = "".join(f'<b style="left:{_percent(dot)}"></b>' for dot in dots)
    filled = f'<i style="width:{_percent(fraction)};background:{colour}"></i>'
    return f'<span class="sdp-bar" aria-hidden="true">{filled}{points}</span>'


def stack(shares: Mapping[str, float], colours: Mapping[str, str]) -> str:
    """Return a bar that is shared by several things, which a screen reader reads out.

    Parameters
    ----------
    shares
        Fraction of the bar by name; what is missing to 1 stays empty.
    colours
        By name.
    """
    words = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    parts = "".join(
        f'<i style="width:{_percent(share)};background:{colours[name]}"></i>'
        for name, share in shares.items()
    )
    label = escape(words, quote=True)
    return f'<span class="sdp-stack" role="img" aria-label="{label}" title="{label}">{parts}</span>'


def key(words: str) -> str:
    """Return what explains a table or a plot, in small letters."""
    return f'<p class="sdp-key">{escape(words)}</p>'


def count_headers(profile: Measured) -> list[Cell]:
    """Return the headers of columns that are of one worker count each."""
    return [
        Cell(
            text=plural(count.workers, "worker"),
            before=glyph(how),
            classes=of_count(count.workers),
        )
        for count, how in marked(profile)
    ]


def _cells(cells: Sequence[Cell]) -> str:
    first, *others = cells
    return _cell(first, "th", ' scope="row"') + "".join(_cell(cell, "td") for cell in others)


def _cell(cell: Cell, tag: str, attributes: str = "") -> str:
    # Where the style is stripped, as by GitHub, a line break still sets the note apart.
    note = f"<br><small>{escape(cell.note)}</small>" if cell.note else ""
    text = escape(cell.text)
    if cell.bar:
        text = f'{cell.bar}<span class="sdp-number">{text}</span>'
    inner = f"{cell.before}{text}{cell.after}{note}"
    return f"<{tag}{attributes}{_class(cell.classes)}>{inner}</{tag}>"


def _class(classes: str) -> str:
    return f' class="{classes}"' if classes else ""


def _percent(fraction: float) -> str:
    return f"{100 * min(1.0, max(0.0, fraction)):.1f}%"
