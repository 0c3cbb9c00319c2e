"""Made-up tasks of a run whose numbers are round."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from profiles import make_activity

from sdprofile.model.calls import CallTree
from sdprofile.model.trace import Calls, Cores, Group, Trace
from sdprofile.replay.virtual_workers import Costs

MB = 10**6

HOST = "tcp://127.0.0.1"


def make_trace(
    seconds: Sequence[float],
    *,
    inputs: Mapping[int, Sequence[int]] | None = None,
    wanted: Sequence[int] = (),
    graphs: Sequence[int] | None = None,
    gap: float = 0.0,
    nbytes: int = MB,
    workers: int = 1,
    threads: int = 1,
    groups: Sequence[int] | None = None,
    released: float = math.inf,
    overhead: float = 0.0,
) -> Trace:
    """Return tasks that ran one after another on one worker, and took so long.

    Parameters
    ----------
    seconds
        What each took.
    inputs
        The tasks whose results each reads; none by default.
    wanted
        Those whose results the kernel waited for; by default the last.
    graphs
        The graph of each, ascending; by default they are of one. Each came `gap` seconds after the
        last task of the one before had ended, and the cell ended as much after the last.
    nbytes
        Size of each result.
    groups
        The group of each; by default they are of one.
    overhead
        Seconds between two tasks.
    """
    size = len(seconds)
    graphs, groups = graphs or [0] * size, groups or [0] * size
    begun, ended, arrivals, now = array("d"), array("d"), [], 0.0
    for index, each in enumerate(seconds):
        if graphs[index] == len(arrivals):
            now += gap
            arrivals.append(now)
        elif index:
            now += overhead
        begun.append(now)
        now += each
        ended.append(now)
    first, flat = array("q", [0]), array("i")
    for index in range(size):
        flat.extend((inputs or {}).get(index, ()))
        first.append(len(flat))
    kept = set(wanted or ([size - 1] if size else []))
    return Trace(
        workers=workers,
        threads=threads,
        seconds=now + gap,
        scheduler_seconds=0.0,
        arrivals=tuple(arrivals),
        groups=tuple(
            Group(
                prefix=f"group{group}", tasks=groups.count(group), groups_before=0, tasks_before=0
            )
            for group in range(max(groups, default=-1) + 1)
        ),
        group=array("i", groups),
        graph=array("i", graphs),
        order=array("i", range(size)),
        begun=begun,
        ended=ended,
        nbytes=array("q", [nbytes] * size),
        worker=array("i", [0] * size),
        wanted=array("b", [index in kept for index in range(size)]),
        released=array("d", [released] * size),
        first_input=first,
        inputs=flat,
    )


def make_costs(groups: int = 1, **kwargs: Any) -> Costs:
    """Return that nothing but the tasks takes time or memory, unless told otherwise."""
    values: dict[str, Any] = {
        "cpus": math.inf,
        "crowding": 0.0,
        "alone": 1.0,
        "overhead": 0.0,
        "scheduling": 0.0,
        "busy": 1.0,
        "latency": 0.0,
        "rate": 1e12,
        "fetching": 0.0,
        "kernel": None,
        "baseline": 0,
        "cpu_share": (1.0,) * groups,
        "rise": (0,) * groups,
    } | kwargs
    return Costs(**values)


def ran(
    tasks: Sequence[tuple[float, float, float]],
    *,
    seconds: float,
    workers: int = 1,
    threads: int = 1,
    on: Sequence[int] = (),
    arrival: float = 0.0,
    inputs: dict[int, Sequence[int]] | None = None,
    calls: Sequence[tuple[float, float, int]] | None = None,
    **kwargs: Any,
) -> Trace:
    """Return tasks by when each was sent, began and ended; on the first worker, unless told so.

    The kernel waits for the results that no other task needs.
    """
    needed = {each for those in (inputs or {}).values() for each in those}
    ends = [task for task in range(len(tasks)) if task not in needed]
    trace = make_trace(
        [1.0] * len(tasks), inputs=inputs, wanted=ends, workers=workers, threads=threads
    )
    calls = [(0.0, seconds, 2)] if calls is None else calls
    values: dict[str, Any] = {
        "sent": array("d", [sent for sent, _, _ in tasks]),
        "begun": array("d", [begun for _, begun, _ in tasks]),
        "ended": array("d", [ended for *_, ended in tasks]),
        "worker": array("i", on or [0] * len(tasks)),
        "addresses": tuple(f"{HOST}:{index}" for index in range(workers)),
        "calls": Calls(
            begun=array("d", [each[0] for each in calls]),
            ended=array("d", [each[1] for each in calls]),
            sends=array("b", [each[2] for each in calls]),
            line=array("i", [0] * len(calls)),
        ),
    } | kwargs
    return replace(trace, seconds=seconds, arrivals=(arrival,) if tasks else (), **values)


def call_tree(of: str, *calls: tuple[int, int, float]) -> CallTree:
    """Return a tree of calls: each its function, how deep it is, and its seconds."""
    seconds = [each for *_, each in calls]
    own = list(seconds)
    for place, (_, depth, each) in enumerate(calls):
        callers = [before for before in range(place) if calls[before][1] < depth]
        if callers:
            own[callers[-1]] -= each
    return CallTree(
        of=of,
        samples=10,
        frame=tuple(index for index, *_ in calls),
        depth=tuple(depth for _, depth, _ in calls),
        seconds=tuple(seconds),
        own=tuple(round(each, 6) for each in own),
    )


def cores(used: float, *, worker: int = 0, cpus: int = 4, seconds: float = 2.0) -> Cores:
    """Return that a worker used so many CPUs all the time."""
    steps = round(seconds / 0.1)
    return Cores(worker=f"{HOST}:{worker}", cpus=cpus, step=0.1, used=(used,) * steps)


def cpu(on: float, off: float) -> Any:
    """Return what dask counted of the tasks."""
    return (
        make_activity("thread-cpu", on, prefix="group0"),
        make_activity("thread-noncpu", off, prefix="group0"),
    )
