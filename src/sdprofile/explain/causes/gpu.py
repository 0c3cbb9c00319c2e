"""A GPU that computes nothing while tasks run, and one that several workers share for nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sdprofile.explain.causes.found import Found, Seen
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
    run, busy = seen.run, seen.run.memory.gpu_busy
    if busy is None or not seen.prefixes:
        return None
    on_cpu = max(0.0, seen.share(Cause.COMPUTING, Cause.MORE_CORES, Cause.GIL, Cause.CPU) - busy)
    fetching = seen.share(Cause.FETCHING)
    share = on_cpu + fetching
    if share < _MUCH or fetching > on_cpu:
        return None  # for that see `fetches_inputs`
    place = seen.place(seen.prefixes[0].prefix)
    fact = f"{_names(run.memory.used_cards)} computed for {100 * busy:.0f} % of the time only: for"
    fact += f" {100 * on_cpu:.0f} % at least tasks as {place} worked on the CPU or copied"
    if fetching >= _MUCH / 2:
        fact += f", for {100 * fetching:.0f} % they waited for inputs of other workers"
    threads = _TIMES * run.threads
    too_many = run.workers * threads > seen.profile.machine.cpus
    if too_many or not _fits_more(run.memory.used_cards) or len(seen.trace) < 2 * seen.threads:
        return seen.found(
            "idle GPU",
            share=share,
            fact=fact,
            change="do that work once and keep it (.persist(), or write it to zarr), or on the GPU,"
            " too",
        )
    saved = min(share, 1 - 1 / _TIMES)

    def with_more(was: Setup) -> Setup:
        return on(was, workers=run.workers, threads=threads)

    return seen.found(
        "idle GPU",
        share=share,
        fact=fact,
        change=f"let one task compute there while another prepares: --threads {threads}",
        gain=gain_without(
            seen,
            least=lambda was: crowded(
                with_more(was), range(len(seen.trace)), beside=run.workers * threads
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
    run, busy = seen.run, seen.run.memory.gpu_busy
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
        fact=f"{_names(cards)} computed for {100 * busy:.0f} % of the time, which"
        f" {plural(run.workers, 'worker')} share: {format_seconds(run.seconds)} and {held} of it,"
        f" {format_seconds(instead.seconds)} and {less} with {instead.workers}",
        change=f"use --workers {instead.workers}; to be faster, give the GPU less to do: larger"
        " batches, or half precision (torch.autocast)",
    )


def _fits_more(cards: Iterable[Card]) -> bool:
    """Whether there is room for as much again on each card."""
    return all(_TIMES * card.held <= card.left for card in cards)


def _names(cards: Iterable[Card]) -> str:
    return listed([card.name for card in cards])
