"""The first tasks of a run, where all would take long to replay again and again."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import TypeVar

from sdprofile.model.trace import Trace

Item = TypeVar("Item", int, float)


def excerpt(trace: Trace, tasks: int) -> Trace:
    """Return the tasks that began first, as if the cell had ended with them.

    Parameters
    ----------
    trace
        What was recorded.
    tasks
        How many; the inputs of each are among them.

    Returns
    -------
    Trace
        Without what a replay does not need. The scheduler has its share of its time.
    """
    began = sorted(range(len(trace)), key=trace.begun.__getitem__)
    kept = sorted(began[:tasks])
    place = {task: index for index, task in enumerate(kept)}
    first, flat = array("q", [0]), array("i")
    for task in kept:
        flat.extend(place[each] for each in trace.inputs_of[task] if each in place)
        first.append(len(flat))
    ended = _of(trace.ended, kept)
    # What a task that is left out needs is not dropped.
    wanted = [
        trace.wanted[task] or any(user not in place for user in trace.users_of[task])
        for task in kept
    ]
    graphs = 1 + max((trace.graph[task] for task in kept), default=-1)
    return Trace(
        workers=trace.workers,
        threads=trace.threads,
        seconds=max((each for each in ended if each < math.inf), default=0.0),
        scheduler_seconds=trace.scheduler_seconds * len(kept) / max(1, len(trace)),
        arrivals=trace.arrivals[:graphs],
        groups=trace.groups,
        group=_of(trace.group, kept),
        graph=_of(trace.graph, kept),
        order=_of(trace.order, kept),
        begun=_of(trace.begun, kept),
        ended=ended,
        nbytes=_of(trace.nbytes, kept),
        worker=_of(trace.worker, kept),
        wanted=array("b", wanted),
        released=_of(trace.released, kept),
        first_input=first,
        inputs=flat,
    )


def _of(items: array[Item], kept: Sequence[int]) -> array[Item]:
    return array(items.typecode, [items[task] for task in kept])
