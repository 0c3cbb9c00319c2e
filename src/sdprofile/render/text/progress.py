"""How far a sweep is: a line of text, lines for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sdprofile.render.text.tables import table_lines
from sdprofile.render.text.wrapping import wrap
from sdprofile.units import format_bytes, format_whole_seconds, plural

if TYPE_CHECKING:
    from sdprofile.progress import Standing


def progress_line(standing: Standing) -> str:
    """Return how far a sweep is, in one line.

    Parameters
    ----------
    standing
        How far it is.

    Returns
    -------
    str
        For instance ``sdprofile: 2 workers, run 2 of 3 (80 of 120 tasks, fullest worker 612 MB of
        2.00 GB): 4 of 9 runs done, 12 s, about 15 s left``.
        The time left is not told where nothing is known, or where it is over.
    """
    step = standing.step
    what = f"{step.way} {step.name}"
    if step.repeat:
        what = f"{step.name}, run {step.repeat} of {step.repeats}{_work(standing)}"
    parts = [
        f"{standing.done} of {plural(standing.total, 'run')} done",
        format_whole_seconds(math.floor(standing.seconds)),
    ]
    if standing.seconds_left:
        parts.append(f"about {format_whole_seconds(math.ceil(standing.seconds_left))} left")
    return f"sdprofile: {what}: {', '.join(parts)}"


def _work(standing: Standing) -> str:
    """Return how far the workers are with the run, in brackets; empty where nothing was sent."""
    work = standing.work
    if work is None or not work.known:
        return ""
    memory = format_bytes(work.nbytes, decimal=work.decimal)
    limit = f" of {format_bytes(work.limit, decimal=work.decimal)}" if work.limit else ""
    return f" ({work.done} of {plural(work.known, 'task')}, fullest worker {memory}{limit})"


def progress_lines(
    standing: Standing, *, width: int, height: int, ascii_only: bool = False
) -> list[str]:
    """Return the lines for a terminal.

    Parameters
    ----------
    standing
        How far it is.
    width, height
        Columns and lines that may be used, from 1 up.
    ascii_only
        Whether to use ASCII only.

    Returns
    -------
    list of str
        At most `height` lines of at most `width` characters: the line of `progress_line`, that it
        will take long, the dashboard's address, the table of the runs so far. Where there is no
        room for them all, the last of these are left out.
    """
    line = progress_line(standing)
    parts = [wrap(line, width)]
    if standing.step.forecast:
        parts.append(wrap(standing.step.forecast, width))
    if standing.step.dashboard:
        parts.append([f"dashboard {standing.step.dashboard}"])
    if standing.rows:
        parts.append(table_lines(standing.rows, width=width, ascii_only=ascii_only))
    while len(parts) > 1 and sum(map(len, parts)) > height:
        parts.pop()
    lines = [part[:width] for lines in parts for part in lines]
    return lines if len(lines) <= height else [line[:width]]
