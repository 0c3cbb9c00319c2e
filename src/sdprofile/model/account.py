"""Where the wall time of a run can have gone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    """What a thread of a worker did, or why it did nothing."""

    COMPUTING = "computing"
    """A task, on the CPU."""

    MORE_CORES = "computing on more cores than threads"
    """A task, while the worker used at least half a CPU more than its threads at work."""

    GIL = "waiting for the GIL"
    """A task beside others of the same worker, all of them together on about one CPU."""

    CPU = "waiting for a CPU"
    """A task, while all CPUs of the host were in use."""

    WAITING = "waiting for disk, lock or sleep"
    """A task that was not on the CPU for none of these reasons."""

    FETCHING = "fetching inputs"
    """No task: one had been sent whose inputs the worker was fetching from others."""

    SPILL = "reading and writing spill"
    """No task: the worker was moving results to disk or back."""

    HELD_BACK = "held back"
    """No task: the worker was paused for lack of memory, or had too little of a resource left."""

    OVERHEAD = "overhead between tasks"
    """No task, though one was ready: the scheduler, messages, the worker's event loop."""

    CHAIN = "waiting for other tasks"
    """No task: what was left needed the results of tasks that ran."""

    NO_MORE = "no more tasks"
    """No task: all that was left ran already, be it a straggler or too few tasks for the threads.
    """

    SENDING = "sending the graph"
    """Nothing on the cluster: a call in the kernel was optimising and sending a graph, up to when
    the scheduler had its tasks."""

    RESULT = "bringing the result"
    """Nothing on the cluster: a call in the kernel waited for its result."""

    KERNEL = "kernel's own work"
    """Nothing on the cluster, and the kernel was in no call of dask that waits or sends."""


WITHIN_TASKS = (Cause.COMPUTING, Cause.MORE_CORES, Cause.GIL, Cause.CPU, Cause.WAITING)
"""What a thread does that runs a task."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one cause took of a run."""

    cause: Cause
    """What it is."""

    seconds: float
    """Wall time, in seconds: that of a thread, as a part of all threads of all workers."""

    share: float
    """Fraction of the run's wall time."""
