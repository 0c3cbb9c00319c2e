"""Threads that wait for data: from other workers, from disk, or for room in memory."""

from __future__ import annotations

import math
import re
from collections import Counter

from sdprofile.explain.causes.found import Found, range_of
from sdprofile.explain.causes.seen import Seen
from sdprofile.explain.causes.without import fetching, gain_without
from sdprofile.explain.lines import line_uses, most_of
from sdprofile.model.account import Cause
from sdprofile.units import format_bytes

_MOVES = re.compile(r"((shuffle|join|rechunk)-(transfer|barrier|merge|split|p2p)|p2pshuffle)$")
"""How prefixes of tasks end that only move data, with or without dask's P2P; what dask has fused
with them and ends otherwise may compute."""

_MUCH = 0.15
"""Share of the time from which moving data is worth a word."""

_LEAST = 0.4
"""Fraction of what fetching takes that is saved at least."""


def moves_data(seen: Seen) -> Found | None:
    """Return that shuffles and rechunks take time; None if they do not."""
    moving = [each for each in seen.prefixes if _is_moving(each.prefix)]
    share = sum(each.total for each in moving) / (seen.threads * seen.run.seconds)
    if share < _MUCH:
        return None
    share = min(1.0, share + seen.share(Cause.FETCHING))
    if any("rechunk" in each.prefix for each in moving):
        what = "rechunking"
        change = "rechunk once, straight to the chunks that are needed in the end, or create the"
        change += " array with them (chunks=...)"
    else:
        what = "shuffling"
        change = "shuffle once and keep the result with .persist(); grouping needs no shuffle"
        change += " where there are few partitions (.repartition(npartitions=...))"
    return seen.found(
        "moving data",
        share=share,
        fact=f"{what} moves data between chunks ({seen.place(moving[0].prefix)}) for"
        f" {100 * share:.0f} % of the time",
        change=change,
        gain=range_of(0.3 * share, 0.95 * share),
    )


def _is_moving(prefix: str) -> bool:
    """Whether tasks of a prefix only move data."""
    return bool(_MOVES.search(prefix))


def fetches_inputs(seen: Seen) -> Found | None:
    """Return that workers wait for inputs from others; None if they do not."""
    share, run = seen.share(Cause.FETCHING), seen.run
    if not share or moves_data(seen) is not None:
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
        gain=gain_without(
            seen,
            least=lambda was: fetching(was, 1 / (1 - _LEAST)),
            most=lambda was: fetching(was, math.inf),
            instead=(_LEAST * share, share),
        ),
    )


def spills(seen: Seen) -> Found | None:
    """Return that workers move results to disk, or wait for room; None if they do not."""
    share, run = seen.share(Cause.SPILL, Cause.HELD_BACK), seen.run
    limit = run.memory_limit
    if not share or limit is None or not (run.work.spilled or run.circumstances.pauses):
        return None
    amount = format_bytes(run.work.spilled, decimal=seen.profile.decimal)
    return seen.found(
        "spilling",
        share=share,
        lines=most_of({use.line: use.held for use in line_uses(run) if not use.function}),
        fact=f"workers are short of memory: they spill {amount}, and their threads wait"
        f" {100 * share:.0f} % of the time",
        change=f"raise --memory above {format_bytes(limit, decimal=seen.profile.decimal)}, or make"
        " chunks smaller",
        gain=range_of(0.5 * share, share),
    )
