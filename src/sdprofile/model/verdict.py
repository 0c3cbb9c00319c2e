"""Whether one worker count is faster than another, as far as the repeats can tell."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdprofile.model.timing import Timing
from sdprofile.model.units import plural

ALPHA = 0.03
"""Highest p value at which the ranks count as told apart. 4 runs against 4 that lie apart reach
0.029, 3 against 3 never get below 0.10."""

MIN_EFFECT = 1.05
"""Ratio of the medians below which times are the same, whatever the ranks say. (asv uses 1.1.)"""

NOISY_EFFECT = 1.2
"""Ratio of the medians from which ranks that do not tell apart mean noise, not the same time."""

FASTER = "faster"
SLOWER = "slower"
SAME = "the same"
CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the repeats of one count say of its time, against those of another, the base."""

    word: str
    """``"faster"``, ``"slower"``, ``"the same"`` or ``"cannot tell"``."""

    ratio: float
    """Median of the base over that of the other: above 1 where the other is faster."""

    ratio_low: float
    """Shortest run of the base over the longest of the other."""

    ratio_high: float
    """Longest run of the base over the shortest of the other."""

    p: float | None
    """Exact two-sided p value of the ranks (Mann-Whitney); None where the repeats are too few for
    one of at most `ALPHA`, however far apart they lie."""

    runs: int
    """Number of repeats: the smaller of the two."""

    apart: bool
    """Whether the ranges of the two do not overlap."""

    @property
    def words(self) -> str:
        """The verdict for people to read, with the reason where there is none.

        For instance ``faster`` or ``cannot tell with 3 repeats``.
        """
        if self.word != CANNOT_TELL:
            return self.word
        if self.p is None:
            return f"{CANNOT_TELL} with {plural(self.runs, 'repeat')}"
        return f"{CANNOT_TELL}, too noisy"


def compare(base: Timing, other: Timing) -> Verdict:
    """Return whether the other is faster than the base.

    Parameters
    ----------
    base, other
        Times in seconds, all above 0.

    Returns
    -------
    Verdict
        "faster" or "slower" where the medians differ by at least 5 % and the ranks tell the two
        apart. "cannot tell" where there are too few repeats for that, or where the medians differ
        by 20 % and more and the ranks do not tell apart. Else "the same".

    Notes
    -----
    "the same" means that no difference could be shown: one of less than 5 % never is, one of less
    than 20 % may be there. The p value is that of the Mann-Whitney test
    (`scipy.stats.mannwhitneyu`), which assumes nothing of the times but that the runs do not depend
    on each other; a machine that slows down meanwhile makes them. "exact" leaves ties out of
    account; among times in nanoseconds there are none. A verdict on each of several counts is wrong
    more often than one alone.
    """
    low, high = sorted((base.median, other.median))
    effect = high / low
    p = _exact_p(base, other)
    if p is None:
        word = CANNOT_TELL
    elif effect < MIN_EFFECT:
        word = SAME
    elif p <= ALPHA:
        word = FASTER if other.median < base.median else SLOWER
    else:
        word = CANNOT_TELL if effect >= NOISY_EFFECT else SAME
    return Verdict(
        word=word,
        ratio=base.median / other.median,
        ratio_low=base.shortest / other.longest,
        ratio_high=base.longest / other.shortest,
        p=p,
        runs=min(len(base.seconds), len(other.seconds)),
        apart=base.longest < other.shortest or other.longest < base.shortest,
    )


def _exact_p(base: Timing, other: Timing) -> float | None:
    """Return the exact p value; None where none of at most `ALPHA` can come out.

    Of all the ways to share the ranks out, all equally likely, two keep the samples wholly apart.
    """
    ways = math.comb(len(base.seconds) + len(other.seconds), len(base.seconds))
    if 2 / ways > ALPHA:
        return None
    # Takes 2.5 s to import, also after spatialdata. With the default of 3 repeats it is not needed.
    from scipy.stats import mannwhitneyu  # type: ignore[import-untyped]  # scipy has no types

    test = mannwhitneyu(base.seconds, other.seconds, alternative="two-sided", method="exact")
    return float(test.pvalue)
