"""Threads that wait for data: from other workers, from disk, or for room in memory."""

from __future__ import annotations

from collections import Counter

from sdprofile.explain.causes.found import Found, Seen, range_of
from sdprofile.model.account import Cause
from sdprofile.units import format_bytes


def fetches_inputs(seen: Seen) -> Found | None:
    """Return that workers wait for inputs from others; None if they do not."""
    share, run = seen.share(Cause.FETCHING), seen.run
    if not share:
        return None
    amount = format_bytes(run.transfers.nbytes, decimal=seen.profile.decimal)
    waited = Counter(seen.prefix(task) for task in seen.trace.fetches.task if task >= 0)
    most = f", most often for {seen.place(waited.most_common(1)[0][0])}" if waited else ""
    return seen.found(
        "fetching inputs",
        share=share,
        fact=f"workers fetch {amount} from each other{most}, for which their threads wait"
        f" {100 * share:.0f} % of the time",
        change=f"try fewer workers with more threads: --workers 1 --threads {seen.threads}",
        gain=range_of(0.4 * share, share),
    )


def spills(seen: Seen) -> Found | None:
    """Return that workers move results to disk, or wait for room; None if they do not."""
    share, limit = seen.share(Cause.SPILL, Cause.HELD_BACK), seen.run.memory_limit
    if not share or limit is None or not (seen.run.work.spilled or seen.run.circumstances.pauses):
        return None
    amount = format_bytes(seen.run.work.spilled, decimal=seen.profile.decimal)
    return seen.found(
        "spilling",
        share=share,
        fact=f"workers are short of memory: they spill {amount}, and their threads wait"
        f" {100 * share:.0f} % of the time",
        change=f"raise --memory above {format_bytes(limit, decimal=seen.profile.decimal)}, or make"
        " chunks smaller",
        gain=range_of(0.5 * share, share),
    )
