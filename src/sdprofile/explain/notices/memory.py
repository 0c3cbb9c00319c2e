"""What the memory numbers of a profile leave out, and where memory was short."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.model.notice import Notice
from sdprofile.units import format_bytes

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run

_FINALIZE_FRACTION = 0.25
"""Fraction of a worker's limit that putting a result together may take without being told."""

_COPIES = 2.5
"""How many times the size of what is brought there the kernel may take for it: what comes is put
together once more."""

_KERNEL_RISE = 200_000_000
"""Bytes by which the kernel's memory may rise without being told."""


def memory_notices(profile: Measured) -> Iterator[Notice]:
    """Yield where memory was short, then what the peaks do not hold.

    Parameters
    ----------
    profile
        What was measured.

    Yields
    ------
    Notice
        The costliest first.
    """
    yield from _shortage(profile)
    yield from _beside(profile)


def _shortage(profile: Measured) -> Iterator[Notice]:
    finished = [run for run in profile.runs if run.status == "ok"]
    together = any(_is_large(_finalize_rise(run), run) for run in finished if run.workers)
    less = "reduce the result before it is put together" if together else "use smaller chunks"
    if spilled := max((run.work.spilled for run in finished), default=0):
        amount = format_bytes(spilled, decimal=profile.decimal)
        yield Notice(
            fact=f"Workers wrote up to {amount} to disk for lack of memory, which takes time",
            advice=f"Raise --memory, or {less}",
        )
    if pauses := max((run.circumstances.pauses for run in finished), default=0):
        times = "once" if pauses == 1 else f"up to {pauses} times"
        yield Notice(
            fact=f"Workers paused {times} in a run: near the limit they take no new tasks",
            advice=f"Raise --memory, or {less}",
        )
    if swapped := max((run.memory.swapped for run in profile.runs), default=0):
        amount = format_bytes(swapped, decimal=profile.decimal)
        yield Notice(
            fact=f"The system swapped out up to {amount} of the workers' memory, which takes time"
            " and is not in their peaks",
            advice="Use fewer workers, or free memory on this machine, and measure again",
        )


def _beside(profile: Measured) -> Iterator[Notice]:
    """Yield what took memory beside the workers, and which peaks are not exact."""
    on_workers = [run for run in profile.runs if run.workers]
    fullest = max((run.peak_worker or 0 for run in on_workers), default=0)
    highest = max(on_workers, key=_kernel_rise, default=None)
    rise = _kernel_rise(highest) if highest is not None else 0
    amount = format_bytes(rise, decimal=profile.decimal)
    own = highest is not None and not _is_gathered(highest)
    together = [run for run in on_workers if _is_large(_finalize_rise(run), run)]
    if together:
        most = format_bytes(max(map(_finalize_rise, together)), decimal=profile.decimal)
        copied = f", and copied it into the kernel, which took {amount} more"
        yield Notice(
            fact="compute() put the whole result together on one worker, which took"
            f" {most} more there{copied if rise > _KERNEL_RISE and not own else ''}",
            advice="If the kernel does not need all of it: end the cell with the lazy object and"
            " use --compute, reduce it first, or write it to zarr",
        )
    if highest is not None and rise > max(_KERNEL_RISE, fullest / 2) and (own or not together):
        yield _of_kernel(highest, own=own, decimal=profile.decimal)
    if children := max((run.memory.children for run in on_workers), default=0):
        amount = format_bytes(children, decimal=profile.decimal)
        yield Notice(
            fact=f"Child processes of a worker took up to {amount}, which --memory does not limit",
            advice="Leave room for them beside the workers",
        )
    peaks = [peak for run in profile.runs for peak in run.memory.worker_peaks]
    if any(not peak.exact and not peak.children and not peak.killed for peak in peaks):
        yield Notice(
            fact="Peaks are the highest samples: exact marks could not be read",
            advice="Leave room in --memory: a short peak may have been missed",
        )


def _of_kernel(run: Run, *, own: bool, decimal: bool) -> Notice:
    """Return by how much the kernel's memory rose, and for what."""
    rise, gathered = _kernel_rise(run), run.transfers.gathered
    amount, result = (format_bytes(each or 0, decimal=decimal) for each in (rise, gathered))
    if not own:
        of = f" for results of {result} that were brought there," if gathered is not None else ""
        return Notice(
            fact=f"The kernel took up to {amount} more,{of} which no worker's limit covers",
            advice=".compute() brings the whole result into the kernel: reduce it first, write it"
            " to zarr, or keep it on the workers with .persist()",
        )
    step = max(run.steps.calls, key=lambda each: each.kernel_rise, default=None)
    named = step is not None and step.kernel_rise > rise / 2
    where = f"in {step.name}" if step is not None and named else "in the cell's own code"
    return Notice(
        fact=f"The kernel itself took up to {amount} more, {where}, which no worker's limit covers;"
        f" results of {result} were brought there",
        advice="Leave room for it beside the workers, or do less there: it works in the kernel"
        if named
        else "Leave room for it beside the workers, or look for what NumPy or pandas make there",
    )


def _is_gathered(run: Run) -> bool:
    """Whether what the kernel's memory rose by is mostly results that were brought there."""
    gathered = run.transfers.gathered
    return gathered is None or _COPIES * gathered > _kernel_rise(run)


def _finalize_rise(run: Run) -> int:
    """Return what the task took that puts a result together; see `Failure.in_finalize`."""
    finalize = (part for part in run.memory.prefixes if part.in_finalize)
    return max((part.rise_low for part in finalize), default=0)


def _is_large(rise: int, run: Run) -> bool:
    return rise > _FINALIZE_FRACTION * (run.memory_limit or math.inf)


def _kernel_rise(run: Run) -> int:
    around = run.circumstances
    if around.kernel_peak is None or around.kernel_baseline is None:
        return 0
    return around.kernel_peak - around.kernel_baseline
