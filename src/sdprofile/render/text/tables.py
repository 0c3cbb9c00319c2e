"""Tables in a terminal, as wide as there is room."""

from __future__ import annotations

from collections.abc import Sequence

from sdprofile.render.text.breakdown import PREFIX, SPENT
from sdprofile.render.text.elements import ELEMENT
from sdprofile.render.text.lines import LINE
from sdprofile.render.text.rows import GPU, OF_GPU, PEAK, VERDICT, right_aligned
from sdprofile.render.text.steps import STEP
from sdprofile.render.text.stores import ARRAY
from sdprofile.render.text.wrapping import clean, cut

GAP = "  "
"""What sets columns apart."""

DROPPED_BELOW = ("other", "rise", "number", "type", "store", "read by", "chunks", "off")
"""Columns that narrow tables below the plot do without, in that order."""

_DROPPED_FIRST = (
    *(VERDICT, "serial fraction", "efficiency", "mean ± std. dev."),
    *("range", SPENT, "of limit", OF_GPU, "faster", GPU, PEAK),
)
"""Columns that a narrow table does without, the least important first."""

_NAMES = (PREFIX, STEP, LINE, ELEMENT, ARRAY)
"""Headers of first columns with names that may be long."""

_TEXTS = (*_NAMES, "status", "kind", "store", "read by", SPENT, VERDICT)
"""Headers of columns that stand on the left."""

_SHORT_PREFIX, _NARROWEST_PREFIX = 24, 16
"""Characters that are left of a prefix at least: lest a column be dropped, and in any case."""

_NARROWEST_COLUMN = 6
"""Characters that are left of any cell at least."""


def table_lines(
    rows: Sequence[Sequence[str]],
    *,
    width: int,
    ascii_only: bool,
    dropped: Sequence[str] = _DROPPED_FIRST,
) -> list[str]:
    """Return the lines of a table, without the columns for which there is no room.

    Parameters
    ----------
    rows
        The headers, then the cells of each row.
    width
        Columns that may be used.
    ascii_only
        Whether to use ASCII only.
    dropped
        Headers of columns that a narrow table does without, the least important first.
    """
    cells = [[clean(cell, ascii_only=ascii_only) for cell in row] for row in rows]
    return plain_table(cells, width=width, rule="-" if ascii_only else "─", dropped=dropped)


def plain_table(
    rows: list[list[str]], *, width: int, dropped: Sequence[str], rule: str = ""
) -> list[str]:
    """Return the lines of a table as `table_lines` does, of cells without control characters.

    Parameters
    ----------
    rows, width, dropped
        As there.
    rule
        Character of the line below the headers; empty for none.
    """
    columns = [[*column] for column in zip(*rows, strict=True)]
    _cut_names(columns, width, least=_SHORT_PREFIX)
    for header in (clean(header, ascii_only=rule == "-") for header in dropped):
        if width_of(columns) <= width:
            break
        columns = [column for column in columns if column[0].strip() != header]
    _cut_names(columns, width, least=_NARROWEST_PREFIX)
    while (excess := width_of(columns) - width) > 0:
        index, widest = max(enumerate(columns), key=lambda each: max(map(len, each[1])))
        now = max(map(len, widest))
        most = max(_NARROWEST_COLUMN, now - excess)
        if most >= now:
            break
        columns[index] = [cut(cell.strip(), most) for cell in widest]
    lines = zip(*(_column(header, cells, rule) for header, *cells in columns), strict=True)
    return [GAP.join(cells).rstrip() for cells in lines]


def width_of(columns: Sequence[Sequence[str]]) -> int:
    """Return the width of a table, each of whose columns is a header and cells."""
    return sum(len(_column(first, rest, "")[0]) + len(GAP) for first, *rest in columns) - len(GAP)


def _column(header: str, cells: list[str], rule: str) -> list[str]:
    is_text = header in _TEXTS
    if header != STEP:  # whose names are indented
        cells = [cell.strip() for cell in cells] if is_text else right_aligned(cells)
    width = max(map(len, (header, *cells)))
    lines = [header, rule * width, *cells] if rule else [header, *cells]
    return [cell.ljust(width) if is_text else cell.rjust(width) for cell in lines]


def _cut_names(columns: list[list[str]], width: int, *, least: int) -> None:
    """Cut the names in the first column in the middle where the table would be too wide."""
    if columns[0][0] in _NAMES:
        rest = width_of(columns[1:]) + len(GAP)
        columns[0] = [cut(name, max(least, width - rest)) for name in columns[0]]
