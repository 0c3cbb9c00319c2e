"""Which tasks took the time and the memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.model.tasks import PrefixMemory, merge
from sdprofile.render.curves import median_run
from sdprofile.render.page.markup import NOTHING, Cell, Row, bar, count_headers, key, table
from sdprofile.render.palette import marked, of_count
from sdprofile.render.text.breakdown import format_rise, is_accounted, task_seconds
from sdprofile.render.text.rows import MISSING
from sdprofile.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured

_MOST_PREFIXES = 12

_KEY = (
    "Time: all tasks of a prefix together, in the median run; it grows where workers are in each"
    " other's way. Peak/worker: memory of a worker while one ran. Rise: what one added; with"
    " several threads between what one must have added and what all did. Both are the most of any"
    " run."
)


def tasks_view(profile: Measured) -> Markup:
    """Return a table of task prefixes, the one that took most of the time at any count first."""
    runs = [median_run(count, known=is_accounted) for count in profile.counts]
    took = {
        part.prefix: part for part in merge(m for run in profile.runs for m in run.memory.prefixes)
    }
    counted = [part.prefix for run in runs if run for part in run.work.spans if part.prefix]
    seconds = {
        prefix: [task_seconds(run, prefix) if run else 0.0 for run in runs]
        for prefix in dict.fromkeys([*counted, *took])
    }
    if not seconds:
        return key("No task was seen on the workers.")
    # Of equal times, as of counts that were killed: the higher rise first, as `merge` gives it.
    order = sorted(seconds, key=lambda prefix: -max(seconds[prefix]))
    longest = max(max(times) for times in seconds.values())
    rows = [
        Row(
            cells=[
                Cell(text=prefix, classes="sdp-name"),
                *_times(profile, seconds[prefix], longest),
                *_memory(took.get(prefix), decimal=profile.decimal),
            ]
        )
        for prefix in order[:_MOST_PREFIXES]
    ]
    headers = [
        Cell(text="task prefix", classes="sdp-name"),
        *count_headers(profile),
        Cell(text="peak/worker"),
        Cell(text="rise"),
    ]
    more = len(order) - _MOST_PREFIXES
    words = f"{_KEY} Not shown: {more} more that took less time." if more > 0 else _KEY
    return table(headers, rows) + key(words)


def _times(profile: Measured, seconds: list[float], longest: float) -> list[Cell]:
    return [
        Cell(
            text=format_seconds(each) if each else MISSING,
            bar=bar(each / longest, how.colour) if each else NOTHING,
            classes=of_count(count.workers),
        )
        for each, (count, how) in zip(seconds, marked(profile), strict=True)
    ]


def _memory(part: PrefixMemory | None, *, decimal: bool) -> list[Cell]:
    if part is None:
        return [Cell(text=MISSING)] * 2
    return [
        Cell(text=format_bytes(part.peak, decimal=decimal)),
        Cell(text=format_rise(part, decimal=decimal)),
    ]
