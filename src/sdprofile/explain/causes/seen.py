"""What the pages of causes look at."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from sdprofile.explain.account import account
from sdprofile.explain.causes.found import Found
from sdprofile.explain.lines import lines_of_graphs
from sdprofile.model.spans import SYNCHRONOUS
from sdprofile.replay.what_if import recorded
from sdprofile.units import listed

if TYPE_CHECKING:
    from sdprofile.model.account import Cause
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run
    from sdprofile.model.trace import Trace
    from sdprofile.replay.what_if import Setup

_MANY_GRAPHS = 10
"""Graphs from which it is their number that takes the time."""

_FEW_TASKS = 100
"""Tasks below which a graph is small."""

_SEVERAL_GRAPHS = 3
"""Graphs from which one after another is a way to work."""

_MOSTLY = 0.8
"""Fraction of the graphs that must come after all before have ended, for the cell to wait for each:
the first may be of another kind."""

_MOST_LINES = 3
"""Lines that are named."""

_NEARLY_ALL = 0.9
"""Fraction of what tasks of a name take from which a step in which they are may stand for it."""

_LARGEST = 0.5
"""Fraction of the thread time that one of them takes at most; else it is about that one."""


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

    @cached_property
    def as_it_was(self) -> Setup | None:
        """The run as it can be replayed; None where that does not take the time that it took."""
        return recorded(self.run, self.trace, cpus=self.profile.machine.cpus)

    @property
    def threads(self) -> int:
        """Threads of all workers together; without a cluster those that dask uses in the kernel."""
        return self.run.all_threads

    @property
    def of_whom(self) -> str:
        """Whose threads they are, as in "the threads of a worker"."""
        return "a worker" if self.run.workers else "the kernel"

    def by_threads(self, threads: int) -> str:
        """Return what gives each worker, or without a cluster the kernel, so many threads."""
        if self.run.workers:
            return f"--threads {threads}"
        other = 'scheduler="threads", ' if SYNCHRONOUS in self.run.work.schedulers else ""
        return f"dask.config.set({other}num_workers={threads})"

    @property
    def in_small_graphs(self) -> bool:
        """Whether it computed many graphs of few tasks, one after another."""
        graphs = len(self.trace.arrivals)
        few = graphs >= _MANY_GRAPHS and len(self.trace) < _FEW_TASKS * graphs
        return few and self.waits_for_each

    @cached_property
    def waits_for_each(self) -> bool:
        """Whether it computed several graphs, each after those before were over."""
        arrivals = self.trace.arrivals
        if len(arrivals) < _SEVERAL_GRAPHS:
            return False
        over, taken = [0.0] * len(arrivals), [0.0] * len(arrivals)
        for task, seconds in self.ended:
            graph = self.trace.graph[task]
            over[graph] = max(over[graph], self.trace.ended[task])
            taken[graph] += seconds
        order = sorted(range(len(arrivals)), key=arrivals.__getitem__)
        before = accumulate((over[graph] for graph in order), max)
        after = sum(arrivals[graph] >= end for graph, end in zip(order[1:], before, strict=False))
        return after >= _MOSTLY * (len(arrivals) - 1) and max(taken) <= _LARGEST * sum(taken)

    def found(
        self,
        name: str,
        *,
        share: float,
        fact: str,
        change: str,
        gain: tuple[float, float] | None = None,
        lines: Iterable[int] = (),
    ) -> Found:
        """Return a cause that was seen in this run; see `Found`.

        Parameters
        ----------
        name, share, fact, change, gain
            As there.
        lines
            Those of the cell that it is about, the most important first: they are added to the
            fact. 0 for one that is not known.
        """
        known = [str(line) for line in sorted(list(filter(None, lines))[:_MOST_LINES])]
        where = f" (line{'s' * (len(known) > 1)} {listed(known)})" if known else ""
        return Found(
            name=name,
            workers=self.run.workers,
            share=share,
            fact=f"{fact}{where}",
            change=change,
            gain=gain,
        )

    def place(self, prefix: str) -> str:
        """Return what makes the tasks of a prefix: the step, or the prefix with the line.

        Several may make tasks that are called alike; then it is the prefix.
        """
        taken: defaultdict[str, float] = defaultdict(float)
        for part in self.run.work.spans:
            if part.prefix == prefix:
                _, within, span = part.span.rpartition("/")
                taken[span if within else prefix] += part.seconds
        name = max(taken, key=taken.__getitem__, default=prefix)
        if taken and taken[name] < _NEARLY_ALL * sum(taken.values()):
            name = prefix
        line = self.line_of(prefix)
        return f"{name} (line {line})" if line and "(line " not in name else name

    def line_of(self, prefix: str) -> int:
        """Return the line of the cell that sent most tasks of a prefix; 0 where it is not known."""
        lines = Counter(
            self.lines[graph]
            for graph, group in zip(self.trace.graph, self.trace.group, strict=True)
            if self.trace.groups[group].prefix == prefix
        )
        return max(lines, key=lines.__getitem__, default=0)

    def text_of(self, prefix: str) -> str:
        """Return what is written in that line; empty where it is not known."""
        line = self.line_of(prefix)
        lines = self.run.steps.cell_lines
        return next((each.text for each in lines if each.line == line), "")

    @cached_property
    def lines(self) -> tuple[int, ...]:
        """The line of the cell that sent each graph; 0 where it is not known."""
        return lines_of_graphs(self.trace)

    @cached_property
    def others(self) -> tuple[Seen, ...]:
        """The runs that stand for the other settings with workers, of those that ended well."""
        return tuple(
            Seen(profile=self.profile, run=run, trace=run.trace)
            for run in self.profile.traced_runs
            if run.trace is not None and run.status == "ok"
            if run is not self.run and run.workers
        )

    @cached_property
    def new_workers(self) -> frozenset[int]:
        """Workers that no run before was made with, by their index in the trace."""
        known: set[str] = set()
        for run in self.profile.runs:
            if run is self.run:
                break
            known |= {peak.worker for peak in run.memory.worker_peaks}
        addresses = self.trace.addresses
        return frozenset(
            worker
            for worker in range(self.run.workers)
            if worker >= len(addresses) or addresses[worker] not in known
        )

    @cached_property
    def ended(self) -> tuple[tuple[int, float], ...]:
        """The tasks that came to an end, each with the seconds that it took."""
        durations = enumerate(self.trace.durations)
        return tuple((task, seconds) for task, seconds in durations if seconds < math.inf)

    def prefix(self, task: int) -> str:
        """Return the prefix of a task."""
        return self.trace.groups[self.trace.group[task]].prefix

    def of_prefix(self, prefix: str) -> Tasks:
        """Return the tasks of a prefix, of which some came to an end."""
        (found,) = (each for each in self.prefixes if each.prefix == prefix)
        return found

    @cached_property
    def by_prefix(self) -> dict[str, list[int]]:
        """The tasks that came to an end, by prefix, in the order in which they came."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for task, _ in self.ended:
            found[self.prefix(task)].append(task)
        return dict(found)

    @cached_property
    def prefixes(self) -> tuple[Tasks, ...]:
        """The tasks by prefix, those that took most thread time first."""
        durations = self.trace.durations
        found = (
            Tasks(prefix=prefix, seconds=tuple(sorted(durations[task] for task in tasks)))
            for prefix, tasks in self.by_prefix.items()
        )
        return tuple(sorted(found, key=lambda each: -each.total))
