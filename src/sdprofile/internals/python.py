"""What Python keeps to itself."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from types import CodeType, FrameType, FunctionType
from typing import Any

from sdprofile.internals.names import Name

_COMPREHENSIONS = ("comp>", "genexpr>")

_BUSY = 0.1
"""Part of the time that a thread which works is on a CPU, at least."""

_SLOW = "workers are started as dask does it, which takes seconds for each"

FORKSERVER = Name(of="multiprocessing.forkserver", name="_forkserver", without=_SLOW)
FORKSERVER_PID = Name(
    of="multiprocessing.forkserver._forkserver", name="_forkserver_pid", without=_SLOW
)
FORKSERVER_STOP = Name(of="multiprocessing.forkserver._forkserver", name="_stop", without=_SLOW)
CODE = Name(
    of="types.FunctionType",
    name="__code__",
    without="steps, calls of dask in the kernel, and work that is sent elsewhere than to the"
    " workers, are not seen",
)

NAMES = (FORKSERVER, FORKSERVER_PID, FORKSERVER_STOP, CODE)


def can_follow_forkserver() -> bool:
    """Whether a fork server can be told from another one, and be stopped."""
    server = FORKSERVER.found()
    return all(each.is_there(server) for each in (FORKSERVER_PID, FORKSERVER_STOP))


def forkserver_pid() -> int | None:
    """Return the process of multiprocessing's fork server; None if there is none."""
    pid = FORKSERVER_PID.found()
    return pid if isinstance(pid, int) else None


def stop_forkserver() -> None:
    """Let multiprocessing forget a fork server, for which it has no public way."""
    stop = FORKSERVER_STOP.found()
    if stop is not None:
        stop()


def is_users(frame: FrameType) -> bool:
    """Whether a function of the notebook or script runs in a frame, here or in a worker.

    Comprehensions, which Python may have as functions, are parts of whoever has them.
    """
    return frame.f_globals.get("__name__") == "__main__" and not _is_comprehension(frame)


def line_of(frames: Sequence[FrameType]) -> int:
    """Return the line at which the first of these frames is, if need be within a comprehension.

    Parameters
    ----------
    frames
        One or more, each called by the one before.

    Notes
    -----
    List comprehensions are functions before Python 3.12, generator expressions are in any: the
    frame that has one is at the line where its statement begins
    (https://peps.python.org/pep-0709/).
    """
    at, *called = frames
    file = at.f_code.co_filename
    for inner in called:
        if not _is_comprehension(inner) or inner.f_code.co_filename != file:
            break
        at = inner
    return at.f_lineno


def _is_comprehension(frame: FrameType) -> bool:
    return frame.f_code.co_name.endswith(_COMPREHENSIONS)


def cpu_of_thread(ident: int) -> float | None:
    """Return the CPU time of a thread that is alive, in seconds; None where there is no clock.

    Notes
    -----
    For any other thread the system may do anything (``man 3 pthread_getcpuclockid``).
    """
    if sys.platform == "linux":
        return time.clock_gettime(time.pthread_getcpuclockid(ident))
    return None


def hardly_ran(used: float, seconds: float) -> bool:
    """Whether a thread that used so many seconds of a CPU in so many waited, rather than worked."""
    return used < _BUSY * seconds


@contextlib.contextmanager
def exchanged_code(function: FunctionType, code: CodeType) -> Iterator[None]:
    """Let a function do something else in this context; it is the same object as ever.

    Notes
    -----
    Python documents that the attribute may be set, and not what follows from it.
    """
    before: Any = CODE.get(function)
    CODE.set(function, code)
    try:
        yield
    finally:
        CODE.set(function, before)
