"""How far the workers are with a run that goes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AtWork:
    """What the workers have done since a moment, and the memory of the fullest."""

    done: int
    """Tasks that are done."""

    known: int
    """Tasks that have been sent."""

    nbytes: int
    """Memory of the fullest worker, in bytes, up to 1 s old."""

    limit: int
    """Its limit, in bytes; 0 for none."""

    decimal: bool
    """Whether amounts are written in powers of 1000."""
