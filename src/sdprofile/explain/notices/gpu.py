"""What else was on the GPUs, what using them took of the workers, and which runs ran out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sdprofile.explain.gpu import KERNEL
from sdprofile.model.failure import NO_GPU_MEMORY
from sdprofile.model.notice import Notice
from sdprofile.units import each_of, format_bytes, format_seconds, listed

if TYPE_CHECKING:
    from sdprofile.model.failure import Failure
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run

_AT_REST = 200_000_000
"""Bytes of a worker's memory at rest from which it is told what using a GPU takes (measured with
torch: 400 to 650 MB)."""

_CONTEXT = 1_000_000_000
"""The same of a kernel that has used it without a cluster, and so has a CUDA context."""

_WORTH = 100_000_000
"""Bytes of a GPU from which it is told who else holds them."""


def gpu_notices(profile: Measured) -> Iterator[Notice]:
    """Yield which runs ran out of a GPU's memory, who else held some of it, and its cost at rest.

    Parameters
    ----------
    profile
        What was measured.

    Yields
    ------
    Notice
        Nothing where no GPU was used.
    """
    for run in profile.runs:
        if run.failure is not None and run.status == NO_GPU_MEMORY:
            yield _ran_out(run, run.failure, decimal=profile.decimal)
    alone = any(run.memory.used_cards for run in profile.runs if not run.workers)
    cards = [card for run in profile.runs for card in run.memory.used_cards]
    for name in dict.fromkeys(card.name for card in cards):
        same = [card for card in cards if card.name == name]
        others, kernel, untold = (
            max(values)
            for values in (
                [card.others for card in same],
                [card.kernel for card in same],
                [card.peak - card.baseline if card.is_untold else 0 for card in same],
            )
        )
        if others >= _WORTH:
            yield Notice(
                fact=f"Other processes held up to {_amount(others, profile)} of {name}, and may"
                " have computed there",
                advice="Compare times with care; see who they are (nvidia-smi), and measure again"
                " when the GPU is free, or on another one (CUDA_VISIBLE_DEVICES)",
            )
        if kernel >= (_CONTEXT if alone else _WORTH):
            yield Notice(
                fact=f"The kernel itself held up to {_amount(kernel, profile)} of {name}, which the"
                " workers cannot have",
                advice="Delete what it holds there (torch.cuda.empty_cache() gives it back), or"
                " restart it and use the GPU in tasks only",
            )
        if untold:
            yield Notice(
                fact=f"{_amount(untold, profile)} more of {name} were in use during a run, and the"
                " driver does not tell by which process",
                advice="In a container, start it with the process numbers of its host"
                " (--pid=host) to see what each worker holds",
            )
    if (grown := _grown_at_rest(profile.runs)) >= _AT_REST:
        yield Notice(
            fact=f"At rest each worker has up to {_amount(grown, profile)} more in use since it has"
            " used a GPU, not on the GPU but in its own memory: the CUDA context, and what"
            " libraries keep",
            advice="It is part of each worker's peak and counts against --memory, whatever the"
            " chunks are; the --threads of one worker share it",
        )


def _grown_at_rest(runs: Sequence[Run]) -> int:
    """Return by how much a worker's memory at rest grew with its first use of a GPU, in bytes.

    Parameters
    ----------
    runs
        In the order in which they were made.

    Returns
    -------
    int
        From just before the last run at whose start the worker held nothing of a GPU to just before
        the next; the most of any worker, 0 if no worker is known from before and after.
    """
    grown = 0
    before: dict[str, int] = {}
    for run in runs:
        if not run.workers or not run.memory.cards:
            continue
        holding = {
            curve.worker
            for curve in run.memory.curves
            if curve.source == "nvml" and curve.worker and curve.nbytes[0]
        }
        for peak in run.memory.worker_peaks:
            if peak.worker not in holding:
                before[peak.worker] = peak.baseline
            elif (rest := before.pop(peak.worker, None)) is not None:
                grown = max(grown, peak.baseline - rest)
    return grown


def _ran_out(run: Run, failure: Failure, *, decimal: bool) -> Notice:
    cards = run.memory.used_cards
    where = f"{run.setting.name}: out of GPU memory after {format_seconds(run.seconds)}"
    told = [
        f"{each_of(len(card.workers), 'worker') if run.workers else KERNEL} held up to"
        f" {format_bytes(card.most, decimal=decimal)} of {card.name}, of which"
        f" {format_bytes(card.peak, decimal=decimal)} of"
        f" {format_bytes(card.nbytes, decimal=decimal)} were in use"
        for card in cards
        if card.workers
    ]
    fact = f"{where}: {listed(told)}" if told else f"{where}: {failure.message}"
    see = "" if run.memory.cards else "; pip install 'sdprofile[gpu]' shows what each worker holds"
    fewer = "fewer workers" if run.workers else "workers, of which each computes one task at a time"
    return Notice(fact=fact, advice=f"Use {fewer}, or smaller chunks or batches in each task{see}")


def _amount(nbytes: int, profile: Measured) -> str:
    return format_bytes(nbytes, decimal=profile.decimal)
