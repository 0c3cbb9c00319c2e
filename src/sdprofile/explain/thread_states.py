"""What each thread of each worker did at each instant of a run, summed up by cause."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappushpop
from typing import TYPE_CHECKING

from sdprofile.model.account import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from sdprofile.model.trace import Calls, Spells, Trace

    Real = npt.NDArray[np.float64]
    Whole = npt.NDArray[np.int64]
    Spans = tuple[Real, Real]

_ASKS, _COMPUTES = 1, 2
"""What `sdprofile.model.trace.Calls.sends` says of a call."""


@dataclass(frozen=True, kw_only=True)
class Levels:
    """A number that stays as it is from one edge to the next."""

    edges: Real
    """Times in seconds, ascending; shape (n + 1,)."""

    numbers: Real
    """The number between them; shape (n,)."""


def thread_states(trace: Trace) -> tuple[dict[Cause, float], tuple[Levels, ...]]:
    """Return the thread time of each cause, and how many threads of each worker ran tasks.

    Parameters
    ----------
    trace
        The tasks of a run.

    Returns
    -------
    taken, busy
        Seconds of all threads, by cause; all time within tasks is `Cause.COMPUTING`. Together they
        are the seconds of the run times all threads. For each worker, how many of its threads ran
        tasks.

    Notes
    -----
    A thread runs a task from when its worker says that it took it up until it had the result. Of a
    worker's other threads, as many as there are reasons for are, in this order: reading or writing
    spill (with all that have a task to come, as the event loop stands still meanwhile); held back;
    waiting for inputs, if the worker fetches and was sent a task that reads what another made;
    between tasks, if any other was sent. Of the threads that are left on all workers, as many as
    there are ready tasks that were not sent are between tasks: their graph has come, and what they
    read is there. The others have nothing to do, for what the tasks and the kernel are about then.
    A task that did not end counts as running from when a thread of its worker was free.
    """
    tasks = _Tasks(trace)
    taken = dict.fromkeys(Cause, 0.0)
    busy = [_of_worker(tasks, worker, taken) for worker in range(tasks.workers)]
    _without_work(tasks, [left for _, left in busy], taken)
    return taken, tuple(running for running, _ in busy)


def times_on_threads(trace: Trace) -> Spans:
    """Return when each task began and ended to run, also those that did not come to an end.

    Notes
    -----
    One that was sent and has no end ran from when a thread of its worker was free until it was
    dropped. If none was free before that, it did not run: it ends as it begins.
    """
    import numpy as np

    begun, ended = np.array(trace.begun), np.array(trace.ended)
    if not trace.sent:
        return begun, ended
    sent, dropped = np.asarray(trace.sent), np.asarray(trace.released)
    worker = np.asarray(trace.worker, dtype=np.int64)
    left = np.flatnonzero(np.isinf(ended) & (sent < trace.seconds))
    for each in np.unique(worker[left]):
        mine = np.flatnonzero((worker == each) & np.isfinite(ended))
        earlier = deque(mine[np.argsort(begun[mine], kind="stable")].tolist())
        free = [0.0] * trace.threads  # when each thread last had a task's result
        unfinished = left[worker[left] == each]
        for task in unfinished[np.lexsort((sent[unfinished], dropped[unfinished]))].tolist():
            while earlier and begun[earlier[0]] < dropped[task]:
                heappushpop(free, float(ended[earlier.popleft()]))
            given_up = max(dropped[task], sent[task])
            begun[task] = min(max(sent[task], free[0]), given_up)
            ended[task] = given_up
            heappushpop(free, float(ended[task]))
    return begun, ended


class _Tasks:
    """The columns of a trace, with what follows from them."""

    def __init__(self, trace: Trace) -> None:
        import numpy as np

        self.trace, self.end, self.threads = trace, trace.seconds, trace.threads
        size = len(trace)
        self.worker = np.asarray(trace.worker, dtype=np.int64)
        highest = int(self.worker.max(initial=-1))
        self.workers = max(trace.workers, len(trace.addresses), highest + 1)
        order = np.argsort(self.worker, kind="stable")
        bounds = np.searchsorted(self.worker[order], np.arange(self.workers + 1))
        self.of_worker = [order[bounds[w] : bounds[w + 1]] for w in range(self.workers)]
        self.arrivals = np.asarray(trace.arrivals, dtype=float)
        self.arrived = self.arrivals[np.asarray(trace.graph, dtype=np.int64)]
        self.reading = np.asarray(trace.reading or [0.0] * size, dtype=float)
        self.writing = np.asarray(trace.writing or [0.0] * size, dtype=float)
        self.limited = np.asarray(trace.limited or [0] * size, dtype=bool)
        begun, self.ended = np.asarray(trace.begun), np.asarray(trace.ended)
        self.sent = np.asarray(trace.sent) if trace.sent else begun - self.reading
        inputs = np.asarray(trace.inputs, dtype=np.int64)
        first = np.asarray(trace.first_input, dtype=np.int64)
        there = _highest((self.ended + self.writing)[inputs], first, missing=-np.inf)
        self.ready = np.minimum(np.maximum(there, self.arrived), self.sent)
        other = self.worker[inputs] != np.repeat(self.worker, np.diff(first))
        self.remote = _highest(other.astype(float), first, missing=0.0) > 0
        dropped = np.where(np.isinf(self.ended), np.asarray(trace.released), self.ended)
        self.begun, self.ended = times_on_threads(trace)
        self.gone = np.maximum(dropped, self.arrived)
        self.unsent = (self.ready, np.minimum(self.sent, self.gone))


def _of_worker(tasks: _Tasks, worker: int, taken: dict[Cause, float]) -> tuple[Levels, Levels]:
    """Add what the threads of a worker did; return how many ran tasks, and how many are left."""
    import numpy as np

    mine = tasks.of_worker[worker]
    begun, ended = tasks.begun[mine], tasks.ended[mine]
    sent, reading, writing = tasks.sent[mine], tasks.reading[mine], tasks.writing[mine]
    taken_up = np.maximum(begun - reading, np.minimum(sent, begun))
    reads, writes = reading > 0, writing > 0
    disk = (
        np.concatenate((taken_up[reads], ended[writes])),
        np.concatenate((begun[reads], (ended + writing)[writes])),
    )
    fetch = _spans(tasks.trace.fetches, worker)
    pause = _spans(tasks.trace.pauses, worker)
    edges = _edges(tasks.end, (begun, ended, sent, taken_up, *disk, *fetch, *pause))
    seconds = np.diff(edges)

    def count(spans: Spans) -> Real:
        return _count(spans, edges)

    limited, remote = tasks.limited[mine], tasks.remote[mine] & ~tasks.limited[mine]
    waiting, held = count((sent, taken_up)), count((sent[limited], taken_up[limited]))
    fetching = np.where(count(fetch) > 0, count((sent[remote], taken_up[remote])), 0.0)
    paused = count(pause) > 0
    if paused.any():
        paused &= waiting + count(tasks.unsent) > 0
    on_disk = count(disk)
    idle = np.full(len(seconds), float(tasks.threads))
    running = np.minimum(idle, count((begun, ended)))
    for cause, wanted in (
        (Cause.COMPUTING, running),
        (Cause.SPILL, np.where(on_disk > 0, on_disk + waiting, 0.0)),
        (Cause.HELD_BACK, np.where(paused, idle, held)),
        (Cause.FETCHING, fetching),
        (Cause.OVERHEAD, np.maximum(waiting - held - fetching, 0.0)),
    ):
        given = np.minimum(idle, wanted)
        taken[cause] += float(given @ seconds)
        idle = idle - given
    return Levels(edges=edges, numbers=running), Levels(edges=edges, numbers=idle)


def _without_work(tasks: _Tasks, left: Sequence[Levels], taken: dict[Cause, float]) -> None:
    """Add what the threads did not do that have been sent nothing."""
    import numpy as np

    there = (tasks.arrived, tasks.gone)
    not_ready = (tasks.arrived, np.minimum(tasks.ready, tasks.gone))
    sending, calling = _kernel_spans(tasks.trace.calls, tasks.arrivals)
    edges = _edges(tasks.end, (*tasks.unsent, *there, *not_ready, *sending, *calling), left)
    seconds = np.diff(edges)
    idle = _sum(left, edges)
    given = np.minimum(idle, _count(tasks.unsent, edges))
    taken[Cause.OVERHEAD] += float(given @ seconds)
    spare = (idle - given) * seconds
    on_cluster, more = _count(there, edges) > 0, _count(not_ready, edges) > 0
    sends, calls = _count(sending, edges) > 0, _count(calling, edges) > 0
    for cause, holds in (
        (Cause.CHAIN, on_cluster & more),
        (Cause.NO_MORE, on_cluster & ~more),
        (Cause.SENDING, ~on_cluster & sends),
        (Cause.RESULT, ~on_cluster & ~sends & calls),
        (Cause.KERNEL, ~on_cluster & ~sends & ~calls),
    ):
        taken[cause] += float(spare[holds].sum())


def _kernel_spans(calls: Calls, arrivals: Real) -> tuple[Spans, Spans]:
    """Return when the kernel was sending graphs, and when it was in a call that matters here.

    A graph is sent from the beginning of the last call before it came. Where a call returns before
    its graph has come, the next one that comes is taken for it, unless another call begins first. A
    call that waits for what it sent, and of which nothing came, has computed elsewhere.
    """
    import numpy as np

    asked = np.asarray(calls.sends, dtype=np.int64) >= 0
    begun, order = np.unique(np.asarray(calls.begun)[asked], return_index=True)
    ended = np.asarray(calls.ended)[asked][order]
    sends = np.asarray(calls.sends, dtype=np.int64)[asked][order]
    padded = np.concatenate(([-np.inf], np.sort(arrivals), [np.inf]))
    place = np.searchsorted(padded, ended, side="right")
    last, following = padded[place - 1], padded[np.minimum(place, len(padded) - 1)]
    came = last >= begun
    soon = following <= np.append(begun[1:], np.inf)
    until = np.where(came, last, np.where(sends == _ASKS, np.where(soon, following, ended), begun))
    until = np.where(np.isinf(until), ended, until)
    here = came | (sends != _COMPUTES)
    return (begun, until), (begun[here], ended[here])


def _highest(values: Real, first: Whole, *, missing: float) -> Real:
    """Return the highest of the values of each task; `missing` for a task without any."""
    import numpy as np

    found = np.full(len(first) - 1, missing)
    some = np.diff(first) > 0
    if some.any():
        # Between tasks that have some there are no others' values, so each part ends in time.
        found[some] = np.maximum.reduceat(values, first[:-1][some])
    return found


def _spans(spells: Spells, worker: int) -> Spans:
    import numpy as np

    here = np.asarray(spells.worker, dtype=np.int64) == worker
    return np.asarray(spells.begun)[here], np.asarray(spells.ended)[here]


def _edges(end: float, times: Sequence[Real], levels: Sequence[Levels] = ()) -> Real:
    """Return all times from 0 to the end at which something changes."""
    import numpy as np

    every = np.concatenate((*times, *(level.edges for level in levels), [0.0, end]))
    return np.unique(np.clip(every, 0.0, end))


def _count(spans: Spans, edges: Real) -> Real:
    """Return how many spans there are between each edge and the next."""
    import numpy as np

    begun, ended = spans
    started = np.searchsorted(np.sort(begun), edges[:-1], side="right")
    over = np.searchsorted(np.sort(np.maximum(begun, ended)), edges[:-1], side="right")
    return (started - over).astype(float)


def _sum(levels: Sequence[Levels], edges: Real) -> Real:
    """Return the sum of several numbers between each edge and the next."""
    import numpy as np

    times = np.concatenate([each.edges[:-1] for each in levels])
    steps = np.concatenate([np.diff(each.numbers, prepend=0.0) for each in levels])
    order = np.argsort(times, kind="stable")
    sums = np.cumsum(steps[order])
    return sums[np.searchsorted(times[order], edges[:-1], side="right") - 1]
