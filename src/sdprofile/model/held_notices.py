"""Where threads of one worker would together pass its limit, and how dask can be told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.model.notice import Notice
from sdprofile.model.units import format_bytes, format_limit, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.profile import Profile


def held_notices(profile: Profile) -> Iterator[Notice]:
    """Yield what ``--task-memory`` could do, or did not do.

    Parameters
    ----------
    profile
        What was measured.

    Yields
    ------
    Notice
        That tasks side by side pass the limit, and that a prefix was not found.
    """
    yield from side_by_side(profile)
    finished = [run for run in profile.runs if run.status == "ok"]
    found = {held.prefix for run in finished for held in run.held if held.tasks}
    asked = [held.prefix for held in finished[-1].held] if finished else []
    missing = [prefix for prefix in asked if prefix not in found]
    if missing:
        known = [memory.prefix for memory in finished[-1].task_memory]
        yield Notice(
            fact=f"--task-memory held nothing back: no task has the prefix {listed(missing)}",
            advice=f"The prefixes are {listed(known)}"
            if known
            else "Take a prefix from the tasks in the report",
        )


def side_by_side(profile: Profile) -> Iterator[Notice]:
    """Yield the prefix of which as many tasks as a worker has threads pass its limit the most.

    Notes
    -----
    What one task needs is exact with one thread per worker only; else it is the least that one must
    have taken. Tasks that were held back are left out.
    """
    needs = _needs(profile)
    found = []
    for run in profile.runs:
        room = (run.memory_limit or math.inf) - (run.baseline or 0)
        held = {each.prefix for each in run.held}
        for prefix, (need, tasks) in needs.items():
            together = min(run.threads, tasks)
            if together > 1 and together * need > room and prefix not in held:
                found.append((together * need / room, together, prefix, need, run))
    if not found:
        return
    _, together, prefix, need, run = max(found, key=lambda each: each[0])
    limit = run.memory_limit or 0
    full = profile.thresholds.full
    each = said_need(need, limit=limit, baseline=run.baseline or 0, full=full)
    yield Notice(
        fact=f"{together} tasks of {prefix} side by side take"
        f" {format_bytes(together * need, decimal=profile.decimal)}, a worker of"
        f" {plural(run.threads, 'thread')} has {format_bytes(limit, decimal=profile.decimal)}",
        advice=f"Try --task-memory {prefix}={format_limit(each, decimal=profile.decimal)}, which"
        f" runs fewer at a time. To keep it: start the workers with"
        f' resources={{"MEM": {_number(limit)}}}, and call compute() under'
        f' with dask.annotate(resources={{"MEM": {_number(each)}}}):',
    )


def said_need(need: int, *, limit: int, baseline: int, full: float) -> int:
    """Return what to say that a task needs, so that those side by side leave room.

    Parameters
    ----------
    need
        What a task adds to the memory of its worker, in bytes.
    limit, baseline
        Of the worker, in bytes.
    full
        See `Thresholds.full`.

    Returns
    -------
    int
        In bytes, at least `need`, at most `limit`: as many as fit into the limit stay, with what
        the worker has at the start, below the fraction at which it takes no new tasks.

    Examples
    --------
    >>> said_need(1_260_000_000, limit=4_000_000_000, baseline=150_000_000, full=0.8)
    1333333334
    """
    fit = math.floor((full * limit - baseline) / need)
    least = limit // (fit + 1) + 1 if fit > 0 else limit
    return min(limit, max(need, least))


def _needs(profile: Profile) -> dict[str, tuple[int, int]]:
    """Return for each prefix what a task adds in bytes, and how many tasks there are."""
    exact: dict[str, tuple[int, int]] = {}
    least: dict[str, tuple[int, int]] = {}
    for run in profile.runs:
        into = exact if run.threads == 1 else least
        for part in run.task_memory:
            if not part.in_finalize and part.rise_low > 0:
                need, tasks = into.get(part.prefix, (0, 0))
                into[part.prefix] = max(need, part.rise_low), max(tasks, part.tasks)
    return least | exact


def _number(nbytes: int) -> str:
    """Return bytes as a number of Python of two digits, rounded up; the limit comes out whole."""
    digits = max(0, len(str(nbytes)) - 2)
    rounded = -(-nbytes // 10**digits) * 10**digits
    return f"{rounded:.1e}".replace("e+0", "e").replace("e+", "e").replace(".0e", "e")
