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


def serial_fraction(speedup: float, *, workers: int, base_workers: int) -> float:
    """Return the fraction of the work that more workers did not share, by Karp and Flatt.

    Parameters
    ----------
    speedup
        Measured against `base_workers`; above 0.
    workers, base_workers
        Worker counts, unlike each other.

    Returns
    -------
    float
        0.0 where the speedup is ideal, 1.0 where there is none; below 0 where it is better than
        ideal, above 1 where more workers are slower.

    Notes
    -----
    ``(1 / S - 1 / p) / (1 - 1 / p)``, where S is the speedup and p how many times as many workers
    there are as in the base (Karp and Flatt 1990, https://doi.org/10.1145/78607.78614). About the
    same at every count: a part of the work is serial. Growing with the count: each worker adds a
    cost of its own, such as transfers. Which part or cost it is, it does not tell.

    Examples
    --------
    >>> serial_fraction(1.6, workers=2, base_workers=1)
    0.25
    """
    times_base = workers / base_workers
    return (1 / speedup - 1 / times_base) / (1 - 1 / times_base)
