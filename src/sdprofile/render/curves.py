"""Which run and which memory curve of a worker count is shown, and curves made shorter."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from sdprofile.model.memory import Curve
    from sdprofile.model.run import CountSummary, Run

SHOWN = "memory of the fullest worker"
"""What `shown_curve` returns, in words."""

_APART = 0.1
"""Seconds by which the curves of workers that lived as long may end apart: each host is sampled
every 20 ms, but not at the same instant as another."""

Array = npt.NDArray[np.float64]


def is_sampled(run: Run) -> bool:
    """Whether there is a curve to show; quicker than `shown_curve`."""
    return bool(worker_curves(run))


def worker_curves(run: Run) -> list[Curve]:
    """Return one memory curve for each worker; none if they were not sampled one by one."""
    curves = [each for each in run.memory.curves if each.measure == "process" and each.seconds]
    if found := [each for each in curves if each.source == "sampler"]:
        return found
    return curves[:1] if run.workers <= 1 else []


def shown_curve(run: Run) -> tuple[Array, Array] | None:
    """Return the memory curve of a run that every view shows.

    Parameters
    ----------
    run
        Any run.

    Returns
    -------
    seconds, nbytes : numpy.ndarray of shape (n,), or None
        Times since the cell started, in seconds, and the resident memory of the worker that was
        the fullest at each of them, with that of its child processes, in bytes; at least one
        sample. None if the workers were not sampled one by one.

    Notes
    -----
    The curve is exact to 20 ms (see `Curve.thinned` for runs above 80 s); `Run.peak_worker` misses
    nothing. Where a worker was killed, the curve ends with it, at the highest of what the sampler
    and its nanny saw.

    Of one worker that the sampler did not see, dask's own curve is shown, which is up to 1 s old.
    Of several, dask's is their sum, which has another limit: it is not shown.
    """
    curves = worker_curves(run)
    if not curves:
        return None
    seconds, levels = _levels(run, curves)
    nbytes: Array = np.fmax.reduce(levels, axis=0)
    if run.failure is not None and run.failure.nbytes:
        seconds = np.append(seconds, _end(run, curves))
        nbytes = np.append(nbytes, max(run.failure.nbytes, nbytes[-1]))
    return seconds, nbytes


def emptiest_curve(run: Run) -> tuple[Array, Array] | None:
    """Return the memory of the worker that was the emptiest at each time, as `shown_curve` does.

    Returns
    -------
    seconds, nbytes : numpy.ndarray of shape (n,), or None
        Seconds and bytes. None if there are no two workers to compare.
    """
    curves = worker_curves(run)
    if len(curves) < 2:
        return None
    seconds, levels = _levels(run, curves)
    return seconds, np.fmin.reduce(levels, axis=0)


def shown_limit(count: CountSummary) -> int | None:
    """Return the limit on what `shown_curve` returns, in bytes; None for no limit."""
    return count.memory_limit


def median_run(count: CountSummary, *, known: Callable[[Run], bool] = is_sampled) -> Run | None:
    """Return the run that stands for a worker count where one is shown for all.

    Parameters
    ----------
    count
        All runs of one worker count.
    known
        Whether a run has what is to be shown.

    Returns
    -------
    Run or None
        Of those that have it, the run that ended well with the time nearest to the median, else
        the last; None if none has.
    """
    runs = [run for run in count.runs if known(run)]
    timing = count.timing
    finished = [run for run in runs if run.status == "ok"]
    if timing is not None and finished:
        return min(finished, key=lambda run: abs(run.seconds - timing.median))
    return runs[-1] if runs else None


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


def _levels(run: Run, curves: list[Curve]) -> tuple[Array, Array]:
    """Return all curves of a run at the same times, up to a kill.

    Returns
    -------
    seconds, levels : numpy.ndarray of shape (n,) and (curves, n)
        Seconds and bytes; NaN before a worker came and after it left. At each time one is there.
    """
    times = [np.asarray(curve.seconds, float) for curve in curves]
    seconds = np.unique(np.concatenate(times))
    seconds = seconds[seconds <= _end(run, curves)]
    levels = np.full((len(curves), len(seconds)), np.nan)
    for row, curve, own in zip(levels, curves, times, strict=True):
        there = (seconds >= own[0] - _APART) & (seconds <= own[-1] + _APART)
        row[there] = np.interp(seconds[there], own, np.asarray(curve.nbytes, float))
    return seconds, levels


def _end(run: Run, curves: list[Curve]) -> float:
    """Return when the run's curve ends: with the curve of a worker that was killed."""
    if run.failure is not None and run.failure.nbytes:
        for curve in curves:
            if curve.worker and curve.worker == run.failure.worker:
                return curve.seconds[-1]
    return max(run.seconds, *(curve.seconds[-1] for curve in curves))
