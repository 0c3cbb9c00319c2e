"""What took the memory of a worker that was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.needs import need_of
from sdprofile.model.tasks import task_prefix
from sdprofile.units import format_bytes, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.failure import FailedRun, Failure
    from sdprofile.model.measured import Measured


def killed_words(profile: Measured) -> str:
    """Return for the smallest count that was killed, and those like it, what took the memory."""
    killed = sorted(
        (failure for failure in profile.failures if failure.status == "killed"),
        key=lambda failure: failure.workers,
    )
    reasons = [(failure, _reason(failure)) for failure in killed]
    reason = next((reason for _, reason in reasons if reason), "")
    if not reason:
        return ""
    same = [failure for failure, other in reasons if other == reason]
    counts = list(dict.fromkeys(failure.workers for failure in same))
    noun = "worker" if counts == [1] else "workers"
    text = f"with {listed([str(count) for count in counts])} {noun} {reason}"
    if not same[0].in_finalize:
        text += _measured_elsewhere(same[0], profile)
    need = need_of(same[0], profile)
    return f"{text}; {need.words(decimal=profile.decimal)}" if need else text


def _reason(failure: Failure) -> str:
    if failure.nbytes is None or not failure.tasks:  # it may not have been memory at all
        return ""
    if failure.in_finalize:
        return "the memory went into the whole result, which dask puts together on one worker"
    prefixes = _prefixes(failure)
    were = "was" if len(prefixes) == 1 else "were"
    return f"{listed(prefixes)} {were} running when the memory ran out"


def _prefixes(failure: Failure) -> list[str]:
    return list(dict.fromkeys(task_prefix(task) for task in failure.tasks))


def _measured_elsewhere(failure: FailedRun, profile: Measured) -> str:
    """Return what tasks of the same kind took in another run, the most if there are several."""
    prefixes = _prefixes(failure)
    seen = [
        (memory, run)
        for run in profile.runs
        if (run.workers, run.repeat) != (failure.workers, failure.repeat)
        for memory in run.memory.prefixes
        if memory.prefix in prefixes and memory.rise_high > 0
    ]
    if not seen:
        return ""
    # With fewer threads less of the rise is that of other tasks.
    memory, run = max(seen, key=lambda pair: (-pair[1].threads, pair[0].rise_high))
    low, high = (
        format_bytes(rise, decimal=profile.decimal) for rise in (memory.rise_low, memory.rise_high)
    )
    # With several threads in a worker, what its fullest task took is a range.
    rise = f"{low} to {high}" if 0 < memory.rise_low < memory.rise_high else f"up to {high}"
    return f"; with {plural(run.workers, 'worker')} a task of {memory.prefix} took {rise}"
