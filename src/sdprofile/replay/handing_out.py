"""How dask hands tasks out, by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdprofile.model.trace import Group

SATURATION = 1.1
"""Tasks that a worker has at a time for each of its threads, of those that wait for no other
(``distributed.scheduler.worker-saturation``)."""

STEALING = 0.1
"""Seconds from one time that idle workers are given tasks of others to the next
(``distributed.scheduler.work-stealing-interval``)."""

_FEW_BEFORE = 5
"""Groups, and tasks in them, below which the tasks that need them count as waiting for no other
(`distributed.Scheduler.is_rootish`)."""


def is_queued(group: Group, threads: int) -> bool:
    """Whether dask hands the tasks of a group out one by one (`Scheduler.is_rootish`)."""
    few = group.groups_before < _FEW_BEFORE and group.tasks_before < _FEW_BEFORE
    return few and group.tasks > 2 * threads
