"""Whether one worker count is faster than another, as far as the repeats can tell."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import accumulate

from sdprofile.model.run import CountSummary
from sdprofile.model.timing import Timing
from sdprofile.units import plural

ALPHA = 0.03
"""Highest chance that an interval misses the true ratio. 4 runs against 4 reach 0.029, 3 against 3
never get below 0.10."""

MARGIN = 1.05
"""Ratio of times below which a difference does not matter. (asv uses 1.1.)"""

FASTER = "faster"
SLOWER = "slower"
SAME = "the same"
NOT_FASTER = "not measurably faster"
NOT_SLOWER = "not measurably slower"
CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the repeats of one count say of its time, against those of another, the base."""

    ratio: float
    """Median of the base over that of the other: above 1 where the other is faster."""

    ratio_low: float
    """Shortest run of the base over the longest of the other."""

    ratio_high: float
    """Longest run of the base over the shortest of the other."""

    interval: tuple[float, float] | None
    """Confidence interval of the ratio; None where the repeats are too few for one, however far
    apart they lie."""

    runs: int
    """Number of repeats: the smaller of the two."""

    apart: bool
    """Whether the ranges of the two do not overlap."""

    @property
    def word(self) -> str:
        """What the interval shows.

        ``"faster"`` or ``"slower"``: it leaves 1 out, and the medians differ by at least 5 %.
        ``"the same"``: all of it is within 5 %. Else ``"not measurably faster"`` or ``"not
        measurably slower"``, by the medians; ``"cannot tell"`` without an interval.
        """
        if self.interval is None:
            return CANNOT_TELL
        low, high = self.interval
        if low > 1 and self.ratio >= MARGIN:
            return FASTER
        if high < 1 and self.ratio <= 1 / MARGIN:
            return SLOWER
        if low >= 1 / MARGIN and high <= MARGIN:
            return SAME
        return NOT_FASTER if self.ratio >= 1 else NOT_SLOWER

    @property
    def within(self) -> tuple[float, float]:
        """Range of the ratio: the interval, without one by the runs that lie farthest apart."""
        return self.interval or (self.ratio_low, self.ratio_high)

    @property
    def is_open(self) -> bool:
        """Whether more repeats could change it."""
        return self.word not in (FASTER, SLOWER, SAME)

    @property
    def words(self) -> str:
        """The verdict for people to read: the word, or ``cannot tell with 3 repeats``."""
        if self.word == CANNOT_TELL:
            return f"{CANNOT_TELL} with {plural(self.runs, 'repeat')}"
        return self.word


def compare(base: Timing, other: Timing) -> Verdict:
    """Return whether the other is faster than the base.

    Parameters
    ----------
    base, other
        Times in seconds, all above 0.

    Notes
    -----
    A difference that was not shown is not the same as none: "the same" is claimed only where the
    interval leaves no room for 5 %, as tests of equivalence do (Schuirmann 1987,
    https://doi.org/10.1007/BF01068419). A verdict on each of several counts is wrong more often
    than one alone.
    """
    return Verdict(
        ratio=base.median / other.median,
        ratio_low=base.shortest / other.longest,
        ratio_high=base.longest / other.shortest,
        interval=_interval(base, other),
        runs=min(len(base.seconds), len(other.seconds)),
        apart=base.longest < other.shortest or other.longest < base.shortest,
    )


def verdict_of(count: CountSummary) -> Verdict | None:
    """Return whether a count is faster than the base; None for that itself."""
    if count.timing is None or count.base is None or count.setting == count.base_setting:
        return None
    if not count.timing.shortest or not count.base.shortest:
        return None
    return compare(count.base, count.timing)


def _interval(base: Timing, other: Timing) -> tuple[float, float] | None:
    """Return an interval of the ratio that misses it with a chance of at most `ALPHA`.

    Notes
    -----
    The ratios that an exact two-sided Mann-Whitney test does not reject: all ratios of a run to one
    of the other, without as many at each end as the test allows (Moses' interval; Hollander, Wolfe
    and Chicken 2014, Nonparametric Statistical Methods, section 4.3; ``wilcox.test`` of R). It
    assumes nothing of the times but that the runs do not depend on each other, and that the two
    differ by a factor; a machine that slows down meanwhile makes them depend.
    """
    ways = _ways(len(base.seconds), len(other.seconds))
    at_most = ALPHA / 2 * sum(ways)
    left_out = sum(total <= at_most for total in accumulate(ways))
    if not left_out:
        return None
    ratios = sorted(one / two for one in base.seconds for two in other.seconds)
    return ratios[left_out - 1], ratios[-left_out]


@functools.cache
def _ways(size: int, other: int) -> tuple[int, ...]:
    """Return in how many orders of two samples 0, 1, 2 ... of all pairs have the first one's ahead.

    Notes
    -----
    The coefficients of a product of polynomials, (1 - q^(other + i)) / (1 - q^i) for i from 1 to
    `size` (Mann and Whitney 1947, https://doi.org/10.1214/aoms/1177730491).
    """
    ways = [1] + [0] * size * other
    for i in range(1, size + 1):
        for pairs in range(size * other, other + i - 1, -1):
            ways[pairs] -= ways[pairs - other - i]
        for pairs in range(i, size * other + 1):
            ways[pairs] += ways[pairs - i]
    return tuple(ways)
