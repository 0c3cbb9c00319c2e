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
    """Of the main thread: signals reach no other."""

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
    if _state.usual is not None or not _can_hold():
        yield
        return
    _state.usual = signal.signal(signal.SIGINT, _note)
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
    if _state.usual is None or _state.deaf or not _can_hold():
        yield
        return
    signal.signal(signal.SIGINT, _state.usual)
    try:
        if _state.pending:
            _state.pending = False
            raise KeyboardInterrupt
        yield
    finally:
        # What the cell may have set itself stays.
        _state.usual = signal.signal(signal.SIGINT, _note)


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Forget interrupts in this context: what is being put in order must be through with it."""
    if _state.deaf or not _can_hold():
        yield
        return
    with held_back():
        pending, _state.deaf = _state.pending, True
        try:
            yield
        finally:
            _state.deaf, _state.pending = False, pending


def _note(number: int, frame: FrameType | None) -> None:
    _state.pending = True


def _can_hold() -> bool:
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getsignal(signal.SIGINT) is not None


def _let_go() -> bool:
    """Put back what Ctrl-C did, and return whether it was pressed."""
    usual, pending = _state.usual, _state.pending
    _state.usual, _state.pending = None, False
    signal.signal(signal.SIGINT, usual)
    return pending
