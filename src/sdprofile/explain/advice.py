"""What to do next: the count to use, the memory to give it, and what took it where it ran out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from sdprofile.explain.answer import Answer, Line, joined_lines
from sdprofile.explain.gpu import gpu_line
from sdprofile.explain.killed import killed_words
from sdprofile.explain.limits import limits_of, memory_line
from sdprofile.explain.predicted import more_words
from sdprofile.explain.recommend import (
    Candidate,
    Evidence,
    Recommendation,
    evidence,
    make_candidates,
)
from sdprofile.explain.unfinished import nothing_finished
from sdprofile.explain.verdict import CANNOT_TELL, NOT_FASTER
from sdprofile.units import (
    capitalized,
    format_bytes,
    format_ratio,
    format_seconds,
    listed,
    plural,
)

if TYPE_CHECKING:
    from sdprofile.explain.causes.found import Found
    from sdprofile.explain.kernel_work import KernelWork
    from sdprofile.model.measured import Measured

_OF_ONE = {"are": "is", "were": "was", "take": "takes"}

POOR_STEP = 0.7
"""Efficiency of the step from the next smaller count below which that count is named, too."""


def make_answer(
    profile: Measured, found: Recommendation | None, *, causes: Sequence[Found] = ()
) -> Answer:
    """Return what to do next.

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
    Answer
        The count and memory to use and why, the largest cause that holds the cell back with its
        change, what larger counts did, what memory each worker took, how many workers fit on a
        GPU, and for a count that was killed what took the memory. Empty where nothing was measured
        that could tell.

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
        return nothing_finished(profile, killed)
    ran_out = Line(fact=capitalized(killed)) if killed else None
    if found is None:
        return Answer(lines=joined_lines([gpu_line(profile), ran_out]))
    chosen = found.chosen
    memory, on_gpu = memory_line(chosen, profile), gpu_line(profile, chosen.count)
    cause = _cause(causes[0], found) if causes else None
    if found.kernel is not None:
        headline = _kernel(found.kernel, chosen, profile)
        return Answer(headline=headline, lines=joined_lines([cause, memory, on_gpu, ran_out]))
    if len(found.candidates) == 1:
        headline = _alone(chosen, profile)
        more = more_words(profile, chosen) if chosen.count is profile.counts[-1] else ""
        tried = Line(fact=capitalized(more)) if more else None
        lines = joined_lines([cause, tried, memory, on_gpu, ran_out])
        return Answer(headline=headline, lines=lines) if lines else Answer()
    headline, remark, others = _count(chosen, found.candidates, profile)
    lines = joined_lines([cause, others, memory, on_gpu, ran_out])
    return Answer(headline=headline, remark=remark, lines=lines)


def _cause(cause: Found, found: Recommendation) -> Line:
    """Return a cause, with the count where it was seen if that is not the one to use."""
    if cause.workers == found.chosen.workers:
        return cause.line
    fact = f"With {plural(cause.workers, 'worker')} {cause.fact}"
    return replace(cause.line, fact=fact)


def _named(chosen: Candidate, profile: Measured) -> str:
    """Return a count with the memory to give it, ``4 workers of 1.7GB``."""
    name = chosen.count.setting.name
    limits = limits_of(chosen, profile)
    return f"{name} of {limits[1]}" if limits else name


def _alone(chosen: Candidate, profile: Measured) -> str:
    """Return what the only count that finished took, and with which others a worker was killed."""
    name, took = _named(chosen, profile), format_seconds(chosen.timing.median)
    killed = [each.workers for each in profile.failures if each.status == "killed"]
    if not killed:
        return f"{capitalized(name)}: {took}"
    counts = listed([str(workers) for workers in dict.fromkeys(killed)])
    return f"Use {name}: {took}, where with {counts} a worker was killed"


def _kernel(work: KernelWork, chosen: Candidate, profile: Measured) -> str:
    """Return that the kernel does the work, and in which step."""
    what = work.where or "most of the work is done"
    if not chosen.workers:
        return f"No cluster is needed: {what} in the kernel, where workers cannot help"
    return f"Use {_named(chosen, profile)}: {what} in the kernel, where more workers cannot help"


def _count(
    chosen: Candidate, candidates: Sequence[Candidate], profile: Measured
) -> tuple[str, str, Line | None]:
    """Return what the count gains on the smallest, how sure that is, and what others did."""
    first, name = candidates[0], _named(chosen, profile)
    larger = "; ".join(_larger(chosen, candidates))
    if larger and (cpus := _shared_cpus(candidates[-1], profile)):
        larger += f" (this machine has {plural(cpus, 'core')})"
    if not chosen.workers:
        took = format_seconds(chosen.timing.median)
        scheduler = chosen.count.setting.scheduler
        how = f"with {scheduler}" if scheduler else "without"
        return f"No cluster is needed: {took} {how}; {_with_noun(larger)}", "", None
    if chosen is first:
        # Enough is only what others were shown not to beat, not where nothing could be shown.
        if all(shows_no_gain(each, chosen) for each in candidates[1:]):
            return f"{name} {'is' if chosen.workers == 1 else 'are'} enough: {larger}", "", None
        return f"Use {name}: {larger}", "", None
    took, instead = (format_seconds(each.timing.median) for each in (chosen, first))
    if not first.workers:
        scheduler = first.count.setting.scheduler
        instead += f" with {scheduler} in place of" if scheduler else " without"
        instead += " a cluster"
    headline = f"Use {name}: {took} instead of {instead}, {speed_of(chosen, first)} faster"
    remark = "; ".join(filter(None, (how_sure(chosen, first), _in_all(chosen, first, profile))))
    return headline, remark, _others(chosen, candidates, profile, larger)


def _in_all(chosen: Candidate, first: Candidate, profile: Measured) -> str:
    """Return the memory that all workers of a count took, against that of another."""
    if not chosen.memory:
        return ""
    took, instead = (
        format_bytes(each.memory, decimal=profile.decimal) if each.memory and each.workers else ""
        for each in (chosen, first)
    )
    return f"{took} in all instead of {instead}" if instead not in ("", took) else f"{took} in all"


def _others(
    chosen: Candidate, candidates: Sequence[Candidate], profile: Measured, larger: str
) -> Line | None:
    """Return what a smaller count gives where it costs much less, and what larger ones did."""
    parts = []
    first, below = candidates[0], candidates[candidates.index(chosen) - 1]
    if below is not first and _step(below, chosen) < POOR_STEP:
        times = _times_memory([below], first)
        for_less = f" for {times} the memory" if times else ""
        are = f"{below.count.setting.name} {'is' if below.workers == 1 else 'are'}"
        parts.append(f"{are} {speed_of(below, first)} faster{for_less}")
    if larger:
        parts.append(larger if parts else _with_noun(larger))
    elif chosen.count is profile.counts[-1]:
        not_tried = "more workers were not tried" if _has_room(chosen, profile) else ""
        parts += filter(None, [more_words(profile, chosen) or not_tried])
    return Line(fact=capitalized("; ".join(parts))) if parts else None


def _with_noun(clause: str) -> str:
    """Return a clause that begins with counts with the word for what they are."""
    counts, verb, rest = re.split(r" (are|were|take) ", clause, maxsplit=1)
    if counts == "1":
        return f"1 worker {_OF_ONE[verb]} {rest}"
    return f"{counts} workers {verb} {rest}"


def _shared_cpus(largest: Candidate, profile: Measured) -> int:
    """Return how many CPUs the threads of a count shared; 0 where each had its own."""
    run = largest.count.runs[0]
    return profile.machine.cpus if run.all_threads > profile.machine.cpus else 0


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


def how_sure(chosen: Candidate, first: Candidate) -> str:
    """Return whether the repeats prove that one is faster, or why they do not."""
    verdict = chosen.against(first)
    found = evidence(verdict)
    if found is Evidence.FASTER:
        return f"shown by {verdict.runs} repeats"
    if found is not Evidence.LIKELY_FASTER:
        return "may be chance"
    if verdict.runs == 1:
        return "1 repeat cannot prove it: use -r 5"
    return f"the runs do not overlap, but {verdict.runs} repeats cannot prove it: use -r 5"


def speed_of(candidate: Candidate, base: Candidate) -> str:
    """Return how many times as fast as another one is, ``2.3x``."""
    return f"{format_ratio(candidate.against(base).ratio)}x"


def _times_memory(candidates: Sequence[Candidate], base: Candidate) -> str:
    """Return how many times the memory of the base each takes; empty where one is not known."""
    amounts = [candidate.memory for candidate in candidates]
    # Beside workers there is the kernel, which without a cluster is all that there is.
    if not base.workers or not base.memory or None in amounts:
        return ""
    ratios = [amount / base.memory for amount in amounts if amount is not None]
    return listed([f"{format_ratio(ratio)}x" for ratio in ratios])


def _step(below: Candidate, chosen: Candidate) -> float:
    """Return the efficiency of the step from one count to the next."""
    return chosen.against(below).ratio * below.workers / chosen.workers


def _has_room(chosen: Candidate, profile: Measured) -> bool:
    """Whether the machine has the cores and the memory for one worker more."""
    run = chosen.count.runs[0]
    more = chosen.workers + 1
    machine = profile.machine
    return more * run.threads <= machine.cpus and more * (run.memory_limit or 0) <= machine.memory
