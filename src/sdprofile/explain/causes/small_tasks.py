"""Tasks so small that what dask does around each takes longer than the task itself."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sdprofile.explain.causes.behind import behind
from sdprofile.explain.causes.chunks import larger_chunks
from sdprofile.explain.causes.found import Found, range_of
from sdprofile.explain.causes.reading import reads_of
from sdprofile.explain.causes.seen import Seen
from sdprofile.explain.causes.without import WITHIN, batched, gain_without
from sdprofile.explain.causes.written import resized
from sdprofile.model.account import Cause
from sdprofile.units import format_seconds

if TYPE_CHECKING:
    from sdprofile.model.elements import Element

_MANY = 100
"""Tasks from which their overhead is worth a word."""

_WORTH = 20
"""How many times its overhead a task should take."""

_PER_THREAD = 4
"""Tasks that each thread should have, so that all are busy to the end."""

_FEWER = 2.5
"""How many times fewer the tasks of a layer can be at least, with enough left for all threads of
the largest count."""

_OWN = 0.02
"""Seconds around a task, at most, that are dask's own on a slow machine (measured: 1 to 12 ms)."""

_IN_SCHEDULER = 0.002
"""Seconds of those that all threads wait for, as there is one scheduler (measured: 0.2 to 1 ms)."""

_SHORT = 0.01
"""Seconds up to which a task is so short that what calls cost shows."""

_LARGE_RESULT = 10_000_000
"""Bytes from which it is the size of a result that takes time, and not the number of its parts."""

_SURELY = 0.5
"""Fraction of the overhead of tasks that is saved with them at least."""

_CALLS = 0.6
"""Fraction of a small task's own time that NumPy and the like take for each call, at least."""


def small_tasks(seen: Seen) -> Found | None:
    """Return that the tasks are small; None where their overhead takes little."""
    tasks, share = len(seen.trace), seen.share(Cause.OVERHEAD)
    if tasks < _MANY or not share or not seen.prefixes or seen.in_small_graphs:
        return None
    overhead = share * seen.run.seconds * seen.threads / tasks
    if overhead > _OWN + _IN_SCHEDULER * seen.threads:
        return None  # it is not dask's: data that come with the tasks or move meanwhile, the GIL
    total = sum(each.total for each in seen.prefixes)
    many = max(len(each.seconds) for each in seen.prefixes) / 2
    most = next(each for each in seen.prefixes if len(each.seconds) >= many)
    most_threads = max(run.all_threads for run in seen.profile.runs)
    fewer = _parts(seen) / (_PER_THREAD * most_threads)
    if fewer < _FEWER and total / tasks < overhead:
        fewer = _parts(seen) / most_threads  # that some threads may have less to do is nothing
    factor = min(_WORTH * overhead / (total / tasks), fewer)
    if factor < 1.5 or fewer < _FEWER:
        return None
    change = larger_chunks(
        _elements(seen, most.prefix),
        factor,
        least=_PER_THREAD * most_threads if most_threads > 1 else 1,
        decimal=seen.profile.decimal,
    )
    less = 1 - 1 / factor
    mean = total / tasks
    calls = max(_CALLS * min(1.0, _SHORT / mean), min(0.95, WITHIN / mean))
    # What sends the graph, what comes back, and what builds the graph is less then, too.
    sending = seen.share(Cause.SENDING)
    # A large result takes as long in fewer parts.
    small = (seen.run.transfers.gathered or 0) < _LARGE_RESULT
    beside = small * seen.share(Cause.RESULT) + 0.5 * seen.share(Cause.KERNEL)
    others = beside + seen.share(Cause.FETCHING, Cause.CHAIN, Cause.NO_MORE)
    within = calls * seen.share(Cause.COMPUTING, Cause.GIL, Cause.CPU, Cause.WAITING)
    gain = gain_without(
        seen,
        least=lambda was: batched(was, factor),
        most=lambda was: batched(was, factor, shorter=calls),
        beside=((0.9 * sending + 0.5 * beside) * less, (sending + beside) * less),
        instead=(
            (0.9 * (share + sending) + 0.5 * others) * less,
            (share + sending + others) * less + within,
        ),
    )
    # A replay may have joined tasks wait for each other that would not: what dask does between
    # tasks is measured, and of that at least a part goes with them.
    surely, _ = range_of(_SURELY * share * less, share * less)
    low, high = (max(each, surely) for each in gain)
    return seen.found(
        "small tasks",
        share=share,
        fact=f"{tasks} tasks are too small: one of {seen.place(most.prefix)} takes"
        f" {format_seconds(most.median)}, dask's overhead {format_seconds(overhead)} more,"
        f" {100 * share:.0f} % of the time",
        change=change
        or resized(
            seen.profile.code,
            factor,
            prefix=most.prefix,
            parts=_parts(seen),
            collections=seen.run.data.partitioned,
            line=seen.text_of(most.prefix),
            stores=reads_of(seen),
        ),
        gain=(low, high),
    )


def _elements(seen: Seen, prefix: str) -> list[Element]:
    """Return those that the line with the tasks of a prefix builds on; all where it names none."""
    elements = list(seen.profile.elements)
    about = behind(seen.profile.code, seen.text_of(prefix))
    if about is None:
        return elements
    return [each for each in elements if each.name.partition("[")[0] in about.names] or elements


def _parts(seen: Seen) -> int:
    """Return into how many parts the work is cut: the tasks of the layer that takes most time.

    Others may have several for each part, as those that cut and join the borders of blocks.
    """
    taken: defaultdict[int, list[float]] = defaultdict(list)
    for task, seconds in seen.ended:
        taken[seen.trace.group[task]].append(seconds)
    return len(max(taken.values(), key=sum))
