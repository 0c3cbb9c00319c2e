"""The memory that a worker took, and the limit to give it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sdprofile.explain.answer import Line
from sdprofile.explain.needs import peak_parts
from sdprofile.units import capitalized, each_of, format_bytes, format_limit

if TYPE_CHECKING:
    from sdprofile.explain.recommend import Candidate
    from sdprofile.model.measured import Measured


def memory_line(chosen: Candidate, profile: Measured) -> Line | None:
    """Return what each worker of a count took, and the limit to give it."""
    peak, limit = chosen.count.peak_worker, chosen.count.memory_limit
    if peak is None:
        return None
    runs = chosen.count.runs
    exact = all(each.exact for run in runs for each in run.memory.worker_peaks)
    if not chosen.workers:
        fullest = max(runs, key=lambda run: run.peak_worker or 0)
        amount, rest = (
            format_bytes(each or 0, decimal=profile.decimal)
            for each in (peak, fullest.memory.baseline)
        )
        before = f"{rest} at rest" if amount != rest else "all of it at rest"
        took = "took" if exact else "was seen at"
        return Line(fact=f"Without a cluster the kernel {took} up to {amount}, {before}")
    who = each_of(chosen.workers, "worker")
    took = f"{capitalized(who)} {'took' if exact else 'was seen at'} up to"
    took += f" {format_bytes(peak, decimal=profile.decimal)}"
    limits = limits_of(chosen, profile)
    if not limits:
        above = f" above {format_bytes(limit, decimal=profile.decimal)}" if limit else ""
        return Line(
            fact=f"{took}, held down by spilling",
            change=f"raise --memory{above} to see how much it needs",
        )
    small, large = limits
    fullest = max(runs, key=lambda run: run.memory.peak_worker or 0)
    parts = peak_parts(fullest, decimal=profile.decimal)
    took += f" ({parts})" if parts else ""
    least = "" if small == large else f" ({small} is the bare minimum)"
    return Line(fact=took, change=f"use --memory {large}{least}")


def limits_of(chosen: Candidate, profile: Measured) -> tuple[str, str] | None:
    """Return the limit that would just have held a count, and one at which nothing is spilled.

    Of a count that spilled, or whose peak is not known, there is none.
    """
    peak, limit = chosen.count.peak_worker, chosen.count.memory_limit
    if not chosen.workers or peak is None or any(run.work.spilled for run in chosen.count.runs):
        return None
    thresholds = profile.thresholds
    holds = math.ceil(peak / thresholds.usable)
    roomy = math.ceil(peak / thresholds.spills) if thresholds.spills else holds
    if limit is not None:
        # It did not spill with this much, so it needs no more for that.
        roomy = max(holds, min(roomy, limit))
    return format_limit(holds, decimal=profile.decimal), format_limit(
        roomy, decimal=profile.decimal
    )
