"""A GPU that computes nothing while tasks run, and one that several workers share for nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sdprofile.explain.causes.found import Found
from sdprofile.explain.causes.seen import Seen
from sdprofile.explain.causes.without import crowded, gain_without, on
from sdprofile.explain.gpu import BUSY
from sdprofile.model.account import Cause
from sdprofile.units import format_bytes, format_seconds, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.gpu import Card
    from sdprofile.replay.what_if import Setup

_MUCH = 0.3
"""Share of the time from which it is worth a word that a GPU is idle."""

_TIMES = 2
"""As many tasks at once, for one to use the CPU while another uses the GPU."""

_CROWDED = 0.1
"""Share of the time that tasks wait for a CPU, from which more of them at once gain nothing."""

_LEAST = 0.3
"""Fraction that this saves at least, of what it can save."""

_AS_FAST = 1.1
"""Ratio of the times of two counts up to which the larger gains nothing."""


def leaves_gpu_idle(seen: Seen) -> Found | None:
    """Return that a GPU computes nothing while tasks use the CPU; None if it is not idle for long.

    Parameters
    ----------
    seen
        A run.

    Notes
    -----
    A GPU is busy while any of its threads computes (``nvmlDeviceGetUtilizationRates``); copies to
    it and back are not that. A thread that waits for a GPU may keep a CPU busy
    (``cudaDeviceScheduleAuto``): the time on the CPU without the time of the GPU is what tasks took
    for themselves at least.
    """
    run, busy = seen.run, _busy(seen)
    if not busy or not seen.prefixes:
        return None  # also of a GPU that was used before this cell only
    on_cpu = max(0.0, seen.share(Cause.COMPUTING, Cause.MORE_CORES, Cause.GIL, Cause.CPU) - busy)
    fetching = seen.share(Cause.FETCHING)
    share = on_cpu + fetching
    if share < _MUCH or fetching > on_cpu:
        return None  # for that see `fetches_inputs`
    place = seen.place(seen.prefixes[0].prefix)
    fact = f"tasks as {place} leave {_names(run.memory.used_cards)} idle, which computed for"
    fact += f" {100 * busy:.0f} % of the time only: for {100 * on_cpu:.0f} % at least they worked"
    fact += " on the CPU or copied"
    if fetching >= _MUCH / 2:
        fact += f", for {100 * fetching:.0f} % they waited for inputs of other workers"
    threads = _TIMES * run.threads
    if not _have_room(seen):
        return seen.found(
            "idle GPU",
            share=share,
            fact=fact,
            change="do that work once and keep it (.persist(), or write it to zarr), or on the GPU,"
            " too",
        )
    saved = min(share, 1 - 1 / _TIMES)

    def with_more(was: Setup) -> Setup:
        return on(was, workers=was.workers, threads=threads)

    return seen.found(
        "idle GPU",
        share=share,
        fact=fact,
        change=f"let one task compute there while another prepares: {seen.by_threads(threads)}",
        gain=gain_without(
            seen,
            least=lambda was: crowded(
                with_more(was), range(len(seen.trace)), beside=_TIMES * seen.threads
            ),
            most=with_more,
            instead=(_LEAST * saved, saved),
            at_most=saved,
        ),
    )


def shares_gpu(seen: Seen) -> Found | None:
    """Return that workers share a GPU and take as long as fewer; None if they gain by it.

    Parameters
    ----------
    seen
        A run, to be held against those of smaller counts.
    """
    run, busy = seen.run, _busy(seen)
    cards = [card for card in run.memory.used_cards if len(card.workers) > 1]
    if busy is None or busy < BUSY or not cards:
        return None
    fewer = [
        other.run
        for other in seen.others
        if other.run.workers < run.workers
        and other.run.memory.used_cards
        and other.run.seconds <= _AS_FAST * run.seconds
    ]
    if not fewer:
        return None
    instead = min(fewer, key=lambda each: each.workers)
    held, less = (
        format_bytes(sum(card.held for card in each), decimal=seen.profile.decimal)
        for each in (run.memory.used_cards, instead.memory.used_cards)
    )
    return seen.found(
        "shared GPU",
        share=busy,
        fact=f"all workers share {_names(cards)}, which computed for {100 * busy:.0f} % of the"
        f" time: {format_seconds(run.seconds)} and {held} of it,"
        f" {format_seconds(instead.seconds)} and {less} with {plural(instead.workers, 'worker')}",
        change=f"use --workers {instead.workers}; to be faster, give the GPU less to do: larger"
        " batches, or half precision (torch.autocast)",
    )


def _busy(seen: Seen) -> float | None:
    """Return how busy the run kept the GPU; None where others may have, or it is not known."""
    alone = all(card.is_ours for card in seen.run.memory.used_cards)
    return seen.run.memory.gpu_busy if alone else None


def _have_room(seen: Seen) -> bool:
    """Whether more tasks at once have tasks, CPUs and room on each card, and were not tried."""
    if seen.share(Cause.CPU) >= _CROWDED or _TIMES * seen.threads > seen.profile.machine.cpus:
        return False
    if any(
        other.threads >= _TIMES * seen.threads and other.run.seconds * _AS_FAST >= seen.run.seconds
        for other in seen.others
    ):
        return False
    fits = all(_TIMES * card.held <= card.left for card in seen.run.memory.used_cards)
    return fits and len(seen.trace) >= _TIMES * seen.threads


def _names(cards: Iterable[Card]) -> str:
    return listed([card.name for card in cards])
