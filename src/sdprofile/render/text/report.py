"""The report for a terminal: advice, table, conditions, memory over time, notices."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from sdprofile.render.text.breakdown import MEMORY, PREFIX, TIME, memory_rows, time_rows
from sdprofile.render.text.elements import ELEMENT, ELEMENTS, element_rows
from sdprofile.render.text.grid_bars import grid_bars
from sdprofile.render.text.predicted import prediction_rows, prediction_title
from sdprofile.render.text.rows import (
    NO_RUNS,
    conditions,
    parts_line,
    right_aligned,
    table_rows,
    times_line,
)
from sdprofile.render.text.steps import STEP, STEPS, step_rows
from sdprofile.render.text.strips import terminal_plot

if TYPE_CHECKING:
    from sdprofile.explain.explained import Explained

_NARROWEST = 60
"""Columns that the report takes where it is not told how many there are."""

WIDEST_PLOT = 100
"""Columns that the strips take at most."""

_DROPPED_FIRST = (
    "min",
    "tasks",
    "other",
    "efficiency",
    "mean ± std. dev.",
    "of limit",
    "speedup",
    "peak/worker",
)
"""Columns that a narrow table does without, the least important first."""

_NARROWEST_PREFIX = 16
"""Characters that are left of a prefix at least."""

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
        for line in _wrapped(clean(text, ascii_only=ascii_only), width, start, "   ")
    ]


def _wrapped(text: str, width: int, start: str = "", indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False
    )


def _parts(profile: Explained, width: int, ascii_only: bool) -> Iterator[list[str]]:
    """Yield the lines of each part, which a blank line sets apart from the next."""

    def cleaned(text: str) -> str:
        return clean(text, ascii_only=ascii_only)

    def wrapped(text: str, start: str = "", indent: str = "") -> list[str]:
        return _wrapped(cleaned(text), width, start, indent)

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
        lines = table_lines(table_rows(profile), width=width, ascii_only=ascii_only)
        lines += wrapped(", ".join(conditions(profile)))
        if profile.dashboard:
            lines += wrapped(f"dashboard {profile.dashboard}")
        if profile.tunnel:
            lines += wrapped(f"to open it from your machine: {profile.tunnel}")
        yield lines
        plot = grid_bars if profile.is_grid else terminal_plot
        drawn = plot(profile, width=min(width, WIDEST_PLOT), ascii_only=ascii_only)
        yield [clean(line, ascii_only=ascii_only) for line in drawn.splitlines()]
        for title, rows in () if profile.is_grid else _tables(profile):
            if rows:
                cells = [[cleaned(cell) for cell in row] for row in rows]
                yield [*wrapped(title), *_table(_shortened(cells, width), width=width, rule="")]
        if profile.is_grid:
            yield wrapped(parts_line(profile))
    else:
        yield wrapped(NO_RUNS)
    yield told(leading=False)
    if profile.stopped:
        yield wrapped(f"stopped: {profile.stopped}", indent="  ")


def _tables(profile: Explained) -> Iterator[tuple[str, list[list[str]]]]:
    yield prediction_title(profile), prediction_rows(profile)
    yield TIME, time_rows(profile)
    yield STEPS, step_rows(profile)
    yield MEMORY, memory_rows(profile)
    yield ELEMENTS, element_rows(profile)


def _table(
    rows: list[list[str]], *, width: int, rule: str, dropped: Sequence[str] = _DROPPED_FIRST
) -> list[str]:
    """Return the lines of a table, with a rule below its headers unless that is empty."""
    columns = [_column(header, cells, rule) for header, *cells in zip(*rows, strict=True)]
    for header in (clean(header, ascii_only=rule == "-") for header in dropped):
        if sum(len(column[0]) + len(_GAP) for column in columns) - len(_GAP) <= width:
            break
        columns = [column for column in columns if column[0].strip() != header]
    return [_GAP.join(cells).rstrip() for cells in zip(*columns, strict=True)]


def _column(header: str, cells: list[str], rule: str) -> list[str]:
    is_text = header in ("status", PREFIX, STEP, ELEMENT, "kind", "store")
    if header != STEP:  # whose names are indented
        cells = [cell.strip() for cell in cells] if is_text else right_aligned(cells)
    width = max(map(len, (header, *cells)))
    lines = [header, rule * width, *cells] if rule else [header, *cells]
    return [cell.ljust(width) if is_text else cell.rjust(width) for cell in lines]


def _shortened(rows: list[list[str]], width: int) -> list[list[str]]:
    """Return rows whose names are cut in the middle where the table would be too wide."""
    headers, *_ = rows
    if headers[0] not in (PREFIX, STEP, ELEMENT):
        return rows
    rest = sum(max(map(len, column)) + len(_GAP) for column in list(zip(*rows, strict=True))[1:])
    most = max(_NARROWEST_PREFIX, width - rest)
    return [[cut(prefix, most), *others] for prefix, *others in rows]


def cut(text: str, most: int) -> str:
    """Return text of which the middle is left out if it is too long."""
    if len(text) <= most:
        return text
    kept = most - len("...")
    return f"{text[: kept - kept // 2]}...{text[-(kept // 2) :]}"


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
