"""The cells that the terminal's table and the notebook's share, as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from sdprofile.explain.verdict import verdict_of
from sdprofile.model.memory import Thresholds
from sdprofile.model.setting import LIMIT, THREADS, column_name
from sdprofile.model.spans import PROCESSES
from sdprofile.units import format_bytes, format_seconds, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary, Run

MISSING = "–"
"""Cell of a number that is not known."""

FULL = " !"
"""Flag behind a share of the limit that leaves little room."""

PEAK, VERDICT = "peak/worker", "verdict"
GPU, OF_GPU = "gpu/worker", "of gpu"
"""Headers that are looked for."""

NO_RUNS = "No run was made."
"""What is shown in place of an empty table."""

_GPU_FULL = 90
"""Percent of a GPU's memory from which it is full: a context or a cache more, and it runs out."""

_FEW_PARTS = 3
"""Parts of a grid that are named; one sees from them how the others are called."""


def table_rows(profile: Measured) -> list[list[str]]:
    """Return the table of a profile as text.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    list of list of str
        The headers, then a row for each of `Profile.counts`. Beside `workers` stands what else was
        varied. The column `status` is there only if a run did not end well; others but `time` are
        only if something is known.
    """
    columns: dict[str, Callable[[CountSummary], str]] = {
        "status": _status,
        "time": _time,
        "range": _range,
        "faster": _faster,
        PEAK: lambda count: peak_worker(count, decimal=profile.decimal),
        "of limit": lambda count: of_limit(count, profile.thresholds),
        GPU: lambda count: gpu_worker(count, decimal=profile.decimal),
        OF_GPU: of_gpu,
    }
    if all(count.status == "ok" for count in profile.counts):
        del columns["status"]
    return _rows(profile, columns)


def detail_rows(profile: Measured) -> list[list[str]]:
    """Return what `table_rows` leaves out, in the same form."""
    columns: dict[str, Callable[[CountSummary], str]] = {
        "mean ± std. dev.": _mean_and_std,
        "tasks": _tasks,
        "efficiency": _efficiency,
        "serial fraction": _serial,
        VERDICT: _verdict,
    }
    if profile.is_grid:  # which has none where more differs than the workers
        del columns["efficiency"], columns["serial fraction"]
    return _rows(profile, columns)


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
    run = next((run for run in profile.runs if run.workers), profile.runs[0])
    varied = profile.varied
    variables = {axis.name for axis in varied.axes if axis.is_variable}
    limit = "no memory limit"
    if run.memory_limit:
        limit = f"limit {format_bytes(run.memory_limit, decimal=profile.decimal)} per worker"
    order = {True: " in rounds", False: " in a row", None: ""}[profile.in_rounds]
    return [
        *([] if LIMIT in varied.own else [limit]),
        *([_threads(run)] if run.workers and THREADS not in varied.own else []),
        *_alone(profile, beside=bool(run.workers)),
        *(f"{name}={value}" for name, value in run.setting.variables if name not in variables),
        *(
            f"{each.prefix} held to {format_bytes(each.nbytes, decimal=profile.decimal)} a task"
            for each in run.throttled
        ),
        plural(profile.repeats, "repeat") + order,
        *(["TLS"] if profile.secure else []),
    ]


def _threads(run: Run) -> str:
    if run.workers:
        return f"{plural(run.threads, 'thread')} per worker"
    if PROCESSES not in run.work.schedulers:
        return f"{plural(run.threads, 'thread')} in the kernel"
    words = "processes" if run.threads > 1 else "process"
    others = len(run.work.schedulers) > 1
    return f"{run.threads} {words}{' and threads in the kernel' if others else ''}"


def _alone(profile: Measured, *, beside: bool) -> list[str]:
    """Return in what all tasks ran without a cluster; `beside` runs on workers if they ran any."""
    runs = [run for run in profile.runs if not run.workers]
    words = {_threads(run) for run in runs if run.work.schedulers or not beside}
    return [f"without a cluster {each}" if beside else each for each in words if len(words) == 1]


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


def gpu_worker(count: CountSummary, *, decimal: bool) -> str:
    """Return the most that any worker held of a GPU."""
    return MISSING if count.gpu_worker is None else format_bytes(count.gpu_worker, decimal=decimal)


def of_gpu(count: CountSummary) -> str:
    """Return what was in use of the fullest GPU in percent, flagged if that is full."""
    if count.gpu_fraction is None:
        return MISSING
    percent = round(100 * count.gpu_fraction)
    return f"{percent} %{FULL if percent >= _GPU_FULL else ''}"


def right_aligned(cells: Sequence[str]) -> list[str]:
    """Return cells of one width, numbers under numbers where only some are flagged."""
    if any(cell.endswith(FULL) for cell in cells):
        cells = [cell if cell.endswith(FULL) else cell + " " * len(FULL) for cell in cells]
    width = max((len(cell) for cell in cells), default=0)
    return [cell.rjust(width) for cell in cells]


def _rows(
    profile: Measured, columns: Mapping[str, Callable[[CountSummary], str]]
) -> list[list[str]]:
    """Return headers and cells of those columns that tell something, behind what was varied."""
    cells = {name: [cell(count) for count in profile.counts] for name, cell in columns.items()}
    # A column in which nothing is known, as after kills at every count, says nothing.
    shown = [
        [name, *each] for name, each in cells.items() if name == "time" or set(each) - {MISSING, ""}
    ]
    workers = ["workers", *(count.setting.label for count in profile.counts)]
    varied = [
        [column_name(axis.name, columns), *(axis.value(count.setting) for count in profile.counts)]
        for axis in profile.varied.of_kind
    ]
    return [list(row) for row in zip(workers, *varied, *shown, strict=True)]


def _status(count: CountSummary) -> str:
    ended = next((run for run in count.runs if run.status != "ok"), None)
    return "ok" if ended is None else f"{ended.status} {format_seconds(ended.seconds)}"


def _time(count: CountSummary) -> str:
    return format_seconds(count.timing.median) if count.timing else MISSING


def _range(count: CountSummary) -> str:
    if count.timing is None or len(count.timing.seconds) == 1:
        return MISSING
    low, high = map(format_seconds, (count.timing.shortest, count.timing.longest))
    number, _, unit = low.partition(" ")
    return f"{number if unit == high.partition(' ')[2] else low} to {high}"


def _faster(count: CountSummary) -> str:
    if count.setting == count.base_setting:
        return ""  # than itself
    return MISSING if count.speedup is None else f"{count.speedup:.2f}x"


def _mean_and_std(count: CountSummary) -> str:
    # "± 0" would claim that the time does not vary, which one run cannot tell.
    if count.timing is None or len(count.timing.seconds) == 1:
        return MISSING
    return f"{format_seconds(count.timing.mean)} ± {format_seconds(count.timing.std)}"


def _efficiency(count: CountSummary) -> str:
    return MISSING if count.efficiency is None else f"{100 * count.efficiency:.0f} %"


def _serial(count: CountSummary) -> str:
    return MISSING if count.serial_fraction is None else f"{count.serial_fraction:.2f}"


def _verdict(count: CountSummary) -> str:
    verdict = verdict_of(count)
    return verdict.words if verdict else MISSING


def _tasks(count: CountSummary) -> str:
    finished = [run.work.tasks for run in count.runs if run.status == "ok"]
    tasks = finished or [run.work.tasks for run in count.runs]
    least, most = min(tasks), max(tasks)
    return f"{least}" if least == most else f"{least} to {most}"
