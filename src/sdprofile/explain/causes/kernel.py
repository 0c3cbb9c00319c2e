"""Time in which nothing is on the cluster: the kernel works, sends a graph or gets a result."""

from __future__ import annotations

import re
from collections import Counter

from sdprofile.explain.causes.data_in_graph import LARGE, data_bytes
from sdprofile.explain.causes.found import Found, range_of
from sdprofile.explain.causes.seen import Seen
from sdprofile.explain.causes.without import crowded, gain_without, together
from sdprofile.explain.causes.written import resized
from sdprofile.explain.lines import most_of, result_lines, sending_lines
from sdprofile.model.account import Cause
from sdprofile.model.steps import LineTime, StepCall
from sdprofile.units import format_bytes, format_seconds, plural

WORKS_ITSELF = "kernel's own work"
"""Name of the cause that the kernel works itself."""

_NO_TASK = (Cause.NO_MORE, Cause.CHAIN)
"""What threads do that wait for a graph to end."""

_MANY_TASKS = 2000
"""Tasks from which the graph itself takes the time."""

_LONG = 0.5
"""Seconds from which sending a small graph takes long."""

_MUCH = 10_000_000
"""Bytes of results from which these take the time."""

_IDLE = 0.15
"""Share of the time from which threads without a task are more than the end of a reduction."""

_IMPORT = re.compile(r"(import|from)\s")
"""How a line begins that imports."""

_AROUND = 0.4
"""Fraction of what many graphs take, beside their tasks, that one takes, at most."""


def works_itself(seen: Seen) -> Found | None:
    """Return what the kernel does while the workers have nothing; None if that takes no time."""
    share, run = seen.share(Cause.KERNEL), seen.run
    if not share:
        return None
    lines: tuple[int, ...] = ()
    place = _busiest(seen, least=share * run.seconds / 2)
    if place is not None:
        what = f"{place[0]} works in the kernel for {format_seconds(place[1])} of"
        what += f" {format_seconds(run.seconds)}"
    else:
        what = f"the kernel works by itself for {100 * share:.0f} % of the time"
        lines = most_of({each.line: each.seconds for each in run.steps.cell_lines})
    if run.workers:
        what, where = f"{what}, while the workers have nothing to do", "on the workers"
    else:
        what, where = f"{what}, while no task runs", "in tasks"
    change = f"do less there, or do it block by block {where} (map_blocks, map_partitions)"
    longest = max(run.steps.cell_lines, key=lambda each: each.seconds, default=None)
    if longest is not None and place == _of_line(longest) and _IMPORT.match(longest.text):
        change = "import in a cell before: it is done once in a session"
    return seen.found(
        WORKS_ITSELF,
        share=share,
        lines=lines,
        fact=what,
        change=change,
        gain=range_of(0.5 * share, share),
    )


def _busiest(seen: Seen, *, least: float) -> tuple[str, float] | None:
    """Return the step, or else the line, that the kernel worked for longest, and for how long."""
    steps = seen.run.steps
    own = [(step.name, _own_seconds(step, seen)) for step in steps.calls if step.calls]
    lines = list(map(_of_line, steps.cell_lines))
    for places in (own, lines):
        longest = max(places, key=lambda place: place[1], default=("", 0.0))
        if longest[1] > least:
            return longest
    return None


def _of_line(each: LineTime) -> tuple[str, float]:
    return f"line {each.line}", each.seconds


def _own_seconds(step: StepCall, seen: Seen) -> float:
    """Return how long a step took without the calls of its line that waited for the workers."""
    calls = seen.trace.calls
    waited = sum(
        ended - begun
        for begun, ended, line in zip(calls.begun, calls.ended, calls.line, strict=True)
        if step.name.endswith(f"(line {line})")
    )
    return step.seconds - waited


def sends_graphs(seen: Seen) -> Found | None:
    """Return why sending graphs takes time; None if it takes none."""
    share, tasks = seen.share(Cause.SENDING), len(seen.trace)
    if seen.in_small_graphs or (seen.waits_for_each and seen.share(*_NO_TASK) >= _IDLE):
        return _one_after_another(seen)
    if not share or not tasks:
        return None
    saved, does = (0.5 * share, 0.95 * share), "optimising"
    does += " and sending" if seen.run.workers else ""
    if tasks >= _MANY_TASKS:
        fact = f"{does} {tasks} tasks takes {100 * share:.0f} % of the time"
        change = resized(seen.profile.code, min(10.0, tasks / (20 * seen.threads)))
    elif data_bytes(seen) > LARGE:
        return None  # the data take the time
    elif share * seen.run.seconds < _LONG:
        return None  # as long as any graph takes
    else:
        fact = f"{does} a graph of {plural(tasks, 'task')} takes"
        fact += f" {100 * share:.0f} % of the time"
        change = "build it from fewer, larger operations, or compute more by one call"
    return seen.found(
        "sending the graph",
        share=share,
        lines=sending_lines(seen.trace),
        fact=fact,
        change=change,
        gain=range_of(*saved),
    )


def _one_after_another(seen: Seen) -> Found:
    """Return that graphs are computed one after another."""
    graphs, tasks, idle = len(seen.trace.arrivals), len(seen.trace), seen.share(*_NO_TASK)
    if seen.in_small_graphs:
        # Each of them goes through the scheduler, and its result comes back, before the next.
        share = idle + seen.share(Cause.SENDING, Cause.OVERHEAD, Cause.RESULT)
        left = seen.share(Cause.COMPUTING, Cause.MORE_CORES, Cause.CPU, Cause.WAITING)
        saved = (0.6 * share, (1 - left) * (1 - 1 / graphs))
        around = (_AROUND, 1 / graphs)  # most of it is for the graph, not for the task
    else:
        share, saved, around = idle, (0.6 * idle, 0.95 * idle), (1.0, 1.0)
    own = seen.share(Cause.KERNEL)
    between = own + seen.share(Cause.SENDING, Cause.RESULT)
    part = own / between if between else 0.0
    calls = seen.trace.calls
    lines = Counter(line for sends, line in zip(calls.sends, calls.line, strict=True) if sends > 0)
    line = lines.most_common(1)[0][0] if lines else 0
    what = f"{graphs} graphs are computed one after another{f' (line {line})' if line else ''}"
    if idle >= share / 2:
        what += f", so that threads have nothing to do for {100 * idle:.0f} % of the time"
    else:
        what += f"; sending them and waiting for each takes {100 * share:.0f} % of the time"
    change = "compute those that do not need each other's results with one call, "
    steps = [each.name for each in seen.run.steps.calls if each.name.endswith(f"(line {line})")]
    if steps:
        change = f"call {steps[0].partition(' (')[0]} once for all inputs, not once for each"
    elif 2 * sum(sends == 1 for sends in calls.sends) > sum(sends > 0 for sends in calls.sends):
        change += "client.gather(futures), once all are submitted"
    else:
        change += "dask.compute(a, b, ...)"
    return seen.found(
        "sending the graph",
        share=share,
        fact=what,
        change=change,
        gain=gain_without(
            seen,
            least=lambda was: together(
                crowded(was, range(tasks), beside=tasks),
                kept=part + (1 - part) * _AROUND,
                overhead=around[0],
            ),
            # Half of the kernel's own work may be for each graph, too.
            most=lambda was: together(
                was, kept=0.5 * part + (1 - part) / graphs, overhead=around[1]
            ),
            instead=saved,
        ),
    )


def brings_result(seen: Seen) -> Found | None:
    """Return that large results come into the kernel; None if that takes no time."""
    share, nbytes = seen.share(Cause.RESULT), seen.run.transfers.gathered or 0
    if not share or nbytes < _MUCH:
        return None
    amount = format_bytes(nbytes, decimal=seen.profile.decimal)
    return seen.found(
        "bringing the result",
        share=share,
        lines=result_lines(seen.trace),
        fact=f"{amount} of results are brought into the kernel, which takes"
        f" {100 * share:.0f} % of the time",
        change="reduce them on the workers before .compute(), or write them from there"
        " (to_zarr, to_parquet)",
        # Half of what the tasks take may be copies, of which dask makes one of the whole.
        gain=range_of(0.5 * share, share + 0.5 * seen.share(Cause.COMPUTING)),
    )
