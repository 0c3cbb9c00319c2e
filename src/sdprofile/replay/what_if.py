"""The recorded tasks of a run, changed: what it would have taken otherwise, by a replay."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sdprofile.model.run import Run
from sdprofile.model.trace import Group, Trace
from sdprofile.replay.costs import lumped_costs
from sdprofile.replay.events import replay
from sdprofile.replay.kernel import Kernel
from sdprofile.replay.recorded import Recorded
from sdprofile.replay.virtual_workers import Costs

_MANY = 10_000
"""Tasks above which they are not replayed, which takes about 50 us for each."""

_OFF = 0.25
"""By which fraction of the time a replay of the run as it was may be off."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Tasks, with what they cost, and the workers that are to run them."""

    trace: Trace
    """The tasks, and the threads of each worker."""

    costs: Costs
    """What all takes."""

    workers: int
    """How many workers there are."""

    @cached_property
    def seconds(self) -> float:
        """Wall time of the cell, by a replay."""
        return replay(self.trace, self.costs, workers=self.workers).seconds


def recorded(run: Run, trace: Trace, *, cpus: int) -> Setup | None:
    """Return a run as it was, to be replayed.

    Parameters
    ----------
    run, trace
        What was measured.
    cpus
        CPUs of this machine; workers elsewhere say how many they have.

    Returns
    -------
    Setup
        None where a replay does not take the time that the run took, and so cannot tell what would
        be otherwise, and where there are too many tasks to replay.
    """
    if not 0 < len(trace) <= _MANY:
        return None
    hosts = {each.worker.rpartition(":")[0]: each.cpus for each in trace.cores}
    it = Recorded(run=run, trace=trace)
    costs = lumped_costs(it, cpus=sum(hosts.values()) or cpus)
    was = Setup(trace=trace, costs=costs, workers=max(1, run.workers))
    off = was.seconds / run.seconds if run.seconds else 0.0
    return was if 1 - _OFF <= off <= 1 + _OFF else None


def lasting(trace: Trace, seconds: Mapping[int, float]) -> Trace:
    """Return the same tasks, of which some take another time.

    Parameters
    ----------
    trace
        What was recorded.
    seconds
        What they are to take, by their index.
    """
    begun = array("d", trace.begun)
    for task, each in seconds.items():
        if trace.ended[task] < math.inf:  # when a task ends decides what the kernel waited for
            begun[task] = trace.ended[task] - each
    return replace(trace, begun=begun)


def apart(trace: Trace, tasks: Collection[int]) -> Trace:
    """Return the same tasks, of which some do not need each other's results."""
    inputs = [
        [each for each in needed if not (task in tasks and each in tasks)]
        for task, needed in enumerate(trace.inputs_of)
    ]
    needed = {each for those in inputs for each in those}
    # Nothing ends before what no other task waits for any more.
    wanted = [
        trace.wanted[task] or (task in tasks and task not in needed) for task in range(len(trace))
    ]
    first, flat = _flat(inputs)
    return replace(trace, first_input=first, inputs=flat, wanted=array("b", wanted))


def at_once(trace: Trace, *, kept: float = 0.0) -> Trace:
    """Return the same tasks, which all come with one graph.

    Parameters
    ----------
    trace
        What was recorded.
    kept
        Fraction of what the kernel did between the graphs that it does before the one.
    """
    if len(trace.arrivals) < 2:
        return trace
    first, *between, _ = Kernel(trace).busy
    return replace(
        trace,
        arrivals=(first + kept * sum(between),),
        graph=array("i", [0] * len(trace)),
    )


def split(trace: Trace, parts: Mapping[int, int]) -> Trace:
    """Return tasks of which some are cut into equal parts.

    Parameters
    ----------
    trace
        What was recorded.
    parts
        Into how many, by their index. Each needs a share of what the whole did; what needed the
        whole needs all of them.
    """
    source = [task for task in range(len(trace)) for _ in range(parts.get(task, 1))]
    pieces: list[list[int]] = [[] for _ in range(len(trace))]
    for piece, task in enumerate(source):
        pieces[task].append(piece)
    inputs = [[piece for each in needed for piece in pieces[each]] for needed in trace.inputs_of]
    return _made(
        trace,
        source=source,
        seconds=[trace.durations[task] / len(pieces[task]) for task in source],
        nbytes=[round(trace.nbytes[task] / len(pieces[task])) for task in source],
        inputs=[
            _share(inputs[task], piece - pieces[task][0], len(pieces[task]))
            for piece, task in enumerate(source)
        ],
    )


def _share(inputs: Sequence[int], part: int, parts: int) -> Sequence[int]:
    """Return what one of several parts needs; all would be too many where there are thousands."""
    size = len(inputs)
    return (
        inputs[size * part // parts : size * (part + 1) // parts]
        or inputs[part % max(size, 1) : part % max(size, 1) + 1]
    )


def joined(trace: Trace, factor: float) -> Trace:
    """Return tasks of which so many are one, of those of a prefix that do not need each other.

    Parameters
    ----------
    trace
        What was recorded.
    factor
        How many are joined.
    """
    alike: defaultdict[tuple[str, int, int], list[int]] = defaultdict(list)
    depths = _depths(trace)
    for task in sorted(range(len(trace)), key=trace.order.__getitem__):
        prefix = trace.groups[trace.group[task]].prefix
        alike[prefix, depths[task], trace.graph[task]].append(task)
    batches = [batch for tasks in alike.values() for batch in _batches(tasks, factor)]
    batch_of = {task: place for place, batch in enumerate(batches) for task in batch}
    inputs = [
        sorted({batch_of[each] for task in batch for each in trace.inputs_of[task]})
        for batch in batches
    ]
    # The last of a batch to end is what the kernel may have waited for.
    source = [max(batch, key=lambda task: _last(trace, task)) for batch in batches]
    made = _made(
        trace,
        source=source,
        seconds=[sum(trace.durations[task] for task in batch) for batch in batches],
        nbytes=[sum(trace.nbytes[task] for task in batch) for batch in batches],
        inputs=inputs,
    )
    wanted = [any(trace.wanted[task] for task in batch) for batch in batches]
    return replace(made, wanted=array("b", wanted))


def _last(trace: Trace, task: int) -> tuple[bool, float]:
    ended = trace.ended[task]
    return bool(trace.wanted[task]), ended if ended < math.inf else -1.0


def _batches(tasks: Sequence[int], factor: float) -> list[Sequence[int]]:
    """Return tasks in batches as equal as can be."""
    number = math.ceil(len(tasks) / factor)
    edges = [len(tasks) * place // number for place in range(number + 1)]
    return [tasks[start:stop] for start, stop in zip(edges, edges[1:], strict=False)]


def _depths(trace: Trace) -> list[int]:
    """Return how many tasks come before each, one on the other's result, at most."""
    missing = [len(inputs) for inputs in trace.inputs_of]
    depths = [0] * len(trace)
    ready = [task for task, number in enumerate(missing) if not number]
    while ready:
        task = ready.pop()
        for user in trace.users_of[task]:
            depths[user] = max(depths[user], depths[task] + 1)
            missing[user] -= 1
            if not missing[user]:
                ready.append(user)
    return depths


def _made(
    trace: Trace,
    *,
    source: Sequence[int],
    seconds: Sequence[float],
    nbytes: Sequence[int],
    inputs: Sequence[Sequence[int]],
) -> Trace:
    """Return tasks that are made of others.

    Parameters
    ----------
    trace
        What was recorded.
    source
        For each new task the one that it is like.
    seconds, nbytes, inputs
        What each takes, the size of its result, and what it needs.
    """
    order = sorted(range(len(source)), key=lambda task: trace.order[source[task]])
    places = array("i", [0] * len(source))
    for place, task in enumerate(order):
        places[task] = place
    ended = array("d", [trace.ended[task] for task in source])
    begun = [
        end - each if end < math.inf else end for end, each in zip(ended, seconds, strict=True)
    ]
    group = [trace.group[task] for task in source]
    first, flat = _flat(inputs)
    return replace(
        trace,
        groups=_groups(trace, group, inputs),
        group=array("i", group),
        graph=array("i", [trace.graph[task] for task in source]),
        order=places,
        begun=array("d", begun),
        ended=ended,
        nbytes=array("q", nbytes),
        worker=array("i", [trace.worker[task] for task in source]),
        wanted=array("b", [trace.wanted[task] for task in source]),
        released=array("d", [trace.released[task] for task in source]),
        sent=array("d"),
        limited=array("b"),
        reading=array("d"),
        writing=array("d"),
        first_input=first,
        inputs=flat,
    )


def _groups(
    trace: Trace, group: Sequence[int], inputs: Sequence[Sequence[int]]
) -> tuple[Group, ...]:
    """Return the groups with the numbers of tasks that there are now."""
    tasks = [0] * len(trace.groups)
    before: list[set[int]] = [set() for _ in trace.groups]
    for mine, needed in zip(group, inputs, strict=True):
        tasks[mine] += 1
        before[mine].update(group[each] for each in needed)
    return tuple(
        replace(each, tasks=tasks[index], tasks_before=sum(tasks[other] for other in before[index]))
        for index, each in enumerate(trace.groups)
    )


def _flat(inputs: Sequence[Sequence[int]]) -> tuple[array[int], array[int]]:
    first, flat = array("q", [0]), array("i")
    for needed in inputs:
        flat.extend(needed)
        first.append(len(flat))
    return first, flat
