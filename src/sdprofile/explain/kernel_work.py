"""Whether the kernel did the work instead of the workers, and in which step."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.units import format_seconds

if TYPE_CHECKING:
    from sdprofile.model.run import Run
    from sdprofile.model.steps import LineTime, StepCall

_KERNEL_BUSY = 0.5
"""Cores that the kernel must have used, on average, to have done the work itself."""

_LITTLE_CPU = 0.1
"""Seconds of CPU time of the kernel that are not worth a word."""

_WORKERS_IDLE = 1 / 3
"""Fraction of their thread time below which the workers have not done it: more of them without
limit would save no more than that of the time at one worker."""


@dataclass(frozen=True, kw_only=True)
class KernelWork:
    """What the kernel did, where it did most of the work."""

    cores: float
    """Cores that it used, on average over the median run."""

    busy: float
    """For which part of the median run the workers' threads ran tasks."""

    step: StepCall | None
    """The step that took most of the last run; None for none."""

    line: LineTime | None
    """The line that did; None for none."""

    seconds: float
    """Wall time of that run, in seconds."""

    @property
    def where(self) -> str:
        """The step, or else the line, and what it took of the run; empty where there is none."""
        if self.step is not None:
            name, seconds = self.step.name, self.step.seconds
        elif self.line is not None:
            name, seconds = f"line {self.line.line}", self.line.seconds
        else:
            return ""
        return f"{name} took {format_seconds(seconds)} of {format_seconds(self.seconds)}"


def kernel_work(runs: Sequence[Run]) -> KernelWork | None:
    """Return what the kernel did; None where it did not most of the work.

    Parameters
    ----------
    runs
        Those on workers that ended well.
    """
    if not runs:
        return None
    cores, busy, of_tasks = _cores(runs), _busy(runs), _cores_of_tasks(runs)
    if busy is None or busy > _WORKERS_IDLE or cores <= max(_KERNEL_BUSY, of_tasks):
        return None
    last = runs[-1]
    step = max(last.steps.calls, key=lambda each: each.seconds, default=None)
    if step is not None and step.seconds < last.seconds / 2:
        step = None
    line = next((each for each in last.steps.cell_lines if each.seconds > last.seconds / 2), None)
    return KernelWork(cores=cores, busy=busy, step=step, line=line, seconds=last.seconds)


def _cores(runs: Sequence[Run]) -> float:
    used = [
        run.circumstances.kernel_cpu_seconds / run.seconds
        for run in runs
        if run.circumstances.kernel_cpu_seconds > _LITTLE_CPU and run.seconds > 0
    ]
    return statistics.median(used) if used else 0.0


def _cores_of_tasks(runs: Sequence[Run]) -> float:
    """Return how many threads of all workers together ran tasks, on average over the median run."""
    return statistics.median(
        run.work.task_seconds / run.seconds if run.seconds else 0.0 for run in runs
    )


def _busy(runs: Sequence[Run]) -> float | None:
    """Return for which part of the median run the workers' threads ran tasks; None if not known."""
    known = [run for run in runs if run.seconds > 0 and (run.work.spans or not run.work.tasks)]
    if not known:
        return None
    return statistics.median(
        run.work.task_seconds / (run.workers * run.threads * run.seconds) for run in known
    )
