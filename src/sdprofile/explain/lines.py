"""What each line of the cell took: of the kernel, of the workers' threads and of the memory."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.explain.account import account
from sdprofile.explain.thread_states import times_on_threads
from sdprofile.model.account import WITHIN_TASKS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from sdprofile.model.run import Run
    from sdprofile.model.trace import Trace

_CLOCKS = 0.05
"""Seconds by which the clocks of kernel and scheduler may be apart."""

_PART = 0.2
"""Fraction of what lines took together from which one of them is named."""

_WITHOUT_RESULT = (1, -1)
"""What `sdprofile.model.trace.Calls.sends` says of calls that wait for nothing of the cluster."""

Place = tuple[str, int]
"""Name of a function of the user's, and the number of a line in it; no name for the cell."""

ELSEWHERE: Place = ("", 0)
"""What belongs to no line: what other threads asked for, what dask and sdprofile did themselves."""


@dataclass(frozen=True, kw_only=True)
class LineUse:
    """What one line of the cell took in one run, or one of a function of the user's."""

    line: int
    """Its number; 0 for what belongs to no line."""

    function: str
    """Name of the function; empty for a line of the cell, which has what its functions took."""

    text: str
    """What is written there; empty where that is not known."""

    seconds: float
    """Wall time in the kernel, in seconds, with the waiting for what it computed."""

    own_seconds: float
    """The part of it in which the kernel was in no call of dask that waits or sends."""

    thread_seconds: float
    """Time of its tasks in seconds, summed over the threads of all workers; of a function that ran
    within tasks the time in that line."""

    tasks: int
    """Number of its tasks that came to an end."""

    held: int
    """Size of the results of its tasks in bytes, at the moment when those of all lines were most.
    """

    rise: int | None
    """The most that one of its tasks can have added to the memory of its worker, in bytes, as far
    as tasks of one prefix are alike; None where that is not known."""


def line_uses(run: Run) -> tuple[LineUse, ...]:
    """Return what each line took, by number, those of functions after those of the cell.

    Parameters
    ----------
    run
        Of any status.

    Returns
    -------
    tuple of LineUse
        Empty where the tasks were not recorded. The last of the cell's is what belongs to no line,
        so that of these the seconds add up to the wall time of the run, the thread seconds to what
        all threads ran tasks by `sdprofile.explain.account.account`.

    Notes
    -----
    A task belongs to the line that sent its graph, whatever line made the collection. One that was
    killed or given up has the time in which a thread can have run it
    (`sdprofile.explain.thread_states.times_on_threads`), but is not counted. Calls of
    dask are timed; what else the kernel did is known from 20 looks a second, which are taken for no
    more than the time that the calls leave.
    """
    trace = run.trace
    if trace is None:
        return ()
    texts = {(each.function, each.line): each.text for each in trace.inside.lines}
    texts |= {(each.function, each.line): each.text for each in run.steps.lines}
    inside = sum(part.seconds for part in account(run) if part.cause in WITHIN_TASKS)
    inside *= run.all_threads
    tasks = _Tasks(run, trace)
    waits = _within(_called(trace), run.seconds)
    works = _within(_own(run), run.seconds - _of_cell(waits))
    threads = _within(tasks.seconds, inside)
    works[ELSEWHERE] = max(0.0, run.seconds - _of_cell(waits) - _of_cell(works))
    threads[ELSEWHERE] = threads.get(ELSEWHERE, 0.0) + max(0.0, inside - _of_cell(threads))
    for each in trace.inside.lines:
        place = each.function, each.line
        threads[place] = threads.get(place, 0.0) + each.seconds
    places = {*texts, *waits, *tasks.number, *threads}
    return tuple(
        LineUse(
            line=place[1],
            function=place[0],
            text=texts.get(place, ""),
            seconds=waits.get(place, 0.0) + works.get(place, 0.0),
            own_seconds=works.get(place, 0.0),
            thread_seconds=threads.get(place, 0.0),
            tasks=tasks.number[place],
            held=tasks.held[place],
            rise=tasks.rise(place),
        )
        for place in sorted(places, key=lambda each: (each[0], each[1] or math.inf))
    )


def _of_cell(values: Mapping[Place, float]) -> float:
    """Return the sum over the lines of the cell, within which those of functions are."""
    return sum(value for (function, _), value in values.items() if not function)


def _within(values: Mapping[Place, float], most: float) -> dict[Place, float]:
    """Return values of which those of the cell add up to no more than that, in proportion."""
    total = _of_cell(values)
    scale = min(1.0, max(0.0, most) / total) if total else 1.0
    return {place: scale * value for place, value in values.items()}


def _called(trace: Trace) -> dict[Place, float]:
    """Return the wall time of the calls of dask, by the line from which they were made."""
    found: defaultdict[Place, float] = defaultdict(float)
    calls = trace.calls
    for call, (begun, ended) in enumerate(zip(calls.begun, calls.ended, strict=True)):
        if calls.line[call]:  # else it may be of another thread
            for place in places_of_call(trace, call):
                found[place] += max(0.0, min(ended, trace.seconds) - begun)
    return dict(found)


def _own(run: Run) -> dict[Place, float]:
    return {(each.function, each.line): each.seconds for each in run.steps.lines}


def places_of_call(trace: Trace, call: int) -> tuple[Place, ...]:
    """Return the line of the cell that made a call, and that of the user's function if one did."""
    calls = trace.calls
    line = calls.line[call] if call >= 0 else 0
    if line and calls.inner and calls.inner[call]:
        return ("", line), (calls.functions[calls.function[call]], calls.inner[call])
    return (("", line),)


def calls_of_graphs(trace: Trace) -> tuple[int, ...]:
    """Return the call that sent each graph; -1 where that is not known.

    Notes
    -----
    Where as many calls send as graphs came, they are in the same order. Else it is the last that
    was made before: of calls that do not wait for what they sent, one may be taken for the next.
    """
    sending = sorted(
        (begun, call) for call, begun in enumerate(trace.calls.begun) if trace.calls.sends[call] > 0
    )
    arrivals = trace.arrivals
    begun = [each for each, _ in sending]
    if len(begun) == len(arrivals) and all(
        call <= graph + _CLOCKS for call, graph in zip(begun, arrivals, strict=True)
    ):
        return tuple(call for _, call in sending)
    places = (bisect_right(begun, arrival) - 1 for arrival in arrivals)
    return tuple(sending[place][1] if place >= 0 else -1 for place in places)


def lines_of_graphs(trace: Trace) -> tuple[int, ...]:
    """Return the line of the cell that sent each graph; 0 where that is not known."""
    return tuple(trace.calls.line[call] if call >= 0 else 0 for call in calls_of_graphs(trace))


def sending_lines(trace: Trace) -> tuple[int, ...]:
    """Return the lines that took most of the time in which graphs were sent, the longest first."""
    taken: defaultdict[int, float] = defaultdict(float)
    for call, arrival in zip(calls_of_graphs(trace), trace.arrivals, strict=True):
        if call >= 0:
            taken[trace.calls.line[call]] += max(0.0, arrival - trace.calls.begun[call])
    return most_of(taken)


def result_lines(trace: Trace) -> tuple[int, ...]:
    """Return the lines that waited longest for results when no task ran any more."""
    taken: defaultdict[int, float] = defaultdict(float)
    calls, over = trace.calls, sorted(trace.ended)
    for call, (begun, ended) in enumerate(zip(calls.begun, calls.ended, strict=True)):
        if calls.sends[call] not in _WITHOUT_RESULT:
            before = bisect_right(over, ended)
            last = over[before - 1] if before else begun
            taken[calls.line[call]] += ended - max(begun, last)
    return most_of(taken)


def most_of(taken: Mapping[int, float]) -> tuple[int, ...]:
    """Return the lines that have a good part of it all, that with the most first; without 0."""
    least = _PART * sum(taken.values())
    found = (line for line, each in taken.items() if line and each > 0 and each >= least)
    return tuple(sorted(found, key=lambda line: -taken[line]))


class _Tasks:
    """What the tasks took, by the lines that sent them."""

    def __init__(self, run: Run, trace: Trace) -> None:
        import numpy as np

        graphs = [places_of_call(trace, call) for call in calls_of_graphs(trace)]
        held, (begun, ended) = _held_at_most(trace), times_on_threads(trace)
        seconds = np.maximum(0.0, np.minimum(ended, trace.seconds) - np.maximum(begun, 0.0))
        self.seconds: defaultdict[Place, float] = defaultdict(float)
        self.number: Counter[Place] = Counter()
        self.held: Counter[Place] = Counter()
        self._prefixes: defaultdict[Place, set[str]] = defaultdict(set)
        self._rises = {part.prefix: part.rise_high for part in run.memory.prefixes}
        for task, graph in enumerate(trace.graph):
            for place in graphs[graph]:
                if trace.ended[task] < math.inf:
                    self.number[place] += 1
                self.seconds[place] += float(seconds[task])
                if held[task]:
                    self.held[place] += trace.nbytes[task]
                self._prefixes[place].add(trace.groups[trace.group[task]].prefix)

    def rise(self, place: Place) -> int | None:
        """Return the highest rise of a task of a prefix that the line sent."""
        known = self._prefixes.get(place, set()) & self._rises.keys()
        return max(map(self._rises.__getitem__, known), default=None)


def _held_at_most(trace: Trace) -> npt.NDArray[np.bool_]:
    """Return for each task whether its result was there when all results together were most."""
    import numpy as np

    nbytes = np.asarray(trace.nbytes, dtype=np.int64)
    ended = np.asarray(trace.ended, dtype=float)
    released = np.maximum(np.asarray(trace.released, dtype=float), ended)
    there: npt.NDArray[np.bool_] = ended <= trace.seconds
    if not there.any():
        return there
    times = np.concatenate((ended[there], released[there]))
    steps = np.concatenate((nbytes[there], -nbytes[there]))
    order = np.lexsort((steps, times))  # of one moment, what is dropped first
    most = int(np.argmax(np.cumsum(steps[order])))
    moment = times[order][most]
    held: npt.NDArray[np.bool_] = there & (ended <= moment) & (released > moment)
    return held
