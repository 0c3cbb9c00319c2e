"""How often the cell is run with each setting, where nobody asked for a number."""

from __future__ import annotations

from dataclasses import replace

from sdprofile.explain.comparison import Compared
from sdprofile.explain.recommend import is_open
from sdprofile.model.measured import Measured
from sdprofile.order import runs_left
from sdprofile.plan import REPEATS, Plan

_WITHIN = 60.0
"""Seconds within which all runs are to be made."""


def enough_repeats(
    plan: Plan,
    profile: Measured,
    *,
    rival: Measured | None,
    seconds: float,
    within: float | None = None,
) -> int:
    """Return how many runs with each setting are enough, as far as is known.

    Parameters
    ----------
    plan
        Of which all runs are made.
    profile
        What was measured with them.
    rival
        What took turns with it; None for nothing.
    seconds
        Time since all began.
    within
        Time in which all is to be over, in seconds; a minute by default.

    Returns
    -------
    int
        More than those that are made if a verdict is open that they may decide, and if they will
        be over within that time from when all began.
    """
    more = next((each for each in REPEATS if each > plan.repeats), plan.repeats)
    left = runs_left(replace(plan, repeats=more), profile.runs)
    # Each with all that went on around it so far, and that of a rival.
    each = seconds / max(1, len(profile.runs))
    if seconds + each * len(left) > (within or _WITHIN) or not _is_open(profile, rival):
        return plan.repeats
    return more


def _is_open(profile: Measured, rival: Measured | None) -> bool:
    """Whether more repeats could change a verdict."""
    if rival is None:
        return is_open(profile)
    changes = Compared(names=("", ""), before=rival, after=profile).counts
    return any(each.verdict is not None and each.verdict.is_open for each in changes)
