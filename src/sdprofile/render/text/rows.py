"""The cells that the terminal's table and the notebook's share, as text."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import TYPE_CHECKING

from sdprofile.model.memory import Thresholds
from sdprofile.model.setting import LIMIT, THREADS, column_name
from sdprofile.units import format_bytes, format_seconds, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary

MISSING = "–"
"""Cell of a number that is not known."""

FULL = " !"
"""Flag behind a share of the limit that leaves little room."""

NO_RUNS = "No run was made."
"""What is shown in place of an empty table."""

_FEW_PARTS = 3
"""Parts of a grid that are named; one sees from them how the others are called."""


def table_rows(profile: Measured, *, status: bool = False) -> list[list[str]]:
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
        The headers, then a row for each of `Profile.counts`. Beside `workers` stands what else was
        varied. Without being asked for, the column `status` is there only if a run did not end
        well; others but `time` are only if something is known.
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
        "of limit": lambda count: of_limit(count, profile.thresholds),
        "tasks": _tasks,
    }
    if not status and all(count.status == "ok" for count in profile.counts):
        del columns["status"]
    if profile.is_grid:  # which has none where more differs than the workers
        del columns["efficiency"]
    cells = {name: [cell(count) for count in profile.counts] for name, cell in columns.items()}
    # A column in which nothing is known, as after kills at every count, says nothing.
    shown = [name for name in cells if name == "time" or set(cells[name]) != {MISSING}]
    columns_shown = [[name, *cells[name]] for name in shown]
    columns_shown[1:1] = [
        [column_name(axis.name, columns), *(axis.value(count.setting) for count in profile.counts)]
        for axis in profile.varied.of_kind
    ]
    return [list(row) for row in zip(*columns_shown, strict=True)]


def without_columns(rows: Sequence[Sequence[str]], names: Container[str]) -> list[list[str]]:
    """Return a table, as `table_rows` gives it, without some columns."""
    kept = [column for column in zip(*rows, strict=True) if column[0] not in names]
    return [list(row) for row in zip(*kept, strict=True)]


def times_line(profile: Measured) -> str:
    """Return the times of all counts, where there is nothing that a table could compare.

    Parameters
    ----------
    profile
        Of which no task ran on the workers, or not most of the time.
    """
    timed = [
        f"{format_seconds(count.timing.median)} with {profile.varied.name(count.setting)}"
        for count in profile.counts
        if count.timing is not None
    ]
    return f"The cell took {listed(timed)}"


def conditions(profile: Measured) -> list[str]:
    """Return what held for every run: the workers' limit and threads, repeats and their order."""
    run, varied = profile.runs[0], profile.varied
    variables = {axis.name for axis in varied.axes if axis.is_variable}
    limit = "no memory limit"
    if run.memory_limit:
        limit = f"limit {format_bytes(run.memory_limit, decimal=profile.decimal)} per worker"
    order = {True: " in rounds", False: " in a row", None: ""}[profile.in_rounds]
    return [
        *([] if LIMIT in varied.own else [limit]),
        *([] if THREADS in varied.own else [f"{plural(run.threads, 'thread')} per worker"]),
        *(f"{name}={value}" for name, value in run.setting.variables if name not in variables),
        *(
            f"{each.prefix} held to {format_bytes(each.nbytes, decimal=profile.decimal)} a task"
            for each in run.throttled
        ),
        plural(profile.repeats, "repeat") + order,
        *(["TLS"] if profile.secure else []),
    ]


def parts_line(profile: Measured) -> str:
    """Return how to get at the report of each part of a grid."""
    names = [profile.varied.name_kind(part.runs[0].setting) for part in profile.parts]
    parts = [f"profile.parts[{index}] ({name})" for index, name in enumerate(names)]
    more = ["..."] if len(parts) > _FEW_PARTS else []
    return f"The report of each: {', '.join([*parts[:_FEW_PARTS], *more])}"


def peak_worker(count: CountSummary, *, decimal: bool) -> str:
    """Return the peak of the fullest worker, for instance ``1.83 GiB``."""
    if count.peak_worker is None:
        return MISSING
    return format_bytes(count.peak_worker, decimal=decimal)


def of_limit(count: CountSummary, thresholds: Thresholds) -> str:
    """Return that peak in percent of the limit, flagged if that is full: ``92 % !``."""
    if count.limit_fraction is None:
        return MISSING
    # Rounded first, so that what reads 80 % has the flag.
    percent = round(100 * count.limit_fraction)
    return f"{percent} %{FULL if percent >= round(100 * thresholds.full) else ''}"


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
    finished = [run.work.tasks for run in count.runs if run.status == "ok"]
    tasks = finished or [run.work.tasks for run in count.runs]
    least, most = min(tasks), max(tasks)
    return f"{least}" if least == most else f"{least} to {most}"
