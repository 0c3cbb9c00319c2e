"""Everything that one profile measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Self

from sdprofile.model.allocations import Allocations
from sdprofile.model.calls import MOST_CALLS
from sdprofile.model.elements import Element
from sdprofile.model.failure import FailedRun
from sdprofile.model.machine import Machine
from sdprofile.model.memory import Thresholds
from sdprofile.model.notice import Notice
from sdprofile.model.prediction import Predictions
from sdprofile.model.run import CountSummary, Run
from sdprofile.model.setting import Kind, Setting, Varied
from sdprofile.model.timing import Timing

_MOST = 0.5
"""Fraction of a run from which it is theirs, so that worker counts make no difference to it."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A cell, run with several settings: what it took."""

    code: str
    """The cell."""

    runs: tuple[Run, ...]
    """All runs, in the order in which they were made."""

    repeats: int
    """How many runs with each setting were asked for."""

    fused: bool = True
    """Whether dask was free to fuse tasks; False with ``--no-fuse``."""

    compute: str = ""
    """How ``--compute`` computed what was lazy in the cell's value; empty if it was not asked."""

    thresholds: Thresholds = Thresholds()
    """From which fractions of their limit the workers spilled, paused and were killed."""

    secure: bool = False
    """Whether the cluster talked TLS, which makes transfers slower."""

    stopped: str = ""
    """Why the profile ended early, in one line; empty if it did not."""

    machine: Machine
    """Where it ran."""

    dashboard: str = ""
    """Address of dask's dashboard; empty if there is none."""

    tunnel: str = ""
    """Command that opens the dashboard to the user's machine; empty if none is needed."""

    decimal: bool = False
    """Whether memory is written in powers of 1000 (GB), as the user did, or of 1024 (GiB)."""

    created: str = ""
    """When it was begun: ISO 8601 with the offset from UTC."""

    versions: tuple[tuple[str, str], ...] = ()
    """Names and versions of the packages that matter."""

    predictions: Predictions | None = None
    """What a replay of the tasks says of other worker counts; None without ``--predict``."""

    allocated: Allocations | None = None
    """What a task had allocated at its peak; None without ``--allocations``."""

    remarks: tuple[Notice, ...] = field(default=())
    """Notices that were found while it ran."""

    @cached_property
    def counts(self) -> tuple[CountSummary, ...]:
        """One summary for each worker count, in ascending order; of a grid, for each setting."""
        return summaries(self.runs)

    @cached_property
    def traced_runs(self) -> tuple[Run, ...]:
        """Of each count the run whose tasks stand for it, if they are known."""
        runs = (traced(count.runs) for count in self.counts)
        return tuple(run for run in runs if run is not None)

    @cached_property
    def varied(self) -> Varied:
        """In what the settings differ."""
        return Varied.of((run.setting for run in self.runs), decimal=self.decimal)

    @cached_property
    def parts(self) -> tuple[Self, ...]:
        """A profile over worker counts for each limit, number of threads and value of a variable.

        Just this one, if only the number of workers was varied.
        """
        kinds = by_kind(self.runs)
        if len(kinds) < 2:
            return (self,)
        return tuple(
            replace(self, runs=runs, stopped="", allocated=None, remarks=()) for runs in kinds
        )

    @property
    def is_grid(self) -> bool:
        """Whether more was varied than the number of workers."""
        return len(self.parts) > 1

    @property
    def tells_of_workers(self) -> bool:
        """Whether what was measured tells of the workers: tasks ran there, and most of the time."""
        return compares_workers(self.runs) and any(run.work.tasks for run in self.runs)

    @property
    def is_for_nothing(self) -> bool:
        """Whether all runs ended well, and yet tell nothing of numbers of workers."""
        return bool(self.runs) and not (self.failures or self.is_grid or self.tells_of_workers)

    @property
    def elements(self) -> tuple[Element, ...]:
        """The SpatialData elements that the cell worked on, in the last run that tells."""
        return next((run.data.elements for run in reversed(self.runs) if run.data.elements), ())

    @property
    def in_rounds(self) -> bool | None:
        """Whether the counts took turns, so that what drifts meets all of them alike.

        False if all runs of a count were made in a row; None where the runs do not tell.
        """
        return in_rounds(self.runs)

    @property
    def failures(self) -> tuple[FailedRun, ...]:
        """What ended the runs that did not end well, in the order in which it happened."""
        return tuple(
            FailedRun(
                **vars(run.failure),
                workers=run.workers,
                repeat=run.repeat,
                seconds=run.seconds,
                memory_limit=run.memory_limit,
            )
            for run in self.runs
            if run.failure is not None
        )


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
        visited. The base of all is the first with workers of which a run ended well, if the runs
        tell of their workers (see `compares_workers`).
    """
    by_setting: dict[Setting, list[Run]] = {}
    for same in by_kind(runs):
        for run in sorted(same, key=lambda run: run.workers):
            by_setting.setdefault(run.setting, []).append(run)
    base, base_setting = None, None
    # No cluster is held against workers, and not the other way round.
    for found in sorted(by_setting.values(), key=lambda same: not same[0].workers):
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
        of two as near the shorter, as the other may have been cold; else the last; None if there is
        none.
    """
    known = [run for run in runs if run.trace is not None]
    well = [run.seconds for run in runs if run.status == "ok"]
    finished = [run for run in known if run.status == "ok"]
    if not finished:
        return known[-1] if known else None
    median = statistics.median(well)
    return min(finished, key=lambda run: (round(abs(run.seconds - median), 6), run.seconds))


def with_one_trace(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return runs of which only that one has its tasks which stands for its setting.

    The tasks of all would make a file with ten repeats ten times as large. Of what was called
    within the tasks, the runs share what a profile has room for.
    """
    by_setting: dict[Setting, list[Run]] = {}
    for run in runs:
        by_setting.setdefault(run.setting, []).append(run)
    kept = {id(traced(same)) for same in by_setting.values()}
    most = MOST_CALLS // max(1, len(kept))
    return tuple(
        run
        if run.trace is None
        else replace(run, trace=run.trace.with_calls(most) if id(run) in kept else None)
        for run in runs
    )


def in_rounds(runs: Sequence[Run]) -> bool | None:
    """Return whether the settings took turns; None where the runs do not tell."""
    on_workers = [run.setting for run in runs if run.workers]
    settings = set(on_workers)
    if not len(on_workers) > len(settings) > 1:
        return None
    changes = sum(one != other for one, other in pairwise(on_workers))
    return changes >= len(settings)
