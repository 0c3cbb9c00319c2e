"""What the workers and the kernel fetched in a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Transfers:
    """Bytes that were fetched from the workers that lived through one run."""

    nbytes: int = 0
    """What the workers fetched from each other, in bytes."""

    gathered: int | None = None
    """Size of the results that the kernel fetched from them, in bytes; None if not known."""
