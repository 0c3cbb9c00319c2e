"""Times and peaks of all settings of a grid, in characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.render.text.rows import MISSING, peak_worker, right_aligned
from sdprofile.render.text.wrapping import cut
from sdprofile.units import format_seconds

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured

_NARROW = 20
"""Columns of a bar below which it takes the place of the peaks."""

_SHORTEST_NAME = 12
"""Characters that are left of a setting at least."""


def grid_bars(profile: Measured, *, width: int, ascii_only: bool = False) -> str:
    """Draw the median times as bars of characters, one line for each setting.

    Parameters
    ----------
    profile
        A grid.
    width
        Columns that may be used, from 40 up.
    ascii_only
        Whether to do without block characters.

    Returns
    -------
    str
        Lines without trailing blanks.
    """
    counts = profile.counts
    times = right_aligned([format_seconds(c.timing.median) if c.timing else "" for c in counts])
    peaks = right_aligned([peak_worker(count, decimal=profile.decimal) for count in counts])
    most = max(_SHORTEST_NAME, width - len(times[0]) - len("  ") - _NARROW)
    names = [cut(profile.varied.name(count.setting), most) for count in counts]
    first = max(map(len, names))
    columns = width - first - len(times[0]) - len(peaks[0]) - len("    peak ")
    if columns < _NARROW:
        peaks, columns = [""] * len(counts), width - first - len(times[0]) - len("  ")
    longest = max((count.timing.median for count in counts if count.timing), default=0.0)
    lines = ["median time, and the peak of the fullest worker"]
    for count, name, time, peak in zip(counts, names, times, peaks, strict=True):
        bar = f"x {count.status}"
        if count.status == "ok" and count.timing and longest:
            length = max(1, round(count.timing.median / longest * columns))
            bar = ("#" if ascii_only else "█") * length
        told = f"  peak {peak}" if peak.strip() not in ("", MISSING) else ""
        lines.append(f"{name.rjust(first)} {bar.ljust(max(1, columns))} {time}{told}".rstrip())
    return "\n".join(lines)
