"""The one error that sdprofile shows to a user as a line instead of a traceback."""

from __future__ import annotations

import reprlib

LONGEST = 300
"""Characters of an error's message that are kept."""


_REPR = reprlib.Repr()  # which takes its limits as arguments from Python 3.12 on
_REPR.maxstring = _REPR.maxother = LONGEST // 2


class SdprofileError(Exception):
    """A mistake or a limit that the user can do something about.

    The message says where it happened, what was expected, what came, and what to do, in one line.
    IPython shows only that line; "Run all" still stops at the cell.

    Notes
    -----
    IPython asks an exception for ``_render_traceback_`` before it formats a traceback. A subclass
    of IPython's own ``UsageError`` would print a full traceback instead (IPython 8.12 and 9.18).
    """

    def _render_traceback_(self) -> list[str]:
        return [f"sdprofile: {self}"]


class NotReachedError(SdprofileError):
    """A cluster did not come to the number of workers that was asked for."""

    def __init__(self, message: str, advice: str) -> None:
        """Say what is the matter.

        Parameters
        ----------
        message
            What was expected and what came.
        advice
            What to do about it.
        """
        super().__init__(f"{message} ({advice[0].lower()}{advice[1:]})")
        self.message = message
        self.advice = advice


class LostError(SdprofileError):
    """The scheduler of a cluster does not answer: nothing there can be undone."""


def shown(value: object) -> str:
    """Return a value as an error shows it: in one line, its middle left out if it is long."""
    try:
        text = _REPR.repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        text = f"an {type(value).__name__} that cannot be shown"
    return " ".join(text.split())


class Stopped(KeyboardInterrupt):
    """The user interrupted a profile: one line instead of a traceback, and "Run all" stops."""

    def _render_traceback_(self) -> list[str]:
        return [f"sdprofile: {self}"]


def one_line(error: BaseException) -> str:
    """Return the type and the first line of the message of any error, at most `LONGEST` long."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - an error of the user's may be able to do anything
        message = "(its message cannot be shown)"
    text = f"{type(error).__name__}: {message[:LONGEST]}".partition("\n")[0]
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def closest(word: str, known: list[str]) -> str:
    """Return the known word that another may be a slip of the pen for; empty for none."""
    import difflib  # takes a millisecond, and few make mistakes

    return next(iter(difflib.get_close_matches(word, known, n=1)), "")
