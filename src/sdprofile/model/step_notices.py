"""Where the steps of a cell cannot be told apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.model.notice import Notice
from sdprofile.model.units import listed

if TYPE_CHECKING:
    from sdprofile.model.profile import Profile

_MOST_NAMES = 4


def step_notices(profile: Profile) -> Iterator[Notice]:
    """Yield which steps hold the tasks of others.

    Parameters
    ----------
    profile
        What was measured.

    Yields
    ------
    Notice
        One for all steps together.
    """
    if not profile.fused:
        return
    merged: dict[str, dict[str, None]] = {}
    for run in profile.runs:
        for step in run.steps:
            if step.merged:
                name = step.name if "/" in step.span else "the cell's own"
                merged.setdefault(name, {}).update(dict.fromkeys(step.merged))
    if merged:
        parts = [f"{_listed(others)} into {step}" for step, others in merged.items()]
        yield Notice(
            fact=f"Dask merged tasks (fusion): {'; '.join(parts)}",
            advice="Their time and memory are shown as one: add --no-fuse to see them apart",
        )


def _listed(names: dict[str, None]) -> str:
    shown = list(names)[:_MOST_NAMES]
    more = len(names) - len(shown)
    return listed([*shown, f"{more} more"] if more else shown)
