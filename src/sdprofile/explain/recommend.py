"""Which worker count to use, and what the times say for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from sdprofile.explain.kernel_work import KernelWork, kernel_work
from sdprofile.explain.verdict import CANNOT_TELL, FASTER, SAME, SLOWER, Verdict, compare
from sdprofile.model.run import CountSummary
from sdprofile.model.timing import Timing

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured

CLEAR_EFFECT = 1.1
"""Ratio of the medians from which ranges that lie apart are a sign, where the repeats are too few
for a verdict."""


class Evidence(Enum):
    """What the times say of one count against another."""

    FASTER = "faster"
    """The ranks show it."""

    LIKELY_FASTER = "likely faster"
    """Too few repeats for the ranks, but the ranges lie apart, and the medians by 10 %."""

    NONE = "none"
    """Neither a difference nor that there is none."""

    SAME = "the same"
    """Any difference is below 5 %."""

    LIKELY_SLOWER = "likely slower"
    """As `LIKELY_FASTER`, the other way round."""

    SLOWER = "slower"
    """The ranks show it."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A worker count that finished, and so can be recommended."""

    count: CountSummary
    """Its runs."""

    timing: Timing
    """Their times, all above 0."""

    @property
    def workers(self) -> int:
        """Number of workers."""
        return self.count.workers

    @property
    def memory(self) -> int | None:
        """What must be provided, in bytes: the highest sum of the workers' own peaks."""
        peak = self.count.cluster_peak
        return None if peak is None else peak.high

    def against(self, base: Candidate) -> Verdict:
        """Return the verdict against another count."""
        return compare(base.timing, self.timing)


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The count to use, among those that can be."""

    candidates: tuple[Candidate, ...]
    """All that finished, ascending."""

    chosen: Candidate
    """The one to use."""

    kernel: KernelWork | None = None
    """What the kernel did where it did most of the work, so that more workers cannot help."""


def recommend(profile: Measured) -> Recommendation | None:
    """Return the count to use.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    Recommendation or None
        None where nothing was measured that could tell, as where the work was not done by the
        workers (`Measured.tells_of_workers`).
    """
    candidates = make_candidates(profile.counts)
    if not candidates or not profile.tells_of_workers:
        return None
    work = kernel_work([run for run in profile.runs if run.status == "ok" and run.workers])
    if work is not None and not any(is_faster(each, candidates[0]) for each in candidates[1:]):
        return Recommendation(candidates=candidates, chosen=candidates[0], kernel=work)
    return Recommendation(candidates=candidates, chosen=choose(candidates))


def is_open(profile: Measured) -> bool:
    """Whether more repeats could change what is said of the counts.

    Parameters
    ----------
    profile
        What has been measured so far.
    """
    return any(_is_open(part) for part in profile.parts)


def _is_open(profile: Measured) -> bool:
    candidates = make_candidates(profile.counts)
    if len(candidates) < 2 or not profile.tells_of_workers:
        return False
    chosen = choose(candidates)
    return any(each.against(chosen).is_open for each in candidates if each is not chosen)


def make_candidates(counts: Iterable[CountSummary]) -> tuple[Candidate, ...]:
    """Return the counts that can be recommended.

    Parameters
    ----------
    counts
        All that were measured.

    Returns
    -------
    tuple of Candidate
        In the same order: those of which a run ended well, and none failed, was killed or got
        stuck. A run that the user interrupted does not count against them.
    """
    return tuple(
        Candidate(count=count, timing=count.timing)
        for count in counts
        if count.timing is not None
        and count.timing.shortest > 0
        and all(run.status in ("ok", "interrupted") for run in count.runs)
    )


def choose(candidates: Sequence[Candidate]) -> Candidate:
    """Return the smallest count that no larger one beats.

    Parameters
    ----------
    candidates
        In ascending order; at least one.
    """
    return next(
        candidate
        for index, candidate in enumerate(candidates)
        if not any(beats(larger, candidate) for larger in candidates[index + 1 :])
    )


def evidence(verdict: Verdict) -> Evidence:
    """Return what a verdict, or the times where it has none, say of the other count.

    Parameters
    ----------
    verdict
        Against the base.
    """
    shown = {FASTER: Evidence.FASTER, SLOWER: Evidence.SLOWER, SAME: Evidence.SAME}
    if verdict.word in shown:
        return shown[verdict.word]
    if verdict.word == CANNOT_TELL and verdict.apart:
        if verdict.ratio >= CLEAR_EFFECT:
            return Evidence.LIKELY_FASTER
        if verdict.ratio <= 1 / CLEAR_EFFECT:
            return Evidence.LIKELY_SLOWER
    return Evidence.NONE


def is_faster(candidate: Candidate, base: Candidate) -> bool:
    """Whether the times prove that a candidate is faster than another."""
    return evidence(candidate.against(base)) is Evidence.FASTER


def beats(one: Candidate, other: Candidate) -> bool:
    """Whether the times speak for one against another."""
    found = evidence(one.against(other))
    return found in (Evidence.FASTER, Evidence.LIKELY_FASTER)
