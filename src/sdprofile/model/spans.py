"""Where the workers spent their time, by span, task prefix and activity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

EXECUTE = "execute"
"""Dask's word for what a thread does for a task, from the reading of its inputs to its end."""

P2P = "p2p"
"""Dask's word for what a shuffle does beside the tasks."""

THREADS, PROCESSES, SYNCHRONOUS = "threads", "processes", "synchronous"
"""Dask's words for its schedulers in the kernel."""

IDLE = "idle"
"""Thread time in which nothing was counted."""


@dataclass(frozen=True, kw_only=True)
class SpanActivity:
    """One activity of the workers within one span of one run."""

    span: str
    """Name of the span; a nested one with its parents, as in ``cell/read/decode``."""

    context: str = EXECUTE
    """For what it was done, in dask's words: ``execute`` (a task), ``gather-dep`` (inputs fetched
    from other workers), ``get-data`` (results sent), ``memory-monitor`` (spilling) and so on."""

    prefix: str = ""
    """Prefix of the tasks' keys; empty where it was for no one task."""

    activity: str
    """What was done, in dask's words: ``thread-cpu``, ``disk-read``, ``deserialize`` and so on;
    ``idle`` where nothing was."""

    seconds: float
    """Thread time that it took, in seconds, summed over all threads of all workers."""

    nbytes: int
    """Bytes moved by it; 0 where the activity moves none."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the workers did in one run, as dask counted it."""

    tasks: int = 0
    """Number of dask tasks that the cell sent to the workers."""

    spans: tuple[SpanActivity, ...] = ()
    """Where the workers' time went: with what is `IDLE` it adds up to that of all threads."""

    cpu_seconds: float = 0.0
    """CPU time of the tasks, in seconds, summed over all threads of all workers."""

    spilled: int = 0
    """Bytes that the workers wrote to disk for lack of memory."""

    schedulers: tuple[str, ...] = ()
    """Without a cluster: the schedulers in the kernel that ran the tasks, in dask's words, in the
    order in which they first did; empty on workers."""

    threads: int = 0
    """Threads, or processes, that these used at most; 0 where none ran, and on workers."""

    @property
    def task_seconds(self) -> float:
        """Thread time of all tasks together, in seconds."""
        return sum(part.seconds for part in self.spans if part.context == EXECUTE)


def share_out(
    counted: Iterable[SpanActivity], *, thread_seconds: float, span: str
) -> tuple[SpanActivity, ...]:
    """Return activities whose seconds add up to the thread time that there was.

    Parameters
    ----------
    counted
        What dask counted.
    thread_seconds
        Workers times threads times wall time, in seconds.
    span
        To which span the rest belongs.

    Returns
    -------
    tuple of SpanActivity
        What was counted, and what is left as ``idle``.

    Notes
    -----
    Tasks take thread time. Fetching, sending and spilling go on beside the threads, several at a
    time: they are given at most the thread time in which no task ran, in proportion to what dask
    counted; the rest went on while tasks ran and cost nothing. The sum is larger than the thread
    time only where tasks went on after the cell had ended, or used more threads than there are.
    """
    counted = list(counted)
    beside = sum(part.seconds for part in counted if part.context != EXECUTE)
    free = max(0.0, thread_seconds - sum(p.seconds for p in counted if p.context == EXECUTE))
    share = min(1.0, free / beside) if beside else 1.0
    shared = (
        part if part.context == EXECUTE else replace(part, seconds=part.seconds * share)
        for part in counted
    )
    # Without the shares, whose sum may be more than what there is by what rounding makes of it.
    idle = max(0.0, free - beside)
    rest = SpanActivity(span=span, context=IDLE, activity=IDLE, seconds=idle, nbytes=0)
    return (*shared, rest)
