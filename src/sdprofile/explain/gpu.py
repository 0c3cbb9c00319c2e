"""What each worker held of a GPU, and how many workers fit on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.answer import Line
from sdprofile.model.failure import NO_GPU_MEMORY
from sdprofile.units import capitalized, each_of, format_bytes, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.gpu import Card
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary, Run

OF_LESS = "Let each task use less of the GPU: smaller chunks or batches, or a smaller model"
"""What to do where one worker does not fit."""


KERNEL = "the kernel"
"""Who holds some where there are no workers."""

BUSY = 0.9
"""Share of the time in which a GPU computes, from which more processes gain little: it computes for
one of them at a time."""

_KEPT = 0.8
"""Part of what a worker held below which it is told how much torch had in use: the rest is kept."""

_MOST = 16
"""Workers that fit, from which it is no help to say so."""


def gpu_line(profile: Measured, chosen: CountSummary | None = None) -> Line | None:
    """Return as `gpu_words` how many workers fit; None where no GPU was used."""
    words = gpu_words(profile, chosen)
    return Line(fact=capitalized(words)) if words else None


def gpu_words(profile: Measured, chosen: CountSummary | None = None) -> str:
    """Return what was held of the GPU, and how many workers fit; empty where none was used.

    Parameters
    ----------
    profile
        What was measured.
    chosen
        The count to use, which tells where no run ran out of the GPU's memory; None for none.

    Notes
    -----
    What workers hold is not what they need: caching allocators keep what was freed, and jax takes
    three quarters of a card at once. So more may fit than is said.
    """
    every = [run for run in profile.runs if run.status == NO_GPU_MEMORY]
    out = [run for run in every if run.workers] or ([] if chosen is not None else every)
    if out:
        return _fit(min(out, key=lambda run: run.workers), profile)
    if chosen is None or chosen.gpu_worker is None:
        return ""
    run = max(chosen.runs, key=lambda run: run.memory.gpu_worker)
    held = format_bytes(run.memory.gpu_worker, decimal=profile.decimal)
    who = each_of(run.workers, "worker") if run.workers else KERNEL
    words = f"{who} held up to {held} of {_names(run, profile)}{_own(run, profile)}"
    cards = run.memory.used_cards
    if len(cards) == 1 and cards[0].is_ours and (busy := chosen.gpu_busy) is not None:
        words += f"; it computed for {100 * busy:.0f} % of the time"
        if busy >= BUSY:
            return f"{words}: more workers on it gain little"
    fitting = _fitting(run)
    return f"{words}: {fitting} such workers fit" if run.workers < fitting <= _MOST else words


def _own(run: Run, profile: Measured) -> str:
    """Return what libraries count themselves, where that is much less or tells whose it is."""
    used = run.memory.highest("torch") or 0
    if 0 < used < _KEPT * run.memory.gpu_worker:
        return f", {format_bytes(used, decimal=profile.decimal)} in use by torch"
    kept = run.memory.highest("cupy") or 0
    return f", {format_bytes(kept, decimal=profile.decimal)} kept by cupy's pool" if kept else ""


def _fit(out: Run, profile: Measured) -> str:
    """Return which count fits and which does not, of the smallest that ran out."""
    well = [
        run
        for run in profile.runs
        if run.status == "ok"
        and 0 < run.workers < out.workers
        and run.setting.kind == out.setting.kind
    ]
    largest = max((run.workers for run in well), default=0)
    if not largest:
        words = f"{plural(out.workers, 'worker')} {'does' if out.workers == 1 else 'do'} not fit"
        words = words if out.workers else "without a cluster it does not fit"
        return f"{words} on {_names(out, profile) or 'the GPU'}{_held(out, profile)}"
    fullest = max(
        (run for run in well if run.workers == largest), key=lambda run: run.memory.gpu_worker
    )
    words = plural(largest, "worker")
    if fullest.memory.gpu_worker:
        words += f" of up to {format_bytes(fullest.memory.gpu_worker, decimal=profile.decimal)}"
    words += f" {'fits' if largest == 1 else 'fit'} on {_names(fullest, profile) or 'the GPU'}"
    words += f", {out.workers} do not"
    fitting = min(_fitting(fullest), out.workers - 1)
    return f"{words}; {fitting} should fit" if fitting > largest else words


def _held(out: Run, profile: Measured) -> str:
    if not out.memory.gpu_worker:
        return ""
    held = format_bytes(out.memory.gpu_worker, decimal=profile.decimal)
    who = {0: KERNEL, 1: "it"}.get(out.workers, "each")
    return f": {who} held up to {held} when more was asked for"


def _names(run: Run, profile: Measured) -> str:
    """Return the cards that were used, with the size of the first."""
    cards = run.memory.used_cards
    if not cards:
        return ""
    size = format_bytes(cards[0].nbytes, decimal=profile.decimal)
    each = " each" if len(cards) > 1 else ""
    return f"{listed([card.name for card in cards])} ({size}{each})"


def _fitting(run: Run) -> int:
    """Return how many workers as those of a run fit on the card; 0 where it is not one for all."""
    cards: tuple[Card, ...] = run.memory.used_cards
    if len(cards) != 1 or not 0 < run.workers <= len(cards[0].workers):
        return 0
    return cards[0].left // cards[0].most
