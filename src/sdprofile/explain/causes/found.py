"""A cause that was found, and what the pages of causes look at."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sdprofile.explain.account import account

if TYPE_CHECKING:
    from sdprofile.model.account import Cause
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run
    from sdprofile.model.trace import Trace

LEAST_GAIN = 1.05
"""Ratio of the times before and after a change, below which it is not worth a word."""

_MANY_GRAPHS = 10
"""Graphs from which it is their number that takes the time."""

_FEW_TASKS = 100
"""Tasks below which a graph is small."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What holds a cell back."""

    name: str
    """What it is, in a few words: ``"small tasks"``."""

    workers: int
    """Worker count at which it was seen."""

    share: float
    """Fraction of the wall time there that it takes."""

    fact: str
    """What was seen, as a clause: with the step, the prefix or the line, and numbers."""

    change: str
    """What to change, as a clause in the imperative."""

    gain: tuple[float, float] | None = None
    """From how many to how many times as fast the cell would be with that; None if not known."""

    @property
    def sentence(self) -> str:
        """Fact, change and gain in one sentence, without a full stop."""
        text = f"{self.fact[0].upper()}{self.fact[1:]}: {self.change}"
        if self.gain is None:
            return text
        low, high = (f"{each:.1f}" if each < 9.95 else f"{each:.0f}" for each in self.gain)
        return f"{text} (about {low}x)" if low == high else f"{text} (about {low} to {high}x)"


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """The tasks of one prefix that came to an end."""

    prefix: str
    """Prefix of their keys."""

    seconds: tuple[float, ...]
    """What each took, ascending."""

    @property
    def total(self) -> float:
        """Thread time of all together, in seconds."""
        return sum(self.seconds)

    @property
    def median(self) -> float:
        """What one took, in seconds."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One run, with its account."""

    profile: Measured
    """What was measured."""

    run: Run
    """The run that is looked at."""

    trace: Trace
    """Its tasks."""

    @cached_property
    def shares(self) -> dict[Cause, float]:
        """Fraction of the wall time by cause."""
        return {part.cause: part.share for part in account(self.run)}

    def share(self, *causes: Cause) -> float:
        """Return the fraction of the wall time that causes took together."""
        return sum(self.shares.get(cause, 0.0) for cause in causes)

    @property
    def threads(self) -> int:
        """Threads of all workers together."""
        return self.run.workers * self.run.threads

    @property
    def in_small_graphs(self) -> bool:
        """Whether it computed many graphs of few tasks, one after another."""
        graphs = len(self.trace.arrivals)
        return graphs >= _MANY_GRAPHS and len(self.trace) < _FEW_TASKS * graphs

    def prefix(self, task: int) -> str:
        """Return the prefix of a task."""
        return self.trace.groups[self.trace.group[task]].prefix

    @cached_property
    def prefixes(self) -> tuple[Tasks, ...]:
        """The tasks by prefix, those that took most thread time first."""
        by_prefix: defaultdict[str, list[float]] = defaultdict(list)
        for task, seconds in enumerate(self.trace.durations):
            if seconds < float("inf"):
                by_prefix[self.prefix(task)].append(seconds)
        found = (
            Tasks(prefix=prefix, seconds=tuple(sorted(each))) for prefix, each in by_prefix.items()
        )
        return tuple(sorted(found, key=lambda each: -each.total))


def range_of(low: float, high: float) -> tuple[float, float]:
    """Return how many times as fast it is without a fraction of the time, from least to most.

    Parameters
    ----------
    low, high
        Fractions of the wall time that a change saves, below 1.
    """
    return 1 / (1 - min(low, 0.99)), 1 / (1 - min(high, 0.99))
