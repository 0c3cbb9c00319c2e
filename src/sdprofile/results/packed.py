"""Arrays in a file, and the tasks of a run so that they take little of it: some 20 bytes each."""

from __future__ import annotations

import base64
import math
import zlib
from array import array
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sdprofile.model.trace import TICKS, since

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from sdprofile.model.calls import CallTree
    from sdprofile.model.trace import Trace

    Whole = npt.NDArray[np.int64]
    Real = npt.NDArray[np.float64]

_NEVER = -(2**40)
"""Ticks that stand for infinity."""

_MOST = 2**27
"""Numbers that an array may have; a file of a few bytes could claim any number of them."""

_SIZES = (1, 2, 4, 8)

_OF_TASKS = (
    "graph",
    "order",
    "begun",
    "ended",
    "nbytes",
    "worker",
    "wanted",
    "released",
    "first_input",
)
"""Arrays with an item for each task."""

_LATER = ("sent", "limited", "reading", "writing")
"""Those that may be left out."""


def packed(numbers: array[Any]) -> list[Any]:
    """Return an array as JSON: its length, the bytes of a number, and these as text.

    Parameters
    ----------
    numbers
        Whole numbers as they are, others as times in seconds.

    Notes
    -----
    The differences from one number to the next are written, the first from 0, and of these the
    lowest byte of all, then the next: most of the others are 0.
    """
    import numpy as np

    whole = np.asarray(numbers)
    if numbers.typecode == "d":
        never = np.isinf(whole)
        whole = np.where(never, _NEVER, np.rint(np.where(never, 0.0, whole) * TICKS))
    steps = np.diff(whole.astype(np.int64), prepend=0)
    most = int(np.abs(steps).max(initial=0))
    size = next(each for each in _SIZES if most < 2 ** (8 * each - 1))
    planes = steps.astype(f"<i{size}").view(np.uint8).reshape(-1, size).T.tobytes()
    return [len(numbers), size, base64.b64encode(zlib.compress(planes)).decode("ascii")]


def unpacked(value: Any, *, real: bool) -> array[Any]:
    """Return the array that was packed; `real` for times in seconds.

    Raises
    ------
    TypeError, ValueError
        If it is damaged.
    """
    import numpy as np

    if not isinstance(value, list) or list(map(type, value)) != [int, int, str]:
        raise TypeError("other than an array")
    length, size, text = value
    if not 0 <= length <= _MOST or size not in _SIZES:
        raise ValueError("an array of no known size")
    unzip = zlib.decompressobj()
    try:
        planes = unzip.decompress(base64.b64decode(text, validate=True), length * size + 1)
    except zlib.error as error:
        raise ValueError("an array that is damaged") from error
    if len(planes) != length * size:
        raise ValueError("an array of another length than it says")
    by_number = np.frombuffer(planes, dtype=np.uint8).reshape(size, length).T
    steps = np.ascontiguousarray(by_number).view(f"<i{size}").reshape(length)
    whole = np.cumsum(steps, dtype=np.int64)
    if real:
        return array("d", np.where(whole == _NEVER, math.inf, whole / TICKS).tobytes())
    fits = length == 0 or (whole.min() >= -(2**31) and whole.max() < 2**31)
    return array("i", whole.astype(np.intc).tobytes()) if fits else array("q", whole.tobytes())


def close_by(trace: Trace) -> Trace:
    """Return the tasks with numbers that are small where they can be, for `as_it_was` to undo.

    Notes
    -----
    Times are those since another of the same task, in the order of the priorities, in which the
    tasks began about one after another. What a task reads is told by how many tasks before it that
    came.
    """
    import numpy as np

    place = np.argsort(np.asarray(trace.order))
    begun, ended = np.asarray(trace.begun), np.asarray(trace.ended)
    counts = np.diff(np.asarray(trace.first_input))
    readers = np.repeat(np.arange(len(counts)), counts)
    return replace(
        trace,
        begun=since(begun[place]),
        ended=since((ended - _or_0(begun))[place]),
        sent=since((np.asarray(trace.sent) - _or_0(begun))[place]) if trace.sent else trace.sent,
        released=since((np.asarray(trace.released) - _or_0(ended))[place]),
        first_input=array("q", counts.astype(np.int64).tobytes()),
        inputs=array("q", (readers - np.asarray(trace.inputs)).astype(np.int64).tobytes()),
    )


def as_it_was(trace: Trace) -> Trace:
    """Return the tasks that `close_by` was given.

    Raises
    ------
    ValueError
        If they contradict themselves, as in a file that is damaged.
    """
    import numpy as np

    size = len(trace)
    _check(trace)
    order, counts = np.asarray(trace.order), np.asarray(trace.first_input)
    begun = np.asarray(trace.begun)[order]
    ended = np.asarray(trace.ended)[order] + _or_0(begun)
    readers = np.repeat(np.arange(size), counts)
    inputs = readers - np.asarray(trace.inputs)
    if inputs.size and not 0 <= inputs.min() <= inputs.max() < size:
        raise ValueError("a task that reads what is none")
    first = np.concatenate(([0], np.cumsum(counts)))
    return replace(
        trace,
        begun=since(begun),
        ended=since(ended),
        sent=since(np.asarray(trace.sent)[order] + _or_0(begun)) if trace.sent else trace.sent,
        released=since(np.asarray(trace.released)[order] + _or_0(ended)),
        first_input=array("q", first.astype(np.int64).tobytes()),
        inputs=array("i", inputs.astype(np.intc).tobytes()),
    )


def _check(trace: Trace) -> None:
    """Raise a ValueError if not every number of a task is there, or one is of nothing."""
    import numpy as np

    size = len(trace)
    for names, lengths in ((_OF_TASKS, (size,)), (_LATER, (0, size))):
        for name in names:
            if len(getattr(trace, name)) not in lengths:
                raise ValueError(f"{name} of another number of tasks")
    workers = max(len(trace.addresses), size)
    for name, numbers, below in (
        ("order", trace.order, size),
        ("group", trace.group, len(trace.groups)),
        ("graph", trace.graph, len(trace.arrivals)),
        ("worker", trace.worker, workers),
        ("fetches", trace.fetches.worker, workers),
        ("pauses", trace.pauses.worker, workers),
    ):
        if numbers and not 0 <= min(numbers) <= max(numbers) < below:
            raise ValueError(f"{name} of something that is not there")
    if len(np.unique(np.asarray(trace.order))) != size:
        raise ValueError("an order with two tasks in one place")
    counts = np.asarray(trace.first_input)
    if counts.min(initial=0) < 0 or counts.sum() != len(trace.inputs):
        raise ValueError("inputs of another number of tasks")
    for spells in (trace.fetches, trace.pauses):
        if not len(spells.worker) == len(spells.begun) == len(spells.ended):
            raise ValueError("spells with unequal numbers of times")
    for tree in trace.inside.trees:
        _check_tree(tree, len(trace.inside.frames))
    calls = trace.calls
    if len({len(each) for each in (calls.begun, calls.ended, calls.sends, calls.line)}) > 1:
        raise ValueError("calls with unequal numbers of times")
    inner, function = calls.inner, calls.function
    if len(inner) != len(function) or len(inner) not in (0, len(calls.begun)):
        raise ValueError("calls with unequal numbers of lines")
    if any(inner) and not 0 <= min(function) <= max(function) < len(calls.functions):
        raise ValueError("a call within a function that is not there")


def _check_tree(tree: CallTree, frames: int) -> None:
    if len({len(each) for each in (tree.frame, tree.depth, tree.seconds, tree.own)}) > 1:
        raise ValueError("calls with unequal numbers of times")
    if len(tree.waiting) not in (0, len(tree.frame)):
        raise ValueError("calls of which some wait for a time that is not known")
    if not all(0 <= frame < frames for frame in tree.frame):
        raise ValueError("a call of something that is not there")
    if not all(0 <= depth <= before + 1 for before, depth in pairwise((-1, *tree.depth))):
        raise ValueError("a call within none")


def _or_0(times: Real) -> Real:
    import numpy as np

    return np.where(np.isinf(times), 0.0, times)
