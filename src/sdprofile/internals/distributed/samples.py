"""What distributed keeps to itself of the samples that its workers take of their threads."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import FrameType, FunctionType
from typing import TYPE_CHECKING, Any

from sdprofile.internals.names import Name
from sdprofile.internals.python import cpu_of_thread, hardly_ran, is_users, line_of

if TYPE_CHECKING:
    from distributed import Worker

_CALLS = "what was called within the tasks is left out"
CYCLE_PROFILE = Name(of="distributed.Worker", name="cycle_profile", kind="worker", without=_CALLS)
PROFILE_KEYS = Name(of="distributed.Worker", name="profile_keys", kind="worker", without=_CALLS)
PROFILE_KEYS_HISTORY = Name(
    of="distributed.Worker", name="profile_keys_history", kind="worker", without=_CALLS
)
PROCESS_FRAME = Name(
    of="distributed.profile",
    name="process",
    without="the innermost calls within the tasks are not told apart",
    common=True,
)

NAMES = (CYCLE_PROFILE, PROFILE_KEYS, PROFILE_KEYS_HISTORY, PROCESS_FRAME)


WAITING = "sdprofile-waiting"
"""Name of what is added to the innermost call of a tree: in how many samples it waited."""

LINES = "sdprofile-lines"
"""Name of what is added to a tree: in how many samples each line of the user's functions was the
innermost of these, by name of the function and number."""

_LONGEST = 0.05
"""Seconds from one look at a thread to the next up to which it is known what it did meanwhile."""

_SAME = 0.002
"""Seconds below which it is the same look: dask adds each sample to two trees."""


def begin_samples(worker: Worker) -> float:
    """Let a worker's samples of its threads begin anew; return when that was, by its clock.

    Infinity where that is not known.

    Notes
    -----
    Dask does not count the innermost call of a sample, so of several that one function makes it is
    not known which took long. Until `end_samples` they are counted, in this process.
    """
    cycle, history = CYCLE_PROFILE.get(worker), PROFILE_KEYS_HISTORY.get(worker)
    if cycle is None or not isinstance(history, deque):
        return math.inf
    cycle()
    _count_innermost()
    return float(history[-1][0]) if history else 0.0


def end_samples(worker: Worker, began: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the samples that a worker took since then: a prefix, and a tree as dask has it.

    A tree has the ``count`` of its samples and ``children``, by their ``identifier``: name, file
    and first line of a function; where the innermost call waited, also `WAITING`. Those
    of the user's functions are in `LINES`.
    """
    _put_back()
    if math.isinf(began):
        return
    history = PROFILE_KEYS_HISTORY.get(worker, ())
    for trees in (*(trees for at, trees in history if at > began), PROFILE_KEYS.get(worker, {})):
        yield from trees.items()


_before: list[Callable[..., Any]] = []
"""What adds a sample, as it was: more than once in a process with several workers."""


def _count_innermost() -> None:
    from distributed import profile

    process = PROCESS_FRAME.get(profile)
    if _before or process is None:
        return
    innermost = process(sys._getframe(), True, profile.create())
    if not innermost or innermost.get("count") != 0:
        return  # dask counts it by itself

    add = _by_itself(process)

    def counted(frame: Any, child: Any, state: Any, **details: Any) -> Any:
        innermost = add(frame, child, state, **details)
        if child is True and innermost is not None:
            innermost["count"] += 1
            if _waits(frame):
                innermost[WAITING] = innermost.get(WAITING, 0) + 1
            if (line := _users_line(frame)) is not None:
                lines = state.setdefault(LINES, {})
                lines[line] = lines.get(line, 0) + 1
        return innermost

    _before.append(process)
    PROCESS_FRAME.set(profile, counted)


_looked: dict[int, tuple[float, float, bool]] = {}
"""By thread: when it was looked at, the CPU time that it had used, and whether it waited."""


def _waits(frame: FrameType) -> bool:
    """Whether the thread of this innermost frame was hardly on a CPU since the look before."""
    frames = sys._current_frames()
    ident = next((ident for ident, each in frames.items() if each is frame), None)
    frames.clear()  # it has this frame, too: what others hold would stay until a garbage collection
    if ident is None:
        return False
    now, (at, before, waited) = time.perf_counter(), _looked.get(ident, (-math.inf, 0.0, False))
    if now - at < _SAME:
        return waited
    used = cpu_of_thread(ident)
    waits = now - at < _LONGEST and used is not None and hardly_ran(used - before, now - at)
    _looked[ident] = now, used or 0.0, waits
    return waits


def _users_line(frame: FrameType | None) -> tuple[str, int] | None:
    """Return the innermost line of a function of the user's within which this frame is."""
    callers: list[FrameType] = []
    while frame is not None:
        callers.append(frame)
        if is_users(frame):
            return frame.f_code.co_name, line_of(callers[::-1])
        frame = frame.f_back
    return None


def _by_itself(function: Any) -> Any:
    """Return a function that calls itself, and not what stands in its place in its module."""
    if not isinstance(function, FunctionType):
        return function
    names = dict(function.__globals__)
    same = FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    same.__kwdefaults__ = function.__kwdefaults__
    names[function.__name__] = same
    return same


def _put_back() -> None:
    from distributed import profile

    _looked.clear()
    while _before:
        PROCESS_FRAME.set(profile, _before.pop())
