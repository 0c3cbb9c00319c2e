"""Two profiles side by side, as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.explain.verdict import CANNOT_TELL
from sdprofile.render.curves import median_run
from sdprofile.render.text.report import WIDEST_PLOT, printable, terminal_width
from sdprofile.render.text.rows import MISSING, peak_worker
from sdprofile.render.text.steps import STEP, Step, steps
from sdprofile.render.text.strips import Strip, draw_strips, strip_name
from sdprofile.render.text.tables import table_lines
from sdprofile.render.text.wrapping import clean, wrap
from sdprofile.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from sdprofile.explain.comparison import Compared, CountChange
    from sdprofile.model.measured import Measured

_LINE = re.compile(r" \(line \d+\)$")
_UNSURE = {CANNOT_TELL: "?"}

DETAILS = 2
"""Columns at the end of a table that a page has among its details."""

_DROPPED = ("range", "peak/worker", "verdict")
"""Columns that a narrow table does without, the least important first."""

NOTHING_SHARED = "No worker count is in both."
"""What is shown in place of an empty table."""


def comparison_report(
    comparison: Compared, *, width: int | None = None, ascii_only: bool | None = None
) -> str:
    """Return a comparison for a terminal.

    Parameters
    ----------
    comparison
        Two profiles.
    width
        Columns that may be used; by default the terminal's, but at least 60.
    ascii_only
        Whether to use ASCII only; by default where standard output cannot encode the rest.

    Returns
    -------
    str
        What became of it, what is not alike, a row per worker count, then a row per step; without
        a newline at the end.
    """
    columns = terminal_width() if width is None else width
    return printable(
        lambda ascii_only: _report(comparison, width=columns, ascii_only=ascii_only), ascii_only
    )


def _report(comparison: Compared, *, width: int, ascii_only: bool) -> str:
    def wrapped(text: str, start: str = "", indent: str = "") -> list[str]:
        return wrap(clean(text, ascii_only=ascii_only), width, start, indent)

    parts = [wrapped(comparison.answer.text, "=> ", "   ")]
    parts.append(wrapped(title(comparison)))
    if told := unlike(comparison):
        parts[-1] += wrapped(told, "! ", "  ")
    if not comparison.counts:
        return "\n".join([*parts[-1], NOTHING_SHARED])
    rows = change_rows(comparison)
    parts.append(table_lines(rows, width=width, ascii_only=ascii_only, dropped=_DROPPED))
    parts[-1] += wrapped(f"{speedup_words(comparison)}; {ratio_words(comparison)}")
    parts.append(_strips(comparison, width=width, ascii_only=ascii_only).splitlines())
    if rows := step_change_rows(comparison):
        title_of_steps = f"steps of all threads in the median run, {' -> '.join(comparison.names)}"
        table = table_lines(rows, width=width, ascii_only=ascii_only)
        parts.append([*wrapped(title_of_steps), *table])
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def title(comparison: Compared) -> str:
    """Return what is compared with what, and whether the two were measured together."""
    before, after = comparison.names
    title = f"{before} against {after}"
    one, other = comparison.before, comparison.after
    if not one.created or not other.created:
        return title
    if one.created == other.created and one.runs != other.runs:
        return f"{title}, run by turns"
    return f"{title}, measured {_when(one.created)} and {_when(other.created)}"


def _when(created: str) -> str:
    return created[: len("2026-11-26T20:15")].replace("T", " ")


def unlike(comparison: Compared) -> str:
    """Return in what the two differ beside their code, in a line; empty if in nothing."""
    if not comparison.differences:
        return ""
    return f"Not alike: {'; '.join(comparison.differences)}"


def ratio_words(comparison: Compared) -> str:
    """Return how the columns of memory and tasks are to be read."""
    return f"memory and tasks: from {' to '.join(comparison.names)}, 0.50x is half"


def speedup_words(comparison: Compared) -> str:
    """Return how the columns of times are to be read."""
    before, after = comparison.names
    words = [change.verdict for change in comparison.counts if change.verdict is not None]
    unsure = dict.fromkeys(each.words for each in words if each.word == CANNOT_TELL)
    speedup = f"speedup: time of {before} over that of {after}, with its range"
    return "; ".join([speedup, *(f"?: {each}" for each in unsure)])


def change_rows(comparison: Compared) -> list[list[str]]:
    """Return the headers, then a row per worker count that both have; empty if there is none."""
    if not comparison.counts:
        return []
    before, after = comparison.names
    headers = ["workers", before, after, "speedup", "range", "verdict", "peak/worker", "memory"]
    rows = [_change(change, decimal=comparison.after.decimal) for change in comparison.counts]
    return [[*headers, "tasks"], *rows]


def step_change_rows(comparison: Compared) -> list[list[str]]:
    """Return the headers, then a row per step of either; empty if there is none but the cell.

    Notes
    -----
    Steps are the same if their names without the line are, and they come in the same order.
    """
    before, after = _steps(comparison.before), _steps(comparison.after)
    names = dict.fromkeys((*before, *after))
    if len(names) < 2 or not comparison.counts:
        return []
    headers = [STEP, *(change.after.setting.name for change in comparison.counts)]
    rows = []
    for name in names:
        cells = [
            _step_change(
                _seconds(comparison.before, before.get(name), change.workers),
                _seconds(comparison.after, after.get(name), change.workers),
            )
            for change in comparison.counts
        ]
        depth, text = name[0].count("/"), name[0].rpartition("/")[2]
        rows.append([f"{'  ' * depth}{text}{f' ({name[1]})' if name[1] > 1 else ''}", *cells])
    return [headers, *rows]


def _strips(comparison: Compared, *, width: int, ascii_only: bool) -> str:
    """Draw the memory of both at each worker count, one above the other on one time axis."""
    decimal = comparison.after.decimal
    strips = [
        Strip(
            run=median_run(count) or count.runs[-1],
            name=clean(f"{name}, {strip_name(count.setting)}"),
            note=f"peak {peak_worker(count, decimal=decimal)}",
        )
        for change in comparison.counts
        for name, count in zip(comparison.names, (change.before, change.after), strict=True)
    ]
    return draw_strips(
        strips, width=min(width, WIDEST_PLOT), decimal=decimal, ascii_only=ascii_only
    )


def _change(change: CountChange, *, decimal: bool) -> list[str]:
    times = [each.timing for each in (change.before, change.after)]
    peaks = [each.peak_worker for each in (change.before, change.after)]
    verdict = change.verdict
    return [
        change.after.setting.label,
        *(
            format_seconds(timing.median) if timing else count.status
            for timing, count in zip(times, (change.before, change.after), strict=True)
        ),
        f"{verdict.ratio:.2f}x" if verdict else MISSING,
        "{:.2f} to {:.2f}".format(*verdict.within) if verdict else MISSING,
        _UNSURE.get(verdict.word, verdict.word) if verdict else MISSING,
        " -> ".join(format_bytes(peak, decimal=decimal) if peak else MISSING for peak in peaks),
        MISSING if change.peak_ratio is None else f"{change.peak_ratio:.2f}x",
        MISSING if change.tasks_ratio is None else f"{change.tasks_ratio:.2f}x",
    ]


def _steps(profile: Measured) -> dict[tuple[str, int], Step]:
    """Return the steps by the names around them and their own, and which of that name it is."""
    found: dict[tuple[str, int], Step] = {}
    around: list[str] = []
    for step in steps(profile):
        around[step.depth :] = [_LINE.sub("", step.name)]
        path = "/".join(around)
        number = next(n for n in range(1, len(found) + 2) if (path, n) not in found)
        found[path, number] = step
    return found


def _seconds(profile: Measured, step: Step | None, workers: int) -> float | None:
    """Return what a step took of all threads, or in the kernel where it sent no task."""
    if step is None:
        return None
    index = [count.workers for count in profile.counts].index(workers)
    time = step.times[index]
    if time is None:
        return None
    return time.seconds if time.shares else time.kernel


def _step_change(before: float | None, after: float | None) -> str:
    return "".join(_step_parts(before, after))


def _step_parts(before: float | None, after: float | None) -> Iterator[str]:
    yield MISSING if before is None else format_seconds(before)
    yield " -> "
    yield MISSING if after is None else format_seconds(after)
    if before and after:
        yield f" ({before / after:.2f}x)"
