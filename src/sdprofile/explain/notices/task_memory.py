"""Where threads of one worker would together pass its limit, and how dask can be told."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.model.notice import Notice
from sdprofile.units import format_bytes, format_limit, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run


def held_notices(profile: Measured) -> Iterator[Notice]:
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
    found = {each.prefix for run in finished for each in run.throttled if each.tasks}
    asked = [each.prefix for each in finished[-1].throttled] if finished else []
    missing = [prefix for prefix in asked if prefix not in found]
    if missing:
        known = [memory.prefix for memory in finished[-1].memory.prefixes]
        yield Notice(
            fact=f"--task-memory held nothing back: no task has the prefix {listed(missing)}",
            advice=f"The prefixes are {listed(known)}"
            if known
            else "Take a prefix from the tasks in the report",
        )


def side_by_side(profile: Measured) -> Iterator[Notice]:
    """Yield the prefix of which as many tasks as a worker has threads pass its limit the most.

    Notes
    -----
    What one task needs is exact with one thread per worker only; else it is the least that one must
    have taken. Tasks that were held back are left out.
    """
    crowd = most_crowded(profile, together=2)
    if crowd is None:
        return
    run, need, limit = crowd.run, crowd.need.nbytes, crowd.run.memory_limit or 0
    full = profile.thresholds.full
    each = said_need(need, limit=limit, baseline=run.memory.baseline or 0, full=full)
    least = "" if crowd.need.exact else "at least "
    yield Notice(
        fact=f"{crowd.together} tasks of {crowd.prefix} side by side take {least}"
        f"{format_bytes(crowd.together * need, decimal=profile.decimal)}, a worker of"
        f" {plural(run.threads, 'thread')} has {format_bytes(limit, decimal=profile.decimal)}",
        advice=f"Try --task-memory {crowd.prefix}={format_limit(each, decimal=profile.decimal)},"
        " which"
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


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a task of one prefix adds to the memory of its worker."""

    nbytes: int
    """The most of any such task, in bytes; at least so much, where it is not exact."""

    exact: bool
    """Whether it was measured with one thread per worker, where no task runs beside it."""

    tasks: int
    """How many there are in a run."""


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Tasks that pass the limit of their worker, side by side or one by itself."""

    prefix: str
    """Prefix of their keys."""

    need: Need
    """What each needs."""

    together: int
    """How many a worker runs side by side."""

    run: Run
    """A run with such workers."""


def most_crowded(profile: Measured, *, together: int = 1) -> Crowd | None:
    """Return the prefix of which the tasks that a worker runs at a time pass its limit the most.

    Parameters
    ----------
    profile
        What was measured.
    together
        How many they are at least.

    Returns
    -------
    Crowd
        None if those of each prefix fit, as far as it is known what they need.

    Notes
    -----
    By how much the whole worker rose while several tasks ran on it (`PrefixMemory.rise_high`) is
    what all of them took, and says of one task only that it took no more.
    """
    needs = _needs(profile)
    found = []
    for run in profile.runs:
        room = (run.memory_limit or math.inf) - (run.memory.baseline or 0)
        throttled = {each.prefix for each in run.throttled}
        for prefix, need in needs.items():
            most = min(run.threads, need.tasks)
            if most >= together and most * need.nbytes > room and prefix not in throttled:
                crowd = Crowd(prefix=prefix, need=need, together=most, run=run)
                found.append((most * need.nbytes / room, crowd))
    return max(found, key=lambda each: each[0])[1] if found else None


def _needs(profile: Measured) -> dict[str, Need]:
    """Return what a task of each prefix needs, by runs with one thread per worker if there are."""
    exact: dict[str, Need] = {}
    least: dict[str, Need] = {}
    for run in profile.runs:
        into = exact if run.threads == 1 else least
        for part in run.memory.prefixes:
            if not part.in_finalize and part.rise_low > 0:
                so_far = into.get(part.prefix)
                into[part.prefix] = Need(
                    nbytes=max(part.rise_low, so_far.nbytes if so_far else 0),
                    exact=run.threads == 1,
                    tasks=max(part.tasks, so_far.tasks if so_far else 0),
                )
    return least | exact


def _number(nbytes: int) -> str:
    """Return bytes as a number of Python of two digits, rounded up; the limit comes out whole."""
    digits = max(0, len(str(nbytes)) - 2)
    rounded = -(-nbytes // 10**digits) * 10**digits
    return f"{rounded:.1e}".replace("e+0", "e").replace("e+", "e").replace(".0e", "e")
