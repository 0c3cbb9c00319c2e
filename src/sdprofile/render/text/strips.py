"""Memory over time as block characters: one strip of two lines per worker count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sdprofile.render.curves import SHOWN, Array, column_maxima, is_sampled, median_run, shown_curve
from sdprofile.render.text.rows import right_aligned
from sdprofile.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run
    from sdprofile.model.setting import Setting

_BLOCKS, _BORDER = " ▁▂▃▄▅▆▇█", "│"
_ASCII_BLOCKS, _ASCII_BORDER = " .:#", "|"

_NARROW = 20
"""Columns below which a strip does without the text at its right."""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One run as a strip."""

    run: Run
    """What is drawn."""

    name: str
    """What stands at its left."""

    note: str = ""
    """What stands at its right."""


def terminal_plot(profile: Measured, *, width: int, ascii_only: bool = False) -> str:
    """Draw the memory of the fullest worker over time, a strip per worker count on one time axis.

    Parameters
    ----------
    profile
        What was measured.
    width
        Columns that may be used, from 30 up.
    ascii_only
        Whether to do without block characters.

    Returns
    -------
    str
        Lines without trailing blanks; empty if nothing was sampled.

    Notes
    -----
    Each strip is `median_run`, which the tables beside it tell of too. A column shows the highest
    value in its stretch of time.
    """
    strips = [
        Strip(run=median_run(count) or count.runs[-1], name=strip_name(count.setting))
        for count in profile.counts
    ]
    return draw_strips(strips, width=width, decimal=profile.decimal, ascii_only=ascii_only)


def draw_strips(
    strips: Sequence[Strip], *, width: int, decimal: bool, ascii_only: bool = False
) -> str:
    """Draw the memory of some runs on one time axis; see `terminal_plot`."""
    runs = [strip.run for strip in strips]
    sampled = [run for run in runs if is_sampled(run)]
    if not sampled:
        return ""
    names = right_aligned([strip.name for strip in strips])
    notes = [strip.note for strip in strips]
    frame = len(names[0]) + 2
    columns = width - frame - 1 - max(map(len, notes))
    if columns < _NARROW:
        notes, columns = [""] * len(notes), width - frame
    step = _seconds_per_column(sampled, columns)
    heights = [_heights(run, step=step, columns=columns) for run in runs]
    full = max(float(height.max()) for height in heights if height is not None)
    lines = [f"{SHOWN}; full height = {format_bytes(full, decimal=decimal)}"]
    border = _ASCII_BORDER if ascii_only else _BORDER
    for run, name, height, note in zip(runs, names, heights, notes, strict=True):
        upper, lower = _strip(height, full=full, blocks=_ASCII_BLOCKS if ascii_only else _BLOCKS)
        end = " not sampled" if height is None else _end(run)
        lines.append(f"{' ' * len(name)}{border}{upper:{columns}}{border}")
        lines.append(f"{name}{border}{lower + end:{columns}}{border} {note}".rstrip())
    axis = _axis(max(run.seconds for run in sampled), step=step, columns=columns)
    return "\n".join([*lines, f"{' ' * (frame - 1)}{axis}"])


def strip_name(setting: Setting) -> str:
    """Return what stands at the left of a worker count's strip."""
    return f"{setting.label} w" if setting.workers else setting.label


def _end(run: Run) -> str:
    return "" if run.status == "ok" else f"x {run.status}"


def _seconds_per_column(runs: Sequence[Run], columns: int) -> float:
    """Return the scale at which every run fits, with what is written at its end."""
    return max(run.seconds / (columns - len(_end(run))) for run in runs)


def _columns_used(seconds: float, step: float, *, most: int) -> int:
    # The least is one column, even for a run of no length.
    return max(1, min(most, math.ceil(seconds / step))) if step else 1


def _heights(run: Run, *, step: float, columns: int) -> Array | None:
    curve = shown_curve(run)
    if curve is None:
        return None
    used = _columns_used(run.seconds, step, most=columns - len(_end(run)))
    return column_maxima(*curve, np.minimum(np.arange(used + 1) * step, run.seconds))


def _strip(height: Array | None, *, full: float, blocks: str) -> tuple[str, str]:
    if height is None or full == 0:
        return "", "" if height is None else " " * len(height)
    steps = len(blocks) - 1
    levels = np.rint(height / full * 2 * steps).astype(int)
    # What is little but not nothing stays visible, and with it how long the run took.
    levels = np.where(height > 0, np.maximum(levels, 1), 0)
    upper = "".join(blocks[level] for level in np.clip(levels - steps, 0, steps))
    lower = "".join(blocks[level] for level in np.clip(levels, 0, steps))
    return upper, lower


def _axis(seconds: float, *, step: float, columns: int) -> str:
    used = _columns_used(seconds, step, most=columns)
    end, middle = format_seconds(seconds), format_seconds(seconds / 2)
    axis = "0".ljust(used - len(end)) + end if used > len(end) + 1 else f"0 {end}"[:columns]
    start = used // 2 - len(middle) // 2
    if start > 2 and start + len(middle) + 2 < used - len(end):
        axis = f"{axis[:start]}{middle}{axis[start + len(middle) :]}"
    return axis
