"""Keeps Ctrl-C out of what must not be left half done, and lets it in where the user waits."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any


@dataclass
class _State:
    """Of the main thread, which alone signals reach, or of the one that they are passed on to."""

    passed_on_to: int | None = None
    """Which thread the main thread passes interrupts on to; None while it needs them itself."""

    work_in: int = 0
    """In which thread the work runs then that is measured from there."""

    sent: bool = False
    """Whether the next interrupt is from `interrupt_work`."""

    usual: Any = None
    """What Ctrl-C does outside of `held_back`; None outside of it."""

    pending: bool = False
    """Whether Ctrl-C was pressed meanwhile."""

    deaf: bool = False
    """Whether it is to be forgotten."""


_state = _State()


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Keep an interrupt back until the end of this context; `let_in` lets it in before.

    Raises
    ------
    KeyboardInterrupt
        At the end, if Ctrl-C was pressed meanwhile and nothing else is raised.

    Notes
    -----
    Python runs a signal's handler in the main thread between any two steps of it: an interrupt
    that raises could leave an instrument in the workers, or a cluster at another size. In other
    threads, and where a handler is set that Python did not set, nothing is changed.
    """
    if _state.usual is not None or not reach_here():
        yield
        return
    _raise_if_pending()
    _state.usual = _handle(_note)
    try:
        yield
    except BaseException:
        _let_go()
        raise
    if _let_go():
        raise KeyboardInterrupt


@contextlib.contextmanager
def let_in() -> Iterator[None]:
    """Within `held_back`, let an interrupt in while the user waits for something.

    Raises
    ------
    KeyboardInterrupt
        Also for an interrupt that came before.
    """
    if _state.usual is None or _state.deaf or not reach_here():
        yield
        return
    _handle(_state.usual)
    try:
        _raise_if_pending()
        yield
    finally:
        # What the cell may have set itself stays.
        _state.usual = _handle(_note)


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Forget interrupts in this context: what is being put in order must be through with it."""
    if _state.deaf or not reach_here():
        yield
        return
    _state.deaf = True
    try:
        with held_back():
            pending = _state.pending
            try:
                yield
            finally:
                _state.deaf, _state.pending = False, pending
    finally:
        _state.deaf = False


@contextlib.contextmanager
def passed_on(*, work_in: int) -> Iterator[None]:
    """In this context it is this thread that interrupts reach, by `pass_on`.

    Parameters
    ----------
    work_in
        In which thread the work runs that is measured from this one.
    """
    _state.passed_on_to, _state.work_in = threading.get_ident(), work_in
    _state.pending = False
    try:
        yield
    finally:
        _state.passed_on_to, _state.pending = None, False


def pass_on() -> None:
    """In the main thread, let an interrupt reach the thread that is within `passed_on`."""
    _state.pending = True


def take_pending() -> bool:
    """Return whether there is an interrupt that nobody has been told of; then there is none."""
    pending, _state.pending = _state.pending, False
    return pending


def interrupt_work() -> None:
    """Interrupt what runs in the main thread.

    Unlike `_thread.interrupt_main`, a signal also ends a sleep or a blocking read.
    """
    _state.sent = _state.passed_on_to is not None
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def take_sent() -> bool:
    """Return whether an interrupt is from `interrupt_work`, which is to end only the work."""
    sent, _state.sent = _state.sent, False
    return sent


def reach_here() -> bool:
    """Whether interrupts reach this thread."""
    if _state.passed_on_to is not None:
        return threading.get_ident() == _state.passed_on_to
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getsignal(signal.SIGINT) is not None


def thread_of_work() -> int:
    """Return in which thread the work runs that is measured from this one."""
    here = threading.get_ident()
    return _state.work_in if here == _state.passed_on_to else here


def _note(number: int, frame: FrameType | None) -> None:
    _state.pending = True


def _handle(handler: Any) -> Any:
    """Have an interrupt handled by this, and return what handled it before."""
    if _state.passed_on_to is not None:
        return pass_on  # whatever is done here, it is the main thread that gets the signal
    return signal.signal(signal.SIGINT, handler)


def _raise_if_pending() -> None:
    if not _state.deaf and take_pending():
        raise KeyboardInterrupt


def _let_go() -> bool:
    """Put back what Ctrl-C did, and return whether it was pressed."""
    usual, pending = _state.usual, _state.pending
    _state.usual, _state.pending = None, False
    _handle(usual)
    return pending
