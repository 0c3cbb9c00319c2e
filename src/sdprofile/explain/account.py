"""Where the wall time of a run went: every second of it belongs to one cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.computing import share_out_computing
from sdprofile.explain.thread_states import thread_states
from sdprofile.model.account import Cause, Part
from sdprofile.model.spans import P2P

if TYPE_CHECKING:
    from sdprofile.model.run import Run

_SPILLING = ("disk-read", "disk-write")
"""Dask's words for what a worker does with spilled results."""


def account(run: Run) -> tuple[Part, ...]:
    """Return where the wall time of a run went.

    Parameters
    ----------
    run
        Of any status.

    Returns
    -------
    tuple of Part
        The largest first, none without time. The seconds add up to the wall time, the shares to 1.
        Empty where the tasks were not recorded, or no time went by.

    Notes
    -----
    At each instant each thread of each worker is in one state
    (`sdprofile.explain.thread_states.thread_states`), and a second of a thread counts as one part
    of all threads. What threads did within tasks is told apart by the CPU time that went by
    (`sdprofile.explain.computing.share_out_computing`). Dask tells of spilling from 5 ms a time;
    what workers wrote besides that is taken from the overhead between tasks.
    """
    trace = run.trace
    if trace is None or trace.seconds <= 0:
        return ()
    taken, busy = thread_states(trace)
    taken |= share_out_computing(run, trace, busy)
    told = sum(
        part.seconds
        for part in run.work.spans
        if part.activity in _SPILLING and part.context != P2P
    )
    untold = max(0.0, told - sum(trace.reading) - sum(trace.writing))
    moved = min(untold, taken[Cause.OVERHEAD])
    taken[Cause.OVERHEAD] -= moved
    taken[Cause.SPILL] += moved
    # Of the wall time itself, lest the errors of many sums show.
    total = sum(taken.values())
    parts = (
        Part(cause=cause, seconds=seconds / total * run.seconds, share=seconds / total)
        for cause, seconds in taken.items()
        if seconds > 0
    )
    return tuple(sorted(parts, key=lambda part: -part.seconds))
