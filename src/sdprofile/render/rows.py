"""The cells that the terminal's table and the notebook's share, as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sdprofile.model.units import format_bytes, format_seconds, plural

if TYPE_CHECKING:
    from sdprofile.model.profile import Profile
    from sdprofile.model.run import CountSummary

MISSING = "–"
"""Cell of a number that is not known."""

FULL = " !"
"""Flag behind a share of the limit that leaves little room."""

NO_RUNS = "No run was made."
"""What is shown in place of an empty table."""

_FULL_FROM = 80
"""Percent of the memory limit from which the flag is set; dask pauses a worker at 80 %
(``distributed.worker.memory.pause``)."""


def table_rows(profile: Profile, *, status: bool = False) -> list[list[str]]:
    """Return the table of a profile as text.

    Parameters
    ----------
    profile
        What was measured.
    status
        Whether to tell the status also where all runs ended well.

    Returns
    -------
    list of list of str
        The headers, then a row per worker count, ascending. Without being
        asked for, the column `status` is there only if a run did not end well; others but `time`
        are only if something is known.
    """
    columns: dict[str, Callable[[CountSummary], str]] = {
        "workers": lambda count: str(count.workers),
        "status": _status,
        "time": _time,
        "mean ± std. dev.": _mean_and_std,
        "min": _shortest,
        "speedup": _speedup,
        "efficiency": _efficiency,
        "peak/worker": lambda count: peak_worker(count, decimal=profile.decimal),
        "of limit": of_limit,
        "tasks": _tasks,
    }
    if not status and all(count.status == "ok" for count in profile.counts):
        del columns["status"]
    cells = {name: [cell(count) for count in profile.counts] for name, cell in columns.items()}
    # A column in which nothing is known, as after kills at every count, says nothing.
    shown = [name for name in cells if name == "time" or set(cells[name]) != {MISSING}]
    return [shown, *(list(row) for row in zip(*(cells[name] for name in shown), strict=True))]


def conditions(profile: Profile) -> list[str]:
    """Return what held for every run: limit and threads of each worker, repeats and their order."""
    run = profile.runs[0]
    limit = "no memory limit"
    if run.memory_limit:
        limit = f"limit {format_bytes(run.memory_limit, decimal=profile.decimal)} per worker"
    threads = f"{plural(run.threads, 'thread')} per worker"
    order = {True: " in rounds", False: " in a row", None: ""}[profile.in_rounds]
    parts = [limit, threads, plural(profile.repeats, "repeat") + order]
    return [*parts, "TLS"] if profile.secure else parts


def peak_worker(count: CountSummary, *, decimal: bool) -> str:
    """Return the peak of the fullest worker, for instance ``1.83 GiB``."""
    if count.peak_worker is None:
        return MISSING
    return format_bytes(count.peak_worker, decimal=decimal)


def of_limit(count: CountSummary) -> str:
    """Return that peak in percent of the limit, flagged from 80 % on, for instance ``92 % !``."""
    if count.limit_fraction is None:
        return MISSING
    # Rounded first, so that what reads 80 % has the flag.
    percent = round(100 * count.limit_fraction)
    return f"{percent} %{FULL if percent >= _FULL_FROM else ''}"


def right_aligned(cells: Sequence[str]) -> list[str]:
    """Return cells of one width, numbers under numbers where only some are flagged."""
    if any(cell.endswith(FULL) for cell in cells):
        cells = [cell if cell.endswith(FULL) else cell + " " * len(FULL) for cell in cells]
    width = max((len(cell) for cell in cells), default=0)
    return [cell.rjust(width) for cell in cells]


def _status(count: CountSummary) -> str:
    ended = next((run for run in count.runs if run.status != "ok"), None)
    return "ok" if ended is None else f"{ended.status} {format_seconds(ended.seconds)}"


def _time(count: CountSummary) -> str:
    return format_seconds(count.timing.median) if count.timing else MISSING


def _mean_and_std(count: CountSummary) -> str:
    if count.timing is None:
        return MISSING
    mean = format_seconds(count.timing.mean)
    if len(count.timing.seconds) == 1:
        # "± 0" would claim that the time does not vary, which one run cannot tell.
        return mean
    return f"{mean} ± {format_seconds(count.timing.std)}"


def _shortest(count: CountSummary) -> str:
    return format_seconds(count.timing.shortest) if count.timing else MISSING


def _speedup(count: CountSummary) -> str:
    return MISSING if count.speedup is None else f"{count.speedup:.2f}x"


def _efficiency(count: CountSummary) -> str:
    return MISSING if count.efficiency is None else f"{100 * count.efficiency:.0f} %"


def _tasks(count: CountSummary) -> str:
    finished = [run.tasks for run in count.runs if run.status == "ok"]
    tasks = finished or [run.tasks for run in count.runs]
    least, most = min(tasks), max(tasks)
    return f"{least}" if least == most else f"{least} to {most}"
