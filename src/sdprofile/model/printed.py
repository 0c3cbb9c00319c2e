"""What a worker has printed in a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Printed:
    """What went to one of the streams of a worker's process during a run."""

    worker: str
    """Name of the worker."""

    stream: Literal["stdout", "stderr"]
    """Which of the two."""

    text: str
    """What was printed, or the first of it."""

    cut: int = 0
    """Number of bytes that are left out at the end."""
