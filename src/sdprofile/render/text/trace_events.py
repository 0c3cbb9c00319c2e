"""The tasks of a profile as trace events, which Perfetto and Chrome draw over time."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run
    from sdprofile.model.trace import Trace

_OVERLAP = 0.05
"""Seconds by which a task may seem to begin before the one before it on its thread has ended: what
is known of how far the clocks of workers are ahead changes by as much on a busy machine."""

_CALLS = {2: "compute", 1: "send a graph", 0: "wait for results", -1: "compute in the kernel"}
"""What a call in the kernel does, by `sdprofile.model.trace.Calls.sends`."""

Event = dict[str, Any]
"""One event: ``ph`` says of which kind it is."""

Bar = tuple[float, float, str, Event]
"""When it begins and ends, in seconds since the cell started, what it is, and more of it."""


def trace_events(profile: Measured) -> bytes:
    """Return the run that stands for each worker count, in the Trace Event Format.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    bytes
        JSON. Each worker of each count is a process, and so is the kernel. Time 0 is the start of
        the cell in all of them. Tasks, fetches, disk, pauses and the kernel's calls of dask are
        complete events, in microseconds; memory in bytes and CPUs in use are counters.

    Notes
    -----
    The format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
    Which thread ran a task is not recorded: a task is on the first that was free.
    """
    numbers = count(1)
    events = [
        event
        for run in profile.traced_runs
        if run.trace is not None
        for process in _processes(run, run.trace, profile.varied.name(run.setting), numbers)
        for event in process.events()
    ]
    document = {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {"code": profile.code, **dict(profile.versions)},
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")


@dataclass(kw_only=True)
class _Process:
    """A worker of one run, or its kernel."""

    name: str
    numbers: Iterator[int]
    """Gives numbers for processes and their lanes: viewers mix up those that two processes have."""

    lanes: list[tuple[str, str, list[Bar]]] = field(default_factory=list)
    """Name and category of each, and its bars, which do not overlap."""

    others: list[Event] = field(default_factory=list)
    """Events that are of the process as a whole."""

    def add(
        self, name: str, category: str, trace: Trace, bars: Iterable[Bar], *, overlap: float = 0.0
    ) -> None:
        """Add bars of a run, in as many lanes as it takes; see `_lanes` for the overlap."""
        lanes = _lanes(bars, trace.seconds, overlap)
        for number, lane in enumerate(lanes, start=1):
            self.lanes.append((f"{name} {number}" if len(lanes) > 1 else name, category, lane))

    def count(self, name: str, unit: str, samples: Iterable[tuple[float, float]]) -> None:
        """Add a number over time."""
        self.others += (
            {"ph": "C", "name": name, "ts": _ticks(at), "args": {unit: number}}
            for at, number in samples
        )

    def events(self) -> Iterator[Event]:
        """Yield all events of the process, those that name it first."""
        if not self.lanes and not self.others:
            return
        pid = next(self.numbers)
        yield _meta("process_name", pid, name=self.name)
        yield _meta("process_sort_index", pid, sort_index=pid)
        yield from ({**event, "pid": pid} for event in self.others)
        for name, category, bars in self.lanes:
            tid = next(self.numbers)
            yield _meta("thread_name", pid, tid, name=name)
            yield _meta("thread_sort_index", pid, tid, sort_index=tid)
            for begun, ended, what, args in bars:
                yield {
                    "ph": "X",
                    "name": what,
                    "cat": category,
                    "ts": _ticks(begun),
                    "dur": _ticks(ended - begun),
                    "pid": pid,
                    "tid": tid,
                    "args": args,
                }


def _processes(run: Run, trace: Trace, name: str, numbers: Iterator[int]) -> list[_Process]:
    """Return the kernel and the workers of a run; without a cluster the tasks are the kernel's."""
    kernel = _Process(name=f"{name}: kernel", numbers=numbers)
    _add_calls(kernel, trace)
    number = max(trace.workers, len(trace.addresses), max(trace.worker, default=-1) + 1)
    workers = [
        _Process(name=f"{name}: worker {index}", numbers=numbers) if run.workers else kernel
        for index in range(number)
    ]
    _add_tasks(workers, trace)
    _add_fetches(workers, trace)
    for index, ours in _by_worker(trace.pauses.worker):
        spans = ((trace.pauses.begun[each], trace.pauses.ended[each]) for each in ours)
        workers[index].add("paused", "pause", trace, ((*span, "paused", {}) for span in spans))
    of = dict(zip(trace.addresses, workers, strict=False))
    for curve in run.memory.curves:
        if curve.source in ("sampler", "nvml") and curve.worker in of:
            what = "memory" if curve.measure == "process" else f"memory of {curve.measure}"
            samples = zip(curve.seconds, curve.nbytes, strict=True)
            of[curve.worker].count(what, "bytes", samples)
    for cores in trace.cores:
        if cores.worker in of:
            used = ((index * cores.step, each) for index, each in enumerate(cores.used))
            of[cores.worker].count("CPUs in use", "CPUs", used)
    return [kernel, *workers] if run.workers else [kernel]


def _add_calls(kernel: _Process, trace: Trace) -> None:
    made = zip(
        trace.calls.begun, trace.calls.ended, trace.calls.sends, trace.calls.line, strict=True
    )
    bars: Iterator[Bar] = (
        (begun, ended, _CALLS[sends], {"line": line} if line else {})
        for begun, ended, sends, line in made
    )
    kernel.add("calls of dask", "kernel", trace, bars)
    kernel.others += (
        {"ph": "i", "s": "p", "name": "graph came", "cat": "kernel", "ts": _ticks(at), "tid": 0}
        for at in trace.arrivals
    )


def _add_tasks(workers: list[_Process], trace: Trace) -> None:
    names = [group.prefix for group in trace.groups]
    nothing = [0.0] * len(trace)
    reading, writing = trace.reading or nothing, trace.writing or nothing
    for worker, tasks in _by_worker(trace.worker):
        ran: list[Bar] = []
        disk: list[Bar] = []
        for task in tasks:
            begun, ended, name = trace.begun[task], trace.ended[task], names[trace.group[task]]
            ran.append((begun, ended, name, {"bytes": trace.nbytes[task]}))
            if reading[task]:
                disk.append((begun - reading[task], begun, f"read back for {name}", {}))
            if writing[task]:
                disk.append((ended, ended + writing[task], f"write after {name}", {}))
        workers[worker].add("thread", "task", trace, ran, overlap=_OVERLAP)
        workers[worker].add("disk", "spill", trace, disk)


def _add_fetches(workers: list[_Process], trace: Trace) -> None:
    fetches = trace.fetches
    for worker, ours in _by_worker(fetches.worker):
        prefixes = (trace.groups[trace.group[fetches.task[each]]].prefix for each in ours)
        bars: Iterator[Bar] = (
            (fetches.begun[each], fetches.ended[each], f"fetch for {prefix}", {})
            for each, prefix in zip(ours, prefixes, strict=True)
        )
        workers[worker].add("fetches", "fetch", trace, bars)


def _by_worker(workers: Iterable[int]) -> list[tuple[int, list[int]]]:
    """Return for each worker the places at which an array has it."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for place, worker in enumerate(workers):
        found[worker].append(place)
    return sorted(found.items())


def _lanes(bars: Iterable[Bar], seconds: float, overlap: float) -> list[list[Bar]]:
    """Return bars in as few lanes as have none at the same time; the first that is free is taken.

    What had not begun when the run was over is left out, what had not ended is cut off there. What
    overlaps by so many seconds or less, and by less than half, begins when the lane is free.
    """
    lanes: list[list[Bar]] = []
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    for begun, ended, name, args in sorted(bars, key=itemgetter(0, 1)):
        begun, ended = max(0.0, begun), min(ended, seconds)
        if begun >= ended:
            continue
        while busy and busy[0][0] <= begun:
            heappush(free, heappop(busy)[1])
        if free:
            lane = heappop(free)
        elif busy and busy[0][0] <= min(begun + overlap, (begun + ended) / 2):
            begun, lane = heappop(busy)
        else:
            lane = len(lanes)
            lanes.append([])
        lanes[lane].append((begun, ended, name, args))
        heappush(busy, (ended, lane))
    return lanes


def _ticks(seconds: float) -> int:
    """Return microseconds; times are recorded to 10 of them."""
    return round(seconds * 1e6)


def _meta(kind: str, pid: int, tid: int = 0, **args: object) -> Event:
    return {"ph": "M", "name": kind, "ts": 0, "pid": pid, "tid": tid, "args": args}
