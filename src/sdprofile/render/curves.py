"""Which run and which memory curve of a worker count is shown, and curves made shorter."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from sdprofile.model.run import CountSummary, Run

SHOWN = "memory of all workers"
"""What `shown_curve` returns, in words."""

Array = npt.NDArray[np.float64]


def shown_curve(run: Run) -> tuple[Array, Array] | None:
    """Return the memory curve of a run that every view shows.

    Parameters
    ----------
    run
        Any run.

    Returns
    -------
    seconds, nbytes : numpy.ndarray of shape (n,), or None
        Times since the cell started, in seconds, and the resident memory of all workers together,
        in bytes; at least one sample. None if the run was not sampled.

    Notes
    -----
    The curve is dask's own `distributed.diagnostics.MemorySampler`, whose numbers are up to 1 s
    old: a short peak is missing or too low in it. `Run.peak_worker` is the exact one. Where a
    worker was killed the curve ends at what its nanny saw, if dask had not sampled as much.
    """
    for curve in run.curves:
        if curve.source == "dask" and not curve.worker and curve.seconds:
            seconds = np.asarray(curve.seconds, float)
            nbytes = np.asarray(curve.nbytes, float)
            if run.failure is not None and run.failure.nbytes:
                seconds = np.append(seconds, max(run.seconds, seconds[-1]))
                nbytes = np.append(nbytes, max(run.failure.nbytes, nbytes[-1]))
            return seconds, nbytes
    return None


def shown_limit(count: CountSummary) -> int | None:
    """Return the limit on what `shown_curve` returns, in bytes; None for no limit."""
    return count.workers * count.memory_limit if count.memory_limit else None


def last_run(count: CountSummary) -> Run:
    """Return the last run that ended well, else the last run: the one that a strip shows."""
    return next((run for run in reversed(count.runs) if run.status == "ok"), count.runs[-1])


def median_run(count: CountSummary) -> Run | None:
    """Return the sampled run that stands for a worker count in a plot of all its runs.

    Parameters
    ----------
    count
        All runs of one worker count.

    Returns
    -------
    Run or None
        The run that ended well with the time nearest to the median, else the last run; None if
        none was sampled.
    """
    sampled = [run for run in count.runs if shown_curve(run) is not None]
    timing = count.timing
    finished = [run for run in sampled if run.status == "ok"]
    if timing is not None and finished:
        return min(finished, key=lambda run: abs(run.seconds - timing.median))
    return sampled[-1] if sampled else None


def column_maxima(seconds: Array, nbytes: Array, edges: Array) -> Array:
    """Return the highest value of a curve in each of adjoining stretches of time.

    Parameters
    ----------
    seconds, nbytes
        The curve, in seconds (ascending) and bytes; shape (n,), at least one sample. Between
        samples it is a straight line; before the first and after the last it is level.
    edges
        Bounds of the stretches, in seconds, ascending; shape (columns + 1,).

    Returns
    -------
    numpy.ndarray of shape (columns,)
        Bytes.
    """
    at_edges = np.interp(edges, seconds, nbytes)
    maxima = np.maximum(at_edges[:-1], at_edges[1:])
    inside = (seconds >= edges[0]) & (seconds <= edges[-1])
    column = np.searchsorted(edges, seconds[inside], side="right") - 1
    np.maximum.at(maxima, np.clip(column, 0, len(maxima) - 1), nbytes[inside])
    return maxima


def thinned(seconds: Array, nbytes: Array, *, most: int) -> tuple[Array, Array]:
    """Return a curve with fewer samples and the same maxima.

    Parameters
    ----------
    seconds, nbytes
        The curve, in seconds and bytes; shape (n,).
    most
        Largest number of samples to keep, from 3 up.

    Returns
    -------
    seconds, nbytes : numpy.ndarray of shape (at most `most`,)
        The first and the last sample, and from each stretch between them the highest.
    """
    size = len(seconds)
    if size <= most:
        return seconds, nbytes
    bounds = np.linspace(1, size - 1, most - 1).astype(int)
    highest = [low + int(np.argmax(nbytes[low:high])) for low, high in pairwise(bounds)]
    keep = [0, *highest, size - 1]
    return seconds[keep], nbytes[keep]
