"""What the steps of a cell did more often than it takes, and which cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.model.notice import Notice
from sdprofile.units import format_seconds, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured

_MOST_NAMES = 4

_REPEATED = 0.1
"""Fraction of the tasks' time that repetitions must have taken to be worth a word."""


def step_notices(profile: Measured) -> Iterator[Notice]:
    """Yield what was made more than once, and which steps hold the tasks of others.

    Parameters
    ----------
    profile
        What was measured.

    Yields
    ------
    Notice
        One for each of the two.
    """
    yield from _recomputed(profile)
    if not profile.fused:
        return
    fused: dict[str, dict[str, None]] = {}
    for run in profile.runs:
        for step in run.steps.calls:
            if step.fused:
                name = step.name if "/" in step.span else "the cell's own"
                fused.setdefault(name, {}).update(dict.fromkeys(step.fused))
    if fused:
        parts = [f"{_listed(others)} into {step}" for step, others in fused.items()]
        yield Notice(
            fact=f"Dask merged tasks (fusion): {'; '.join(parts)}",
            advice="Their time and memory are shown as one: add --no-fuse to see them apart",
        )


def _recomputed(profile: Measured) -> Iterator[Notice]:
    finished = [
        run for run in profile.runs if run.status == "ok" and run.steps.recomputed is not None
    ]
    if not finished:
        return
    run = finished[-1]
    what, total = run.steps.recomputed, run.work.task_seconds
    if what is not None and what.seconds > _REPEATED * total:
        times = what.made / what.blocks
        yield Notice(
            fact=f"{what.name} was worked out {times:.3g} times: {what.made} tasks for"
            f" {plural(what.blocks, 'block')}, and {format_seconds(what.seconds)} of the"
            f" {format_seconds(total)} of all tasks went into repeating it",
            advice="Keep it from one computation to the next: .persist() it, or write it to zarr"
            " and read it from there",
        )


def _listed(names: dict[str, None]) -> str:
    shown = list(names)[:_MOST_NAMES]
    more = len(names) - len(shown)
    return listed([*shown, f"{more} more"] if more else shown)
