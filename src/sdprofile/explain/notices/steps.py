"""Which steps of a cell cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.model.notice import Notice
from sdprofile.units import listed

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured

_MOST_NAMES = 4


def step_notices(profile: Measured) -> Iterator[Notice]:
    """Yield which steps hold the tasks of others.

    Parameters
    ----------
    profile
        What was measured.

    Yields
    ------
    Notice
        At most one.
    """
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


def _listed(names: dict[str, None]) -> str:
    shown = list(names)[:_MOST_NAMES]
    more = len(names) - len(shown)
    return listed([*shown, f"{more} more"] if more else shown)
