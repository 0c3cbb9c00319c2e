"""What a task had allocated at its peak, by the line that allocated it."""

from __future__ import annotations

from dataclasses import dataclass

from sdprofile.model.calls import Frame


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """Memory that one line had allocated when a task had allocated most."""

    nbytes: int
    """Bytes, of all of them."""

    times: int
    """How many there were."""

    stack: tuple[Frame, ...]
    """The functions that were called, each within the one before, with the line that each had come
    to; the last allocated. Some in the middle may be left out."""


@dataclass(frozen=True, kw_only=True)
class Allocations:
    """What was allocated at the peak of one task: that of a prefix which allocated most."""

    prefix: str
    """Prefix of its key."""

    workers: int
    """Worker count of the run in which it was looked at."""

    seconds: float
    """Wall time of that run, which tracking slows down."""

    usual_seconds: float
    """Median of the runs like it without tracking."""

    tasks: int
    """How many tasks of the prefix were looked at, one at a time in each worker."""

    nbytes: int
    """Bytes that the worker's process had allocated at the peak, since the task began."""

    largest: tuple[Allocation, ...] = ()
    """The lines that had allocated most of it, the first most."""
