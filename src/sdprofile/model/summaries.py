"""The runs of a profile, one summary for each setting."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from sdprofile.model.run import CountSummary, Run
from sdprofile.model.setting import Kind, Setting
from sdprofile.model.timing import Timing

_MOST = 0.5
"""Fraction of a run from which it is theirs, so that worker counts make no difference to it."""


def compares_workers(runs: Sequence[Run]) -> bool:
    """Whether the times of runs are those of the profiled workers.

    Parameters
    ----------
    runs
        Some of a profile.
    """
    return not any(
        place.is_cluster or place.seconds > _MOST * run.seconds
        for run in runs
        for place in run.elsewhere
    )


def summaries(runs: Sequence[Run]) -> tuple[CountSummary, ...]:
    """Return one summary for each setting.

    Parameters
    ----------
    runs
        In the order in which they were made.

    Returns
    -------
    tuple of CountSummary
        Ascending by worker count; what else was varied comes in the order in which it was first
        visited. The base of all is the first of which a run ended well, if the runs tell of their
        workers (see `compares_workers`).
    """
    by_setting: dict[Setting, list[Run]] = {}
    for same in by_kind(runs):
        for run in sorted(same, key=lambda run: run.workers):
            by_setting.setdefault(run.setting, []).append(run)
    base, base_setting = None, None
    for found in by_setting.values():
        seconds = tuple(run.seconds for run in found if run.status == "ok")
        if seconds and compares_workers(runs):
            base, base_setting = Timing(seconds=seconds), found[0].setting
            break
    return tuple(
        CountSummary(runs=tuple(found), base=base, base_setting=base_setting)
        for found in by_setting.values()
    )


def by_kind(runs: Sequence[Run]) -> tuple[tuple[Run, ...], ...]:
    """Return the runs of each limit, number of threads and value of a variable, all in order."""
    kinds: dict[Kind, list[Run]] = {}
    for run in runs:
        kinds.setdefault(run.setting.kind, []).append(run)
    return tuple(tuple(same) for same in kinds.values())


def traced(runs: Sequence[Run]) -> Run | None:
    """Return the run whose tasks stand for those of all runs with a setting.

    Parameters
    ----------
    runs
        All with the same setting.

    Returns
    -------
    Run or None
        Of those whose tasks are known, the one that ended well with the time nearest to the median,
        else the last; None if there is none.
    """
    known = [run for run in runs if run.trace is not None]
    well = [run.seconds for run in runs if run.status == "ok"]
    finished = [run for run in known if run.status == "ok"]
    if not finished:
        return known[-1] if known else None
    median = statistics.median(well)
    return min(finished, key=lambda run: abs(run.seconds - median))


def with_one_trace(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return runs of which only that one has its tasks which stands for its setting.

    The tasks of all would make a file with ten repeats ten times as large.
    """
    by_setting: dict[Setting, list[Run]] = {}
    for run in runs:
        by_setting.setdefault(run.setting, []).append(run)
    kept = {id(traced(same)) for same in by_setting.values()}
    return tuple(
        run if run.trace is None or id(run) in kept else replace(run, trace=None) for run in runs
    )


def in_rounds(runs: Sequence[Run]) -> bool | None:
    """Return whether the settings took turns; None where the runs do not tell."""
    settings = {run.setting for run in runs}
    if not len(runs) > len(settings) > 1:
        return None
    changes = sum(one.setting != other.setting for one, other in pairwise(runs))
    return changes >= len(settings)
