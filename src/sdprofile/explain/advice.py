"""What to do next: the count to use, the memory to give it, and what took it where it ran out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from sdprofile.explain.killed import killed_words
from sdprofile.explain.needs import need_of, peak_parts
from sdprofile.explain.recommend import (
    Candidate,
    Evidence,
    Recommendation,
    evidence,
    make_candidates,
)
from sdprofile.explain.verdict import CANNOT_TELL, NOT_FASTER
from sdprofile.units import capitalized, each_of, format_bytes, format_limit, listed, plural

if TYPE_CHECKING:
    from sdprofile.explain.causes.found import Found
    from sdprofile.explain.kernel_work import KernelWork
    from sdprofile.model.measured import Measured

POOR_STEP = 0.7
"""Efficiency of the step from the next smaller count below which that count is named, too."""


def make_advice(
    profile: Measured, found: Recommendation | None, *, causes: Sequence[Found] = ()
) -> str:
    """Return what to do next, in at most four sentences.

    Parameters
    ----------
    profile
        What was measured.
    found
        The count to use; None where nothing was measured that could tell.
    causes
        What holds the cell back, the largest first.

    Returns
    -------
    str
        The count to use and why, the largest cause that holds the cell back with its change, the
        smallest limits that would have held it, and for a count that was killed what took the
        memory. Empty where nothing was measured that could tell.

    Notes
    -----
    The count is the smallest that no larger one beats, see `sdprofile.explain.recommend`; where the
    kernel does the work, the smallest of all, unless a larger one is proven to be faster. What
    memory is compared is the sum of the workers' own peaks, for so much must be provided. The
    limits are those at which the same peak stays below the fractions from which the workers spill
    and are killed (`Thresholds`). Whether the peak would be the same there was not measured: dask
    spills what it can, and pauses the worker.
    """
    killed = killed_words(profile)
    if not make_candidates(profile.counts):
        return _nothing_finished(profile, killed)
    sentences = []
    if found is not None:
        sentences += [
            _kernel(found.kernel, found.chosen)
            if found.kernel
            else _count(found.chosen, found.candidates, profile)
        ]
        sentences += [_cause(cause, found) for cause in causes[:1]]
        sentences += [memory_advice(found.chosen, profile)]
    sentences += [capitalized(killed)] if killed else []
    return " ".join(f"{sentence}." for sentence in sentences if sentence)


def _cause(cause: Found, found: Recommendation) -> str:
    """Return a cause, with the count where it was seen if that is not the one to use."""
    if cause.workers == found.chosen.workers:
        return cause.sentence
    return f"With {plural(cause.workers, 'worker')} {cause.clause}"


def _kernel(work: KernelWork, chosen: Candidate) -> str:
    """Return that the kernel does the work, and in which step."""
    what = work.where or "most of the work is done"
    name = plural(chosen.workers, "worker")
    return f"Use {name}: {what} in the kernel, where more workers cannot help"


def _count(chosen: Candidate, candidates: Sequence[Candidate], profile: Measured) -> str:
    """Return what the count gains on the smallest, and that larger ones gain no more."""
    first = candidates[0]
    if len(candidates) == 1:
        return ""
    name = plural(chosen.workers, "worker")
    larger = "; ".join(_larger(chosen, candidates))
    if larger and (cpus := _shared_cpus(candidates[-1], profile)):
        larger += f" (this machine has {plural(cpus, 'core')})"
    if chosen is first:
        # Enough is only what others were shown not to beat, not where nothing could be shown.
        if all(shows_no_gain(each, chosen) for each in candidates[1:]):
            return f"{name} {'is' if chosen.workers == 1 else 'are'} enough: {larger}"
        return f"Use {name}: {larger}"
    text = f"{name}: {speed_of(chosen, first)} the speed of {first.workers}"
    if times := _times_memory([chosen], first):
        text += f" for {times} the memory"
    text += doubt(chosen, first)
    below = candidates[candidates.index(chosen) - 1]
    if below is not first and _step(below, chosen) < POOR_STEP:
        times = _times_memory([below], first)
        text += f"; {below.workers} give {speed_of(below, first)}" + (
            f" for {times}" if times else ""
        )
    if larger:
        return f"{text}; {larger}"
    untried = chosen.count is profile.counts[-1] and _has_room(chosen, profile)
    return f"{text}; more were not tried" if untried else text


def _shared_cpus(largest: Candidate, profile: Measured) -> int:
    """Return how many CPUs the threads of a count shared; 0 where each had its own."""
    run = largest.count.runs[0]
    return profile.machine.cpus if run.workers * run.threads > profile.machine.cpus else 0


def _larger(chosen: Candidate, candidates: Sequence[Candidate]) -> list[str]:
    """Return what the larger counts do; neighbours of which the same can be said, together."""
    larger = [candidate for candidate in candidates if candidate.workers > chosen.workers]
    parts = []
    for what, group in groupby(larger, lambda candidate: _gains(candidate, chosen)):
        same = list(group)
        times = _times_memory(same, chosen)
        price = f", and need {times} the memory" if times else ""
        parts.append(f"{listed([str(each.workers) for each in same])} {what}{price}")
    return parts


def _gains(larger: Candidate, chosen: Candidate) -> str:
    verdict = larger.against(chosen)
    found = evidence(verdict)
    if found is Evidence.SLOWER:
        return "are slower"
    if found is Evidence.LIKELY_SLOWER:
        return "were slower"
    if found is Evidence.SAME:
        return "take the same time"
    few = f" with {plural(verdict.runs, 'repeat')}" if verdict.word == CANNOT_TELL else ""
    return f"were {NOT_FASTER}{few}"


def shows_no_gain(candidate: Candidate, base: Candidate) -> bool:
    """Whether the times prove that a candidate is not faster than another, by 5 % or more."""
    return evidence(candidate.against(base)) in (Evidence.SAME, Evidence.SLOWER)


def doubt(chosen: Candidate, first: Candidate) -> str:
    """Return in brackets how far the repeats prove that one is faster; empty where they do."""
    verdict = chosen.against(first)
    found = evidence(verdict)
    if found is Evidence.FASTER:
        return ""
    if found is not Evidence.LIKELY_FASTER:
        return " (which may be chance)"
    if verdict.runs == 1:
        return " (1 repeat cannot prove it: use -r 5)"
    return f" (no overlap, but {verdict.runs} repeats cannot prove it: use -r 5)"


def speed_of(candidate: Candidate, base: Candidate) -> str:
    """Return how many times as fast as another one is, ``2.3x``."""
    return _times(candidate.against(base).ratio)


def _times_memory(candidates: Sequence[Candidate], base: Candidate) -> str:
    """Return how many times the memory of the base each takes; empty where one is not known."""
    amounts = [candidate.memory for candidate in candidates]
    if not base.memory or None in amounts:
        return ""
    return listed([_times(amount / base.memory) for amount in amounts if amount is not None])


def _times(ratio: float) -> str:
    return f"{ratio:.1f}x" if ratio < 9.95 else f"{ratio:.0f}x"


def _step(below: Candidate, chosen: Candidate) -> float:
    """Return the efficiency of the step from one count to the next."""
    return chosen.against(below).ratio * below.workers / chosen.workers


def _has_room(chosen: Candidate, profile: Measured) -> bool:
    """Whether the machine has the cores and the memory for one worker more."""
    run = chosen.count.runs[0]
    more = chosen.workers + 1
    machine = profile.machine
    return more * run.threads <= machine.cpus and more * (run.memory_limit or 0) <= machine.memory


def memory_advice(chosen: Candidate, profile: Measured) -> str:
    """Return which limits would have held the count."""
    peak, limit = chosen.count.peak_worker, chosen.count.memory_limit
    if peak is None:
        return ""
    runs = chosen.count.runs
    who = each_of(chosen.workers, "worker")
    exact = all(each.exact for run in runs for each in run.memory.worker_peaks)
    took = f"{capitalized(who)} {'took' if exact else 'was seen at'} up to"
    took += f" {format_bytes(peak, decimal=profile.decimal)}"
    if any(run.work.spilled for run in runs):
        above = f" above {format_bytes(limit, decimal=profile.decimal)}" if limit else ""
        return f"{took}, held down by spilling: raise --memory{above} to see how much it needs"
    thresholds = profile.thresholds
    holds = math.ceil(peak / thresholds.usable)
    roomy = math.ceil(peak / thresholds.spills) if thresholds.spills else holds
    if limit is not None:
        # It did not spill with this much, so it needs no more for that.
        roomy = max(holds, min(roomy, limit))
    small, large = (format_limit(each, decimal=profile.decimal) for each in (holds, roomy))
    fullest = max(runs, key=lambda run: run.memory.peak_worker or 0)
    parts = peak_parts(fullest, decimal=profile.decimal)
    took += f" ({parts})" if parts else ""
    text = f"{took}: --memory {small} would just have held it"
    return text if small == large else f"{text}, {large} without spilling"


def _nothing_finished(profile: Measured, killed: str) -> str:
    """Return what to try where no count finished."""
    by_status = {failure.status: failure for failure in reversed(profile.failures)}
    if not by_status:
        return ""
    text = f"No count finished: {killed}." if killed else "No count finished."
    if (failure := by_status.get("killed")) is not None and failure.nbytes is not None:
        above = ""
        if need := need_of(failure, profile):
            enough = math.ceil(need.high / profile.thresholds.usable)
            above = f" to {format_limit(enough, decimal=profile.decimal)}"
        elif failure.memory_limit:
            above = f" above {format_bytes(failure.memory_limit, decimal=profile.decimal)}"
        if failure.in_finalize:
            way = f"Write it to zarr, reduce it on the workers, or raise --memory{above}"
        else:
            threads = any(run.threads > 1 for run in profile.runs)
            fewer = ", smaller chunks, or fewer --threads" if threads else ", or smaller chunks"
            way = f"{'Raise' if need else 'Try'} --memory{above}{fewer}"
    elif "stuck" in by_status:
        way = by_status["stuck"].advice or "Try a longer --timeout, or a smaller part of the data"
    elif "failed" in by_status:
        way = "Fix the error that the cell raises, then profile it again"
    else:
        way = "Try a smaller part of the data"
    return f"{text} {way}."
