"""What the repeats of one worker count say about its time."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

UNSTABLE_SPREAD = 0.1
"""Standard deviation over mean from which a time counts as unstable (pyperf's limit)."""

COLD_START = 1.2
"""First run in new workers over the later ones from which it counts as a cold start."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The wall times of one worker count, in the order in which they were measured."""

    seconds: tuple[float, ...]
    """Seconds of each run that ended well; at least one."""

    @property
    def median(self) -> float:
        """Median in seconds: the headline, for one slow run does not move it."""
        return statistics.median(self.seconds)

    @property
    def mean(self) -> float:
        """Arithmetic mean in seconds."""
        return statistics.fmean(self.seconds)

    @property
    def std(self) -> float:
        """Sample standard deviation in seconds (n - 1 in the denominator); 0 for a single run.

        ``%%timeit`` prints the population's (n), which is smaller: by 18 % for three runs.
        """
        return statistics.stdev(self.seconds) if len(self.seconds) > 1 else 0.0

    @property
    def shortest(self) -> float:
        """Shortest run in seconds."""
        return min(self.seconds)

    @property
    def longest(self) -> float:
        """Longest run in seconds."""
        return max(self.seconds)

    @property
    def unstable(self) -> bool:
        """Whether the standard deviation is at least 10 % of the mean."""
        return self.std >= UNSTABLE_SPREAD * self.mean > 0
