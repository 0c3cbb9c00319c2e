"""One more run, in which memray tracks what the tasks allocate that took most memory."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sdprofile.errors import NotReachedError
from sdprofile.interrupts import held_back
from sdprofile.measure.allocations import TaskAllocations, Tracked, worst_prefix
from sdprofile.measure.run import run_once
from sdprofile.model.allocations import Allocations
from sdprofile.model.notice import Notice
from sdprofile.progress import Notify, telling
from sdprofile.units import format_bytes

if TYPE_CHECKING:
    from sdprofile.cluster.lease import Lease
    from sdprofile.model.run import Run
    from sdprofile.subject import Subject


_LITTLE = 1_000_000
"""Bytes below which it is of no use to tell what a task allocates."""


def track_allocations(
    runs: Sequence[Run], lease: Lease, subject: Subject, notify: Notify | None
) -> Allocations | None:
    """Make the run, and return what was seen; None where nothing was, which the lease then tells.

    Parameters
    ----------
    runs
        Those without tracking, which say whose tasks took most.
    lease
        The cluster.
    subject
        What is run.
    notify
        Gets the step; None for nobody.

    Raises
    ------
    Exception
        What the work raises.
    """
    worst = worst_prefix(runs)
    if worst is None:
        return _left_out(lease, "no task ran on the workers of a run that ended well")
    prefix, setting = worst
    telling(notify, "tracking allocations with", done=len(runs))(setting.workers)
    try:
        lease.reshape(setting)
    except NotReachedError as not_reached:
        return _left_out(lease, not_reached.message)
    plan = lease.plan
    if setting.memory_limit:  # so that in each worker one of them runs at a time
        needs = {**dict(plan.task_memory), prefix: setting.memory_limit}
        plan = replace(plan, task_memory=tuple(needs.items()))
    with held_back():
        lease.make_ready(setting.workers)
        with subject.around(), TaskAllocations(lease.client, prefix) as tracking:
            run, error = run_once(
                subject.work_with(setting.variables),
                lease.client,
                plan,
                setting=setting,
                repeat=1,
                scope=subject.scope,
                take_printed=subject.take_printed,
            )
        if run.status != "ok":
            lease.recover(setting.workers)
    if error is not None and run.status in ("failed", "interrupted"):
        raise error
    seen: Tracked = getattr(tracking, "reading", Tracked())  # where nobody was left to be asked
    if run.failure is not None:
        return _left_out(lease, f"the run with it ended, for {run.failure.message}")
    if seen.tasks and seen.nbytes < _LITTLE:
        size = format_bytes(seen.nbytes, decimal=plan.decimal)
        lease.remarks.append(
            Notice(
                fact=f"Tasks of {prefix} allocate next to nothing (--allocations): {size} at most",
                advice="What takes memory was there before them, or is what they are sent",
            )
        )
        return None
    if not seen.largest:
        return _left_out(lease, f"in the workers there is no memray, or it saw no task of {prefix}")
    usual = [each.seconds for each in runs if each.setting == setting and each.status == "ok"]
    return Allocations(
        prefix=prefix,
        workers=setting.workers,
        seconds=run.seconds,
        usual_seconds=statistics.median(usual),
        tasks=seen.tasks,
        nbytes=seen.nbytes,
        largest=seen.largest,
    )


def _left_out(lease: Lease, why: str) -> Allocations | None:
    fact = f"What tasks allocate (--allocations) was not seen: {why}"
    advice = "Try it by itself, with one worker count and more --memory"
    lease.remarks.append(Notice(fact=fact, advice=advice))
    return None
