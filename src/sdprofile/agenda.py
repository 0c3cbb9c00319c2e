"""Which runs a sweep still makes, and which it leaves out, as it goes on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import ceil

from sdprofile.model.notice import Notice
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.options.options import Options
from sdprofile.order import Visit, next_visit, runs_left
from sdprofile.plan import REPEATS, Plan
from sdprofile.progress import seconds_left
from sdprofile.units import format_whole_seconds, listed, plural


class Agenda:
    """What is next, with as many repeats as are to be made, as far as is known.

    Notes
    -----
    With a budget only runs are made that are expected to end within it, by those before them; the
    first is always made, and none is cut short.
    """

    def __init__(self, options: Options) -> None:
        """Begin; the time counts from now."""
        self._asked, self._budget = options.repeats, options.budget
        self._began = self._first = time.perf_counter()
        self.repeats = options.repeats or REPEATS[0]
        """Runs with each setting."""

    @property
    def seconds(self) -> float:
        """Seconds since all began."""
        return time.perf_counter() - self._began

    def start(self) -> None:
        """Note that the first run begins: what was before it does not come again."""
        self._first = time.perf_counter()

    def left(self, plan: Plan, runs: Sequence[Run]) -> tuple[Setting, ...]:
        """Return the settings of the runs that are still to be made, at most, in order.

        Parameters
        ----------
        plan
            Settings and order.
        runs
            What has been made so far.
        """
        left = runs_left(self._of(plan), runs)
        if self._budget is None or not runs:
            return left
        found, end, around = [], self.seconds, time.perf_counter() - self._first
        for setting in left:
            more = seconds_left(runs, [setting], seconds=around, since=0.0) or 0.0
            if end + more <= self._budget:
                end += more
                found.append(setting)
        return tuple(found)

    def left_alone(self, plan: Plan, runs: Sequence[Run]) -> tuple[Setting, ...]:
        """Return as `left` does the runs that are still to be made without a cluster."""
        alone = replace(plan, settings=plan.alone)
        return self.left(alone, [run for run in runs if not run.workers])

    def next_visit(
        self, plan: Plan, runs: Sequence[Run], *, enough: Callable[[Plan], int]
    ) -> Visit | None:
        """Return what to do next; None when all is done that is to be done.

        Parameters
        ----------
        plan, runs
            See `left`.
        enough
            Gets the plan when all of it is done, and returns how many repeats are enough.
        """
        visit = self._next(plan, runs)
        if visit is None and self._asked is None:
            before, self.repeats = self.repeats, enough(self._of(plan))
            visit = self._next(plan, runs)
            if visit is None:
                self.repeats = before
        return visit

    def close(self, plan: Plan, runs: Sequence[Run]) -> tuple[Notice, ...]:
        """Return which runs did not fit into the budget, as a notice; empty if all did.

        `repeats` is what was made at most from then on.
        """
        left = Counter(runs_left(self._of(plan), runs))
        if self._budget is None or not left:
            return ()
        self.repeats = max(Counter(run.setting for run in runs).values())
        which = [
            f"{plural(number, 'run')} with {plan.name(setting)}" for setting, number in left.items()
        ]
        return (
            Notice(
                fact=f"{listed(which)} did not fit into --budget"
                f" {format_whole_seconds(ceil(self._budget))}",
                advice="Allow more time, or ask for fewer counts or --repeats",
            ),
        )

    def _next(self, plan: Plan, runs: Sequence[Run]) -> Visit | None:
        if self._budget is None:
            return next_visit(self._of(plan), runs)
        left = self.left(plan, runs)
        return Visit(setting=left[0], repeats=1) if left else None

    def _of(self, plan: Plan) -> Plan:
        return replace(plan, repeats=self.repeats)
