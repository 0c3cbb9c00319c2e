"""A cause that was found."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdprofile.explain.answer import Line
from sdprofile.model.notice import Notice
from sdprofile.units import capitalized, format_ratio

LEAST_GAIN = 1.05
"""Ratio of the times before and after a change, below which it is not worth a word."""

_MOST = 0.95
"""Fraction of the time up to which it is known how much of it a change saves: of what is left after
more, everything that is not measured takes a part."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What holds a cell back."""

    name: str
    """What it is, in a few words: ``"small tasks"``."""

    workers: int
    """Worker count at which it was seen."""

    share: float
    """Fraction of the wall time there that it takes."""

    fact: str
    """What was seen, as a clause: with the step, the prefix or the line, and numbers."""

    change: str
    """What to change, as a clause in the imperative."""

    gain: tuple[float, float] | None = None
    """From how many to how many times as fast the cell would be with that, infinity where there is
    no telling how many at most; None if not known."""

    @property
    def line(self) -> Line:
        """The same as a line of the answer."""
        return Line(fact=capitalized(self.fact), change=self.change, gain=self.gained)

    @property
    def notice(self) -> Notice:
        """The same as a fact with advice."""
        gain = f" ({self.gained})" if self.gained else ""
        return Notice(fact=capitalized(self.fact), advice=capitalized(f"{self.change}{gain}"))

    @property
    def gained(self) -> str:
        """The gain in words, ``about 1.9 to 2.3x faster``; empty where it is not known."""
        if self.gain is None:
            return ""
        low = format_ratio(self.gain[0])
        if math.isinf(self.gain[1]):
            return f"at least {low}x faster"
        high = format_ratio(self.gain[1])
        return f"about {low}x faster" if low == high else f"about {low} to {high}x faster"


def range_of(low: float, high: float) -> tuple[float, float]:
    """Return how many times as fast it is without a fraction of the time, from least to most.

    Parameters
    ----------
    low, high
        Fractions of the wall time that a change saves, below 1.
    """
    return 1 / (1 - min(low, _MOST)), 1 / (1 - high) if high < _MOST else math.inf
