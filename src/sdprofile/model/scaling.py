"""What more workers gained."""

from __future__ import annotations


def speedup(seconds: float, *, base_seconds: float) -> float:
    """Return how many times faster a worker count is than the base count.

    Parameters
    ----------
    seconds, base_seconds
        Median times in seconds, of the count and of the smallest count that finished.

    Returns
    -------
    float
        Above 1 where the count is faster.

    Examples
    --------
    >>> speedup(5.0, base_seconds=10.0)
    2.0
    """
    return base_seconds / seconds


def efficiency(speedup: float, *, workers: int, base_workers: int) -> float:
    """Return the speedup as a fraction of the ideal one.

    Parameters
    ----------
    speedup
        Measured against `base_workers`.
    workers, base_workers
        Worker counts.

    Returns
    -------
    float
        1.0 where twice the workers take half the time.

    Examples
    --------
    >>> efficiency(3.0, workers=4, base_workers=1)
    0.75
    """
    return speedup * base_workers / workers
