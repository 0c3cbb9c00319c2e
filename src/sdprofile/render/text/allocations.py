"""What a task had allocated at its peak, by line, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.render.text.calls import function_name
from sdprofile.units import format_bytes, format_seconds, plural

if TYPE_CHECKING:
    from sdprofile.model.allocations import Allocation, Allocations
    from sdprofile.model.calls import Frame
    from sdprofile.model.measured import Measured

_MOST_LINES = 6
"""Lines in a terminal."""


def allocations_title(profile: Measured) -> str:
    """Return what `allocation_rows` has, in words; empty for nothing."""
    found = profile.allocated
    if found is None:
        return ""
    size = format_bytes(found.nbytes, decimal=profile.decimal)
    return f"what a task of {found.prefix} had allocated at its peak ({size}), by line"


def allocations_key(found: Allocations) -> str:
    """Return how it was seen, and at what cost."""
    return (
        f"The highest peak of {plural(found.tasks, 'task')}, tracked by memray in a run of its own,"
        f" which took {format_seconds(found.seconds)} instead of"
        f" {format_seconds(found.usual_seconds)}. What ran beside the task counts with it; what was"
        " there before it does not."
    )


def allocation_rows(profile: Measured) -> list[list[str]]:
    """Return what a task had allocated as text.

    Returns
    -------
    list of list of str
        The headers, then a row per line, the most first: bytes, share, how many allocations, and
        the functions with the lines that they had come to, the outermost first. Empty for none.
    """
    found = profile.allocated
    if found is None:
        return []
    rows = (
        [
            format_bytes(each.nbytes, decimal=profile.decimal),
            f"{100 * each.nbytes / max(1, found.nbytes):.0f} %",
            str(each.times),
            stack_words(each),
        ]
        for each in found.largest
    )
    return [["bytes", "share", "number", "by"], *rows]


def allocation_lines(profile: Measured) -> list[str]:
    """Return the same as lines for a terminal, the first few."""
    return [f"{size} ({share}): {by}" for size, share, _, by in allocation_rows(profile)[1:]][
        :_MOST_LINES
    ]


def stack_words(allocation: Allocation) -> str:
    """Return the functions that were called, with their lines.

    Examples
    --------
    >>> from sdprofile.model.allocations import Allocation
    >>> from sdprofile.model.calls import Frame
    >>> own = Frame(name="widen", line=3)
    >>> of_numpy = Frame(name="ones", module="numpy._core.numeric", line=191)
    >>> stack_words(Allocation(nbytes=1, times=1, stack=(own, of_numpy)))
    'widen line 3 > ones (numpy) line 191'
    """
    return " > ".join(map(_frame, allocation.stack))


def _frame(frame: Frame) -> str:
    return f"{function_name(frame)} line {frame.line}"
