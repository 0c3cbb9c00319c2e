"""The report for a terminal: advice, table, conditions, memory over time, notices, details."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sdprofile.render.text.allocations import allocation_lines, allocations_title
from sdprofile.render.text.breakdown import (
    MEMORY,
    SPENT,
    TIME,
    account_key,
    account_shares,
    account_strip,
    memory_rows,
    time_rows,
)
from sdprofile.render.text.calls import calls_lines, calls_title
from sdprofile.render.text.elements import ELEMENTS, element_rows
from sdprofile.render.text.grid_bars import grid_bars
from sdprofile.render.text.lines import line_rows, lines_title
from sdprofile.render.text.predicted import prediction_rows, prediction_title
from sdprofile.render.text.rows import (
    NO_RUNS,
    PEAK,
    conditions,
    detail_rows,
    parts_line,
    table_rows,
    times_line,
)
from sdprofile.render.text.steps import (
    STEPS,
    bar_key,
    merged_line,
    step_rows,
    with_bars,
)
from sdprofile.render.text.stores import STORES, store_rows
from sdprofile.render.text.strips import terminal_plot
from sdprofile.render.text.tables import DROPPED_BELOW, GAP, plain_table, table_lines, width_of
from sdprofile.render.text.wrapping import clean, wrap

if TYPE_CHECKING:
    from sdprofile.explain.explained import Explained
    from sdprofile.model.account import Cause

_NARROWEST = 60
"""Columns that the report takes where it is not told how many there are."""

WIDEST_PLOT = 100
"""Columns that the strips take at most."""

_LEAST_STRIP, _LONGEST_STRIP = 10, 24
"""Letters that tell where the time went, by the room that there is."""


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
                    yield [*wrapped(title), *plain_table(cells, width=width, dropped=DROPPED_BELOW)]
            if allocated := allocation_lines(profile):
                lines = [line for each in allocated for line in wrapped(each, indent="  ")]
                yield [*wrapped(allocations_title(profile)), *lines]
            if calls := calls_lines(profile):
                told_calls = [line for each in calls for line in wrapped(each, indent="  ")]
                yield [*wrapped(calls_title(profile)), *told_calls]
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
    room = width - max(map(len, lines)) - len(GAP)
    strips = [account_strip(each, min(max(room, _LEAST_STRIP), _LONGEST_STRIP)) for each in shares]
    place = rows[0].index(PEAK) if PEAK in rows[0] else len(rows[0])
    cells = [SPENT, *strips]
    rows = [[*row[:place], cell, *row[place:]] for row, cell in zip(rows, cells, strict=True)]
    lines = table_lines(rows, width=width, ascii_only=ascii_only)
    told = wrap(f"{SPENT}: {account_key(strips)}", width) if SPENT in lines[0] else []
    return lines + told


def _steps(profile: Explained, rows: list[list[str]], width: int, ascii_only: bool) -> list[str]:
    """Return the table of steps, with bars where there is room, and how it is to be read."""
    room = width - width_of(list(zip(*rows, strict=True)))
    # With many counts, those between the first two and the last are left out.
    between = rows[0][2:-1]
    lines = plain_table(with_bars(rows, profile, width=room), width=width, dropped=between)
    keys = [bar_key(profile, width=room), merged_line(profile)]
    return lines + [line for key in keys for line in wrap(clean(key, ascii_only=ascii_only), width)]


def _tables(profile: Explained, *, with_time: bool) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the tables below the plot, with the threads' time where it is not told above."""
    yield prediction_title(profile), prediction_rows(profile)
    if with_time:
        yield TIME, time_rows(profile)
    yield STEPS, step_rows(profile)
    yield lines_title(profile), line_rows(profile)
    yield MEMORY, memory_rows(profile)
    yield ELEMENTS, element_rows(profile)
    yield STORES, store_rows(profile)


def _can_print(text: str) -> bool:
    # A stream in memory has no encoding, and takes everything.
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
