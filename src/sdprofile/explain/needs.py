"""How much memory a worker needs that was killed, and what a peak is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.units import format_bytes, listed

if TYPE_CHECKING:
    from sdprofile.model.failure import FailedRun
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run

_COPIES = 2
"""How often a worker has the whole result while it puts it together: in chunks, and as one."""

_MOST_KNOWN = 0.5
"""Fraction of the chunks whose size must be known, for the others to be taken as alike."""

_WORTH = 0.1
"""Fraction of a peak from which a part of it is named."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a worker needs."""

    low: int
    """At least, in bytes."""

    high: int
    """At most, in bytes."""

    parts: str = ""
    """What it is made of; empty where that is not known."""

    def words(self, *, decimal: bool) -> str:
        """Return it as a clause: ``it needs about 1.0 GB: 0.2 GB at rest and ...``."""
        low, high = (format_bytes(each, decimal=decimal) for each in (self.low, self.high))
        amount = f"about {high}" if low == high else f"{low} to {high}"
        return f"it needs {amount}{f': {self.parts}' if self.parts else ''}"


def need_of(failure: FailedRun, profile: Measured) -> Need | None:
    """Return what a worker needs of those of which one was killed.

    Parameters
    ----------
    failure
        A run that a kill ended.
    profile
        What was measured, with that run.

    Returns
    -------
    Need or None
        Where the worker died while it put the whole result together, twice its size beside what
        the worker has at rest (https://github.com/dask/dask/issues/11402). Else from what it had
        when it was killed to what all workers of the smallest other count that finished had
        together, shared out. None where neither is known.
    """
    run = _run_of(failure, profile)
    if run is None or failure.nbytes is None:
        return None
    rest = run.memory.baseline or 0
    if failure.in_finalize:
        result = _result_bytes(run)
        if not result:
            return None
        need = rest + _COPIES * result
        size, at_rest = (format_bytes(each, decimal=profile.decimal) for each in (result, rest))
        return Need(
            low=need, high=need, parts=f"{at_rest} at rest and {_COPIES} x {size} of result"
        )
    whole = min(filter(None, (_shared_out(other, run) for other in profile.runs)), default=0)
    if whole <= failure.nbytes:
        return None
    return Need(low=failure.nbytes, high=whole)


def peak_parts(run: Run, *, decimal: bool) -> str:
    """Return what the peak of the fullest worker is made of, in words; empty if not known.

    Parameters
    ----------
    run
        That ended well.
    decimal
        Whether sizes are written in powers of 1000.
    """
    fullest = max(run.memory.worker_peaks, key=lambda each: each.peak, default=None)
    top = max(run.memory.prefixes, key=lambda each: (each.peak, each.rise_high), default=None)
    if fullest is None or top is None or not fullest.exact or top.peak < 0.9 * fullest.peak:
        return ""
    rise = min(top.rise_high, fullest.peak - fullest.baseline)
    kept = fullest.peak - fullest.baseline - rise
    which = "tasks" if run.threads > 1 and top.tasks > 1 else "a task"
    what = "putting the result together" if top.in_finalize else f"{which} of {top.prefix}"
    parts = [
        f"{format_bytes(nbytes, decimal=decimal)} {words}"
        for nbytes, words in (
            (fullest.baseline, "at rest"),
            (kept, "kept from tasks before"),
            (rise, f"for {what}"),
        )
        if nbytes >= _WORTH * fullest.peak
    ]
    return listed(parts) if len(parts) > 1 else ""


def _run_of(failure: FailedRun, profile: Measured) -> Run | None:
    same = (
        run
        for run in profile.runs
        if run.failure is not None
        and (run.workers, run.repeat, run.memory_limit)
        == (failure.workers, failure.repeat, failure.memory_limit)
    )
    return next(same, None)


def _result_bytes(run: Run) -> int:
    """Return the size of the chunks that were to be put together; 0 where it is not known."""
    trace = run.trace
    if trace is None:
        return 0
    finalize = (
        task
        for task in range(len(trace))
        if trace.groups[trace.group[task]].prefix.startswith("finalize")
    )
    chunks = max((trace.inputs_of[task] for task in finalize), key=len, default=())
    known = [trace.nbytes[chunk] for chunk in chunks if trace.nbytes[chunk] > 0]
    if len(known) <= _MOST_KNOWN * len(chunks):
        return 0
    return sum(known) * len(chunks) // len(known)


def _shared_out(other: Run, run: Run) -> int:
    """Return what each worker of a run would have if they shared what those of another had."""
    peak = other.memory.cluster_peak
    if other.status != "ok" or peak is None or other.threads != run.threads:
        return 0
    if other.workers < run.workers or not run.workers:
        return 0
    rest = other.memory.baseline or 0
    return rest + (peak.high - other.workers * rest) // run.workers
