"""One profile against another: old code against new, for each worker count that both have."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from sdprofile.explain.answer import Answer
from sdprofile.explain.verdict import FASTER, SAME, SLOWER, Verdict, compare
from sdprofile.model.measured import Measured
from sdprofile.model.run import CountSummary
from sdprofile.units import format_bytes, format_ratio, listed, plural

_LEAST_MEMORY = 0.05
"""Fraction of a peak by which another must differ for it to be told."""


@dataclass(frozen=True, kw_only=True)
class CountChange:
    """What became of one worker count."""

    before: CountSummary
    """Its runs in the one profile."""

    after: CountSummary
    """Its runs in the other."""

    @property
    def workers(self) -> int:
        """Number of workers."""
        return self.after.workers

    @cached_property
    def verdict(self) -> Verdict | None:
        """Whether the later is faster, and the range of the ratio of times.

        None if one of the two has no run that ended well.
        """
        before, after = self.before.timing, self.after.timing
        if before is None or after is None or not before.shortest or not after.shortest:
            return None
        return compare(before, after)

    @property
    def peak_ratio(self) -> float | None:
        """Peak of the fullest worker, later over earlier; None where one is not known."""
        before, after = self.before.peak_worker, self.after.peak_worker
        return after / before if before and after else None

    @property
    def tasks_ratio(self) -> float | None:
        """Most tasks of a run that ended well, later over earlier; None where there are none."""
        before, after = (
            max((run.work.tasks for run in count.runs if run.status == "ok"), default=0)
            for count in (self.before, self.after)
        )
        return after / before if before and after else None


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two profiles side by side: what became of each count, and what else is not alike."""

    names: tuple[str, str]
    """What to call them."""

    before: Measured
    """The one that the other is held against."""

    after: Measured
    """The other."""

    @cached_property
    def counts(self) -> tuple[CountChange, ...]:
        """What became of each worker count that both have, in ascending order."""
        before = {count.workers: count for count in self.before.counts}
        return tuple(
            CountChange(before=before[count.workers], after=count)
            for count in self.after.counts
            if count.workers in before
        )

    @cached_property
    def answer(self) -> Answer:
        """What became of the time and the memory, at the count at which the later is fastest."""
        known = (change for change in self.counts if change.verdict is not None)
        fastest = min(known, key=lambda change: _median(change.after), default=None)
        if fastest is None or fastest.verdict is None:
            return Answer()
        text, remark = _change(fastest, fastest.verdict, self)
        return Answer(headline=f"{self.names[1]} {text}", remark=remark)

    @cached_property
    def differences(self) -> tuple[str, ...]:
        """In what the two differ beside their code; each makes the ratios doubtful."""
        return tuple(_differences(self.before, self.after))


def _median(count: CountSummary) -> float:
    return math.inf if count.timing is None else count.timing.median


def _change(change: CountChange, verdict: Verdict, compared: Compared) -> tuple[str, str]:
    """Return what became of one count, ``is 1.8x faster``, and how sure that is."""
    remark, way, ratio = "", "faster", verdict.ratio
    low, high = verdict.within
    if ratio < 1:
        way, ratio, low, high = "slower", 1 / ratio, 1 / high, 1 / low
    if verdict.word == SAME:
        text = "takes the same time"
    elif verdict.word in (FASTER, SLOWER) or verdict.apart:
        shown = verdict.word in (FASTER, SLOWER)
        text = f"{'is' if shown else 'was'} {format_ratio(ratio)}x {way}"
        within = [f"{format_ratio(low)} to {format_ratio(high)}x"] if verdict.runs > 1 else []
        doubt = [] if shown else [f"{plural(verdict.runs, 'repeat')} cannot prove it"]
        remark = "; ".join([*within, *doubt])
    else:
        text = "was not measurably faster or slower"
    text += f" with {change.after.setting.name}"
    before, after = change.before.peak_worker, change.after.peak_worker
    if before and after and abs(after - before) >= _LEAST_MEMORY * before:
        amount = format_bytes(abs(after - before), decimal=compared.after.decimal)
        more = f"{amount} {'less' if after < before else 'more'}"
        where = "per worker" if change.workers else "in the kernel"
        text += f", and needs {more} {where}"
    return text, remark


def _differences(before: Measured, after: Measured) -> Iterator[str]:
    one, other = before.machine, after.machine
    if one.cpus != other.cpus:
        yield f"{plural(one.cpus, 'CPU')} against {other.cpus}"
    if one.memory != other.memory:
        amounts = (format_bytes(each.memory, decimal=after.decimal) for each in (one, other))
        yield f"{' against '.join(amounts)} of memory"
    versions = dict(before.versions)
    for name, version in after.versions:
        if versions.get(name, version) != version:
            yield f"{name} {versions[name]} against {version}"
    if before.runs and after.runs:
        yield from _of_workers(before, after)
    for what, was, now in (
        ("task fusion", before.fused, after.fused),
        ("TLS", before.secure, after.secure),
    ):
        if was != now:
            yield f"{what} {'on' if was else 'off'} against {'on' if now else 'off'}"
    if before.compute != after.compute:
        yield f"--compute {before.compute or 'off'} against {after.compute or 'off'}"
    for profile, where in ((before, "the first"), (after, "the second")):
        others = {count.workers for count in (after if profile is before else before).counts}
        alone = [each.setting for each in profile.counts if each.workers not in others]
        names = [each.name for each in alone if not each.workers]
        if counts := [each.label for each in alone if each.workers]:
            names.append(f"{listed(counts)} {'worker' if counts == ['1'] else 'workers'}")
        if names:
            yield f"{listed(names)} only in {where}"


def _of_workers(before: Measured, after: Measured) -> Iterator[str]:
    one, other = (
        next((run for run in each.runs if run.workers), each.runs[0]) for each in (before, after)
    )
    if one.workers and other.workers and one.threads != other.threads:
        yield f"{plural(one.threads, 'thread')} per worker against {other.threads}"
    in_what = [_scheduler(each) for each in (before, after)]
    if "" not in in_what and in_what[0] != in_what[1]:
        yield f"without a cluster {' against '.join(in_what)}"
    if one.workers and other.workers and one.memory_limit != other.memory_limit:
        limits = (
            format_bytes(run.memory_limit, decimal=after.decimal) if run.memory_limit else "none"
            for run in (one, other)
        )
        yield f"limit of a worker {' against '.join(limits)}"


def _scheduler(profile: Measured) -> str:
    """Return in what dask ran the tasks without a cluster; empty where there is no such run."""
    return next((each for run in profile.runs for each in run.work.schedulers), "")
