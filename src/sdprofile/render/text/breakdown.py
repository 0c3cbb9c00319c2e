"""Where the time of each worker count went, and which tasks took the memory, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.account import account
from sdprofile.model.account import Cause
from sdprofile.model.measured import traced
from sdprofile.model.spans import EXECUTE, IDLE
from sdprofile.model.tasks import merge
from sdprofile.render.curves import median_run
from sdprofile.render.text.rows import MISSING
from sdprofile.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run
    from sdprofile.model.spans import SpanActivity
    from sdprofile.model.tasks import PrefixMemory

TIME = "where the time went (of all threads, in the median run)"
"""What `time_rows` returns, in words."""

MEMORY = "what took the memory (most of any run; rise: within a task)"
"""What `memory_rows` returns, in words."""

PREFIX = "prefix"
"""Header of the column whose texts come from the user's code."""

_OTHER = "other"

_COLUMN = {
    "thread-cpu": "compute",
    "thread-noncpu": "waiting",
    "disk-read": "disk",
    "disk-write": "disk",
    "network": "transfer",
    "serialize": "serialize",
    "deserialize": "serialize",
    "compress": "serialize",
    "decompress": "serialize",
    IDLE: IDLE,
}
"""Under which header each of dask's activities is counted, if not under "other"
(https://distributed.dask.org/en/stable/fine-performance-metrics.html)."""

ACTIVITIES = ("compute", "waiting", "disk", "transfer", "serialize", _OTHER, IDLE)
"""What threads do, in the order in which it is shown; dask tells more of them apart."""

SPENT = "spent on"
"""Header of the column that has `account_strip`."""

LETTERS = {
    Cause.COMPUTING: "C",
    Cause.MORE_CORES: "M",
    Cause.GIL: "G",
    Cause.CPU: "P",
    Cause.WAITING: "W",
    Cause.FETCHING: "F",
    Cause.SPILL: "D",
    Cause.HELD_BACK: "H",
    Cause.OVERHEAD: "O",
    Cause.CHAIN: "T",
    Cause.NO_MORE: "N",
    Cause.SENDING: "S",
    Cause.RESULT: "R",
    Cause.KERNEL: "K",
}
"""What stands for where the time went, in the order in which it is shown."""

_LEAST_SHARE = 0.01
"""Share of the time that a column must have at some worker count to be shown."""

_MOST_PREFIXES = 5

_ONE_NUMBER = 0.05
"""Fraction of a rise by which its two ends may differ to be written as one number."""


def account_shares(profile: Measured) -> list[dict[Cause, float]]:
    """Return where the time of each count went, in the order in which it is shown.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    list of dict
        For each of `Profile.counts` the share of each cause that took any, empty where it is not
        known; no entry at all if none is known, or in a grid.
    """
    found = []
    for count in () if profile.is_grid else profile.counts:
        run = traced(count.runs)
        taken = {part.cause: part.share for part in (account(run) if run else ())}
        found.append({cause: taken[cause] for cause in LETTERS if cause in taken})
    return found if any(found) else []


def account_strip(shares: Mapping[Cause, float], letters: int) -> str:
    """Return where the time went as so many letters, each cause as long as its share."""
    strip, upto = "", 0.0
    for cause, share in shares.items():
        upto += share
        strip += LETTERS[cause] * (round(upto * letters) - len(strip))
    return strip


def account_key(strips: Sequence[str]) -> str:
    """Return what the letters in some strips stand for."""
    used = set("".join(strips))
    return ", ".join(f"{letter} {cause}" for cause, letter in LETTERS.items() if letter in used)


def time_rows(profile: Measured) -> list[list[str]]:
    """Return what the workers' threads did, in percent of their time.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    list of list of str
        The headers, then a row per worker count, ascending; empty if it is not known. Activities
        below 1 % at every count are left out.

    Notes
    -----
    Of the run with the median time. Of a run that did not end well it is not told: tasks that did
    not end were not counted, and would look idle.
    """
    runs = [median_run(count, known=is_accounted) for count in profile.counts]
    shares = [activity_shares(run.work.spans) if run else {} for run in runs]
    columns = [
        name for name in ACTIVITIES if any(each.get(name, 0) >= _LEAST_SHARE for each in shares)
    ]
    if not columns:
        return []
    rows = [
        [
            count.setting.label,
            *(f"{100 * share.get(name, 0):.0f} %" if share else MISSING for name in columns),
        ]
        for count, share in zip(profile.counts, shares, strict=True)
    ]
    return [["workers", *columns], *rows]


def memory_rows(profile: Measured) -> list[list[str]]:
    """Return which tasks made the memory of their worker rise the most.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    list of list of str
        The headers, then a row for each of up to five prefixes of the tasks' keys, the highest
        rise first; empty if it is not known.

    Notes
    -----
    Every number is the highest of any run: tasks and time of all tasks of the prefix in one run,
    memory of a worker while one of them ran, and rise from a task's start. Runs that did not end
    well count. With several threads per worker the rise is a range; see `PrefixMemory`.
    """
    took = merge(part for run in profile.runs for part in run.memory.prefixes)
    shown = [part for part in took if part.rise_high > 0][:_MOST_PREFIXES]
    if not shown:
        return []
    headers = [PREFIX, "tasks", "time", "peak/worker", "rise"]
    return [headers, *(_memory_row(part, profile) for part in shown)]


def is_accounted(run: Run) -> bool:
    """Whether it is known of all of a run's thread time what went on in it."""
    # Files of early versions hold activities without the idle time: no share of anything.
    return run.status == "ok" and any(part.activity == IDLE for part in run.work.spans)


def activity_shares(parts: Iterable[SpanActivity]) -> dict[str, float]:
    """Return the share of each of `ACTIVITIES` that took any time; they add up to 1."""
    seconds = dict.fromkeys(ACTIVITIES, 0.0)
    for part in parts:
        seconds[_COLUMN.get(part.activity, _OTHER)] += part.seconds
    total = sum(seconds.values())
    return {name: each / total for name, each in seconds.items() if each > 0}


def task_seconds(run: Run, prefix: str) -> float:
    """Return the thread time of all tasks of a prefix together, in seconds."""
    return sum(
        part.seconds for part in run.work.spans if part.context == EXECUTE and part.prefix == prefix
    )


def format_rise(part: PrefixMemory, *, decimal: bool) -> str:
    """Return how much a task of a prefix added, for instance ``1.2 to 2.4 GB``."""
    low, high = (format_bytes(end, decimal=decimal) for end in (part.rise_low, part.rise_high))
    if part.rise_high - part.rise_low <= _ONE_NUMBER * part.rise_high:
        return high
    if part.rise_low <= 0:
        return f"up to {high}"
    number, unit = low.split()
    return f"{number if unit == high.split()[1] else low} to {high}"


def _memory_row(part: PrefixMemory, profile: Measured) -> list[str]:
    runs = profile.runs
    tasks = max(
        same.tasks for run in runs for same in run.memory.prefixes if same.prefix == part.prefix
    )
    seconds = max(task_seconds(run, part.prefix) for run in runs)
    return [
        part.prefix,
        str(tasks),
        format_seconds(seconds) if seconds else MISSING,
        format_bytes(part.peak, decimal=profile.decimal),
        format_rise(part, decimal=profile.decimal),
    ]
