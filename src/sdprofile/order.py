"""In which order the settings are visited, from the plan and the runs that are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.plan import GROUPED, Plan

COLD_TURN = 1.2
"""First run over second, at the turn of the first two rounds, from which rounds are given up."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What is done next."""

    setting: Setting
    """Workers and variables."""

    repeats: int
    """Runs to make there before the setting changes."""


def next_visit(plan: Plan, runs: Sequence[Run]) -> Visit | None:
    """Return what to do next; None when all is done.

    Parameters
    ----------
    plan
        Settings, repeats and order.
    runs
        What has been made so far. A setting of which a run did not end well is not visited again.

    Notes
    -----
    In rounds the settings alternate and every second round goes backwards (1, 2, 4, 4, 2, 1, 1, 2,
    4 workers), so that a drift of the machine hits all alike and the turn costs no rescale. But
    workers that are added are new, and what a cell does only once in each of them (compile, fill a
    cache) would then be in most runs of the large counts and in few of the small ones. It shows at
    the turn, where the same workers run the cell twice: if the first run was slower by 20 %, the
    rest is made in groups, down from the count that has warm workers, unless rounds were asked for.
    """
    left = runs_left(plan, runs)
    if not left:
        return None
    setting, visit = next(groupby(left))
    return Visit(setting=setting, repeats=len(list(visit)))


def runs_left(plan: Plan, runs: Sequence[Run]) -> tuple[Setting, ...]:
    """Return the settings of the runs that are still to be made, at most, in order."""
    order = list(_in_rounds(plan))
    if plan.order == GROUPED:
        order = [setting for setting in plan.settings for _ in range(plan.repeats)]
    elif not plan.order_asked and _cold(plan, runs):
        first = order[: len(plan.settings)]
        order = [*first, *(s for s in reversed(plan.settings) for _ in range(plan.repeats - 1))]
    made = Counter(run.setting for run in runs)
    given_up = _given_up(runs)
    ahead: Counter[Setting] = Counter()
    left = []
    for setting in order:
        ahead[setting] += 1
        if ahead[setting] > made[setting] and setting not in given_up:
            left.append(setting)
    return tuple(left)


def _given_up(runs: Sequence[Run]) -> set[Setting]:
    return {run.setting for run in runs if run.status != "ok"}


def _in_rounds(plan: Plan) -> chain[Setting]:
    there, back = plan.settings, plan.settings[::-1]
    return chain.from_iterable(back if r % 2 else there for r in range(plan.repeats))


def _cold(plan: Plan, runs: Sequence[Run]) -> bool:
    """Whether the second run of the setting at the turn was clearly faster than the first."""
    given_up = _given_up(runs)
    left = [setting for setting in plan.settings if setting not in given_up]
    turn = [run.seconds for run in runs if left and run.setting == left[-1]]
    return len(turn) > 1 and turn[0] > COLD_TURN * turn[1]
