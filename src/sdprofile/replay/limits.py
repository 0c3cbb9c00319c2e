"""When a replay cannot tell what a cell would take."""

from __future__ import annotations

import math

from sdprofile.model.spans import P2P
from sdprofile.model.trace import Trace
from sdprofile.replay.recorded import Recorded

_SOON = 0.5
"""Seconds after a call by which a graph has come that it did not wait for."""


def why_not(recorded: Recorded) -> str:
    """Return why predictions from a run do not hold, as a clause; empty if they may.

    Parameters
    ----------
    recorded
        The run.
    """
    run = recorded.run
    if run.work.spilled:
        return "workers spilled"
    if run.circumstances.pauses:
        return "workers paused for lack of memory"
    if any(part.context == P2P for part in run.work.spans):
        return "a P2P shuffle moved data beside the tasks"
    return "tasks started tasks" if _starts_tasks(recorded.trace) else ""


def _starts_tasks(trace: Trace) -> bool:
    """Whether graphs came that the kernel did not send.

    Such a graph comes while the kernel waits for what it sent in the same call, or while it does
    not call dask at all.
    """
    calls = trace.calls
    if not len(calls.begun) or len(trace.arrivals) < 2:
        return False
    ends = [0.0] * len(trace.arrivals)
    for task, graph in enumerate(trace.graph):
        if trace.wanted[task] and trace.ended[task] < math.inf:
            ends[graph] = max(ends[graph], trace.ended[task])
    for graph, arrival in enumerate(trace.arrivals):
        within = [
            call
            for call in range(len(calls.begun))
            if calls.sends[call] > 0
            and calls.begun[call] <= arrival
            and arrival <= calls.ended[call] + (_SOON if calls.sends[call] == 1 else 0.0)
        ]
        if not within:
            return True
        if len(within) > 1:
            continue  # of several threads of the kernel
        begun = calls.begun[within[0]]
        if any(begun <= trace.arrivals[each] and ends[each] > arrival for each in range(graph)):
            return True
    return False
