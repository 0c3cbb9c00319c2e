"""The report for a terminal: advice, table, conditions, memory over time, notices, details."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sdprofile.render.text.breakdown import (
    MEMORY,
    PREFIX,
    TIME,
    account_key,
    account_shares,
    account_strip,
    memory_rows,
    time_rows,
)
from sdprofile.render.text.elements import ELEMENT, ELEMENTS, element_rows
from sdprofile.render.text.grid_bars import grid_bars
from sdprofile.render.text.predicted import prediction_rows, prediction_title
from sdprofile.render.text.rows import (
    NO_RUNS,
    PEAK,
    VERDICT,
    conditions,
    detail_rows,
    parts_line,
    right_aligned,
    table_rows,
    times_line,
)
from sdprofile.render.text.steps import (
    STEP,
    STEPS,
    bar_key,
    merged_line,
    step_rows,
    with_bars,
)
from sdprofile.render.text.strips import terminal_plot
from sdprofile.render.text.wrapping import cut, wrap

if TYPE_CHECKING:
    from sdprofile.explain.explained import Explained
    from sdprofile.model.account import Cause

_NARROWEST = 60
"""Columns that the report takes where it is not told how many there are."""

WIDEST_PLOT = 100
"""Columns that the strips take at most."""

_STRIP = "spent on"
"""Header of the column that tells where the time went."""

_LEAST_STRIP, _LONGEST_STRIP = 10, 24
"""Letters of it; what there is room for."""

_DROPPED_BELOW = ("other", "number", "type", "store", "chunks", "off")
"""Columns that narrow tables below the plot do without, in that order."""

_DROPPED_FIRST = (
    *(VERDICT, "serial fraction", "efficiency", "mean ± std. dev."),
    *("range", _STRIP, "of limit", "faster", PEAK),
)
"""Columns that a narrow table does without, the least important first."""

_SHORT_PREFIX, _NARROWEST_PREFIX = 24, 16
"""Characters that are left of a prefix at least: lest a column be dropped, and in any case."""

_NARROWEST_COLUMN = 6
"""Characters that are left of any cell at least."""

_GAP = "  "
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ASCII = str.maketrans({"±": "+-", "–": "-", "─": "-"})


def report(profile: Explained, *, width: int | None = None, ascii_only: bool | None = None) -> str:
    """Return the report for a terminal, without colours.

    Parameters
    ----------
    profile
        What was measured.
    width
        Columns that may be used, from 40 up; by default the terminal's, but at least 60.
    ascii_only
        Whether to use ASCII only; by default where standard output cannot encode the rest.

    Returns
    -------
    str
        Lines, without a newline at the end.
    """
    columns = terminal_width() if width is None else width
    return printable(
        lambda ascii_only: _report(profile, width=columns, ascii_only=ascii_only), ascii_only
    )


def printable(report: Callable[[bool], str], ascii_only: bool | None) -> str:
    """Return a report that standard output can print.

    Parameters
    ----------
    report
        Makes it, in ASCII or not.
    ascii_only
        Whether to use ASCII; None for where standard output cannot encode the rest.
    """
    text = report(bool(ascii_only))
    return text if ascii_only is not None or _can_print(text) else report(True)


def terminal_width() -> int:
    """Return the columns of the terminal, but at least those that a report takes."""
    return max(_NARROWEST, shutil.get_terminal_size().columns)


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
    return _table(cells, width=width, rule="-" if ascii_only else "─", dropped=dropped)


def _report(profile: Explained, *, width: int, ascii_only: bool) -> str:
    parts = ["\n".join(lines) for lines in _parts(profile, width, ascii_only) if lines]
    answer = "\n".join(_answer(profile, width, ascii_only))
    # What has gone out of sight is said again.
    if answer and "\n\n".join(parts).count("\n") >= shutil.get_terminal_size().lines:
        parts.append(answer)
    return "\n\n".join(parts)


def _answer(profile: Explained, width: int, ascii_only: bool) -> list[str]:
    """Return the lines of the answer: the headline, then what else is to be known."""
    found = profile.answer
    texts = [f"{text}." for text in (found.first, *(line.text for line in found.lines)) if text]
    starts = ["=> ", *["   "] * len(texts)]
    return [
        line
        for start, text in zip(starts, texts, strict=False)
        for line in wrap(clean(text, ascii_only=ascii_only), width, start, "   ")
    ]


def _parts(profile: Explained, width: int, ascii_only: bool) -> Iterator[list[str]]:
    """Yield the lines of each part, which a blank line sets apart from the next."""

    def cleaned(text: str) -> str:
        return clean(text, ascii_only=ascii_only)

    def wrapped(text: str, start: str = "", indent: str = "") -> list[str]:
        return wrap(cleaned(text), width, start, indent)

    def told(leading: bool) -> list[str]:
        return [
            line
            for notice in profile.notices
            if notice.leading is leading
            for line in (
                *wrapped(notice.fact, "! ", "  "),
                *wrapped(notice.advice, "  -> ", "     "),
            )
        ]

    yield told(leading=True)
    yield _answer(profile, width, ascii_only)
    if profile.is_for_nothing:
        yield [*wrapped(times_line(profile)), *wrapped(", ".join(conditions(profile)))]
    elif profile.runs:
        shares = account_shares(profile)
        lines = _counts(profile, shares, width, ascii_only)
        lines += wrapped(", ".join(conditions(profile)))
        if profile.dashboard:
            lines += wrapped(f"dashboard {profile.dashboard}")
        if profile.tunnel:
            lines += wrapped(f"to open it from your machine: {profile.tunnel}")
        yield lines
        plot = grid_bars if profile.is_grid else terminal_plot
        drawn = plot(profile, width=min(width, WIDEST_PLOT), ascii_only=ascii_only)
        yield [clean(line, ascii_only=ascii_only) for line in drawn.splitlines()]
        if profile.is_grid:
            yield wrapped(parts_line(profile))
        else:
            for title, rows in _tables(profile, with_time=not shares):
                cells = [[cleaned(cell) for cell in row] for row in rows]
                if title == STEPS and rows:
                    yield [*wrapped(title), *_steps(profile, cells, width, ascii_only)]
                elif rows:
                    yield [*wrapped(title), *_table(cells, width=width, dropped=_DROPPED_BELOW)]
    else:
        yield wrapped(NO_RUNS)
    yield told(leading=False)
    if profile.stopped:
        yield wrapped(f"stopped: {profile.stopped}", indent="  ")
    if profile.runs and not profile.is_for_nothing:
        details = table_lines(detail_rows(profile), width=width, ascii_only=ascii_only)
        yield ["details", *details]


def _counts(
    profile: Explained, shares: Sequence[Mapping[Cause, float]], width: int, ascii_only: bool
) -> list[str]:
    """Return the table of all counts, and where there is room in it where the time went."""
    rows = table_rows(profile)
    lines = table_lines(rows, width=width, ascii_only=ascii_only)
    if not shares:
        return lines
    room = width - max(map(len, lines)) - len(_GAP)
    strips = [account_strip(each, min(max(room, _LEAST_STRIP), _LONGEST_STRIP)) for each in shares]
    place = rows[0].index(PEAK) if PEAK in rows[0] else len(rows[0])
    cells = [_STRIP, *strips]
    rows = [[*row[:place], cell, *row[place:]] for row, cell in zip(rows, cells, strict=True)]
    lines = table_lines(rows, width=width, ascii_only=ascii_only)
    told = wrap(f"{_STRIP}: {account_key(strips)}", width) if _STRIP in lines[0] else []
    return lines + told


def _steps(profile: Explained, rows: list[list[str]], width: int, ascii_only: bool) -> list[str]:
    """Return the table of steps, with bars where there is room, and how it is to be read."""
    room = width - _width(list(zip(*rows, strict=True)))
    # With many counts, those between the first two and the last are left out.
    between = rows[0][2:-1]
    lines = _table(with_bars(rows, profile, width=room), width=width, dropped=between)
    keys = [bar_key(profile, width=room), merged_line(profile)]
    return lines + [line for key in keys for line in wrap(clean(key, ascii_only=ascii_only), width)]


def _tables(profile: Explained, *, with_time: bool) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the tables below the plot, with the threads' time where it is not told above."""
    yield prediction_title(profile), prediction_rows(profile)
    if with_time:
        yield TIME, time_rows(profile)
    yield STEPS, step_rows(profile)
    yield MEMORY, memory_rows(profile)
    yield ELEMENTS, element_rows(profile)


def _table(
    rows: list[list[str]], *, width: int, dropped: Sequence[str], rule: str = ""
) -> list[str]:
    """Return the lines of a table, with a rule below its headers unless that is empty."""
    columns = [[*column] for column in zip(*rows, strict=True)]
    _cut_names(columns, width, least=_SHORT_PREFIX)
    for header in (clean(header, ascii_only=rule == "-") for header in dropped):
        if _width(columns) <= width:
            break
        columns = [column for column in columns if column[0].strip() != header]
    _cut_names(columns, width, least=_NARROWEST_PREFIX)
    while (excess := _width(columns) - width) > 0:
        index, widest = max(enumerate(columns), key=lambda each: max(map(len, each[1])))
        now = max(map(len, widest))
        most = max(_NARROWEST_COLUMN, now - excess)
        if most >= now:
            break
        columns[index] = [cut(cell.strip(), most) for cell in widest]
    lines = zip(*(_column(header, cells, rule) for header, *cells in columns), strict=True)
    return [_GAP.join(cells).rstrip() for cells in lines]


def _width(columns: Sequence[Sequence[str]]) -> int:
    """Return the width of a table, each of whose columns is a header and cells."""
    return sum(len(_column(first, rest, "")[0]) + len(_GAP) for first, *rest in columns) - len(_GAP)


def _column(header: str, cells: list[str], rule: str) -> list[str]:
    is_text = header in ("status", PREFIX, STEP, ELEMENT, "kind", "store", _STRIP, VERDICT)
    if header != STEP:  # whose names are indented
        cells = [cell.strip() for cell in cells] if is_text else right_aligned(cells)
    width = max(map(len, (header, *cells)))
    lines = [header, rule * width, *cells] if rule else [header, *cells]
    return [cell.ljust(width) if is_text else cell.rjust(width) for cell in lines]


def _cut_names(columns: list[list[str]], width: int, *, least: int) -> None:
    """Cut the names in the first column in the middle where the table would be too wide."""
    if columns[0][0] in (PREFIX, STEP, ELEMENT):
        rest = _width(columns[1:]) + len(_GAP)
        columns[0] = [cut(name, max(least, width - rest)) for name in columns[0]]


def clean(text: str, *, ascii_only: bool = False) -> str:
    """Return text without control characters."""
    # A message may come from an exception or a file; a terminal would obey what is in it.
    text = _CONTROL.sub(" ", text)
    if ascii_only:
        text = text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
    return text


def _can_print(text: str) -> bool:
    # A stream in memory has no encoding, and takes everything.
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
