"""Everything that the numbers of a profile do not say by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sdprofile.explain.kernel_work import kernel_work
from sdprofile.explain.notices.elements import element_notices
from sdprofile.explain.notices.elsewhere import elsewhere_notices
from sdprofile.explain.notices.failures import failure_notices
from sdprofile.explain.notices.gpu import gpu_notices
from sdprofile.explain.notices.memory import memory_notices
from sdprofile.explain.notices.predictions import prediction_notices
from sdprofile.explain.notices.steps import step_notices
from sdprofile.explain.notices.task_memory import held_notices
from sdprofile.explain.notices.times import time_notices
from sdprofile.model.measured import compares_workers
from sdprofile.model.notice import Notice
from sdprofile.units import format_bytes, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.lazy import LazyValue
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run

__all__ = ["Notice", "make_notices"]

_MOST_NAMES = 3
"""Names that are told, at most."""

_SAME_WORK = 0.02
"""Fraction of its tasks that a run may have less: of what one graph shares with the one before,
dask runs again what it has forgotten meanwhile."""


def make_notices(profile: Measured) -> tuple[Notice, ...]:
    """Return what the numbers of a profile do not say by themselves.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    tuple of Notice
        The most important first.
    """
    return tuple(_make_notices(profile))


def _make_notices(profile: Measured) -> Iterator[Notice]:
    yield from elsewhere_notices(profile)
    yield from failure_notices(profile)
    yield from gpu_notices(profile)
    finished = [run for run in profile.runs if run.status == "ok"]
    yield from _lazy(profile, finished)
    yield from _work([run for run in finished if run.workers])
    yield from time_notices(profile)
    yield from memory_notices(profile)
    yield from held_notices(profile)
    yield from element_notices(profile)
    yield from step_notices(profile)
    yield from prediction_notices(profile)
    if not profile.fused:
        yield Notice(
            fact="Task fusion was off (--no-fuse), which changes the number of tasks and the time",
            advice="Use it to see steps, and measure times without it",
        )


def _lazy(profile: Measured, finished: list[Run]) -> Iterator[Notice]:
    """Yield what the cell left to be computed, or how it was computed for it."""
    if not finished:
        return
    lazy = next((run.data.lazy for run in finished if run.data.lazy is not None), None)
    told = lazy_words(lazy, decimal=profile.decimal) if lazy else ""
    where = " on the workers" if any(run.workers for run in finished) else ""
    if profile.compute and not lazy:
        yield Notice(
            fact="--compute had nothing to do: the cell's last value is not lazy",
            advice="End the cell with the lazy object itself, or leave --compute out",
        )
    elif profile.compute == "discard":
        yield Notice(
            fact=f"The cell's value ({told}) was computed and each block dropped as it was made",
            advice=f"The peaks leave the whole value out: --compute persist keeps it{where},"
            " .compute() in the cell brings it into the kernel",
        )
    elif profile.compute:
        yield Notice(
            fact=f"The cell's value ({told}) was computed and kept{where} to the end",
            advice="The peaks include the whole value: --compute alone drops each block when it is"
            " made",
        )
    elif lazy and not any(run.work.tasks for run in finished):
        yield Notice(
            fact=f"No task ran: the cell's value is lazy ({told})",
            advice="Add --compute to compute it as part of the run",
            leading=True,
        )


def _nothing_ran(finished: list[Run]) -> Notice:
    """Return that no task ran, and why: dask was not asked, or the results are there already."""
    asked = any(
        run.trace is not None and max(run.trace.calls.sends, default=0) > 0 for run in finished
    )
    held = finished[-1].data.held
    if asked and held:
        names_hold, delete = _held_words(held)
        return Notice(
            fact=f"No task ran on the workers: {names_hold} results there already, and dask does"
            " not compute these again",
            advice=f"{delete} before, or put what makes them into the cell",
            leading=True,
        )
    return Notice(
        fact="No task ran on the workers, so worker counts make no difference here",
        advice="Call .compute() in the cell; if it does, look for results that are held from before"
        if asked
        else "Look for a .compute() that is missing in the cell, or for what computes without dask",
        leading=True,
    )


def _held_words(held: Sequence[str]) -> tuple[str, str]:
    """Return which names hold results, ``a and b hold``, and the code that deletes them."""
    named = list(held[:_MOST_NAMES])
    return f"{listed(named)} {'holds' if len(held) == 1 else 'hold'}", f"del {', '.join(named)}"


def lazy_words(value: LazyValue, *, decimal: bool) -> str:
    """Return what is lazy in a value, in words.

    Parameters
    ----------
    value
        What a cell left to be computed.
    decimal
        True for powers of 1000 (``GB``), False for powers of 1024 (``GiB``).

    Examples
    --------
    >>> from sdprofile.model.lazy import LazyValue
    >>> value = LazyValue(kind="SpatialData", parts=3, chunks=300, nbytes=2_400_000_000)
    >>> lazy_words(value, decimal=True)
    'SpatialData, 3 lazy parts, 2.40 GB in 300 chunks'
    """
    parts = f", {plural(value.parts, 'lazy part')}" if value.parts > 1 else ""
    size = "" if value.nbytes is None else f"{format_bytes(value.nbytes, decimal=decimal)} in "
    return f"{value.kind}{parts}, {size}{plural(value.chunks, 'chunk')}"


def _work(finished: list[Run]) -> Iterator[Notice]:
    """Yield who did the work, if not the workers, and whether each run did the same."""
    if not finished:
        return
    named = not compares_workers(finished)  # who did it, by `elsewhere_notices`
    work = None if named else kernel_work(finished)
    if work is not None:
        yield Notice(
            fact="Most of the work was done in the kernel, not on the workers: it used"
            f" {work.cores:.1f} cores on average, their threads were busy for"
            f" {100 * work.busy:.0f} % of the time{f'; {work.where}' if work.where else ''}",
            advice="Do less there, where more workers cannot help, or do the same block by block on"
            " the workers (map_raster, map_partitions)"
            if work.where
            else "Look for plain NumPy or pandas, or a library that computes with"
            ' scheduler="threads": worker counts make no difference to these',
            leading=not any(run.work.tasks for run in finished),
        )
    elif not named and not any(run.work.tasks or run.data.lazy for run in finished):
        yield _nothing_ran(finished)
    elif not named and (held := finished[-1].data.held):
        names_hold, delete = _held_words(held)
        yield Notice(
            fact=f"{names_hold} results on the workers from before, which the runs do not compute"
            " again: the times leave out what makes them",
            advice=f"To measure that, too, {delete} before, and put what makes them into the cell",
        )
    yield from _same_work(finished)


def _same_work(finished: list[Run]) -> Iterator[Notice]:
    """Yield that runs had not the same tasks, or those of some counts none at all."""
    least, most = min(run.work.tasks for run in finished), max(run.work.tasks for run in finished)
    with_tasks = {run.workers for run in finished if run.work.tasks}
    without = [run for run in finished if run.workers not in with_tasks]
    if with_tasks and without:
        counts = [str(workers) for workers in sorted({run.workers for run in without})]
        one_thread = all(run.workers * run.setting.threads == 1 for run in without)
        yield Notice(
            fact=f"With {listed(counts)} worker{'s' if counts != ['1'] else ''} no task ran on the"
            " workers: that is what the kernel takes by itself",
            advice="Leave that count out to compare workers, or use --threads 2: with one thread in"
            " all, joblib computes in the kernel"
            if one_thread
            else "Look for choices by the number of workers; compare times with care",
        )
    elif most - least > _SAME_WORK * most:
        yield Notice(
            fact=f"The runs did not do the same work: {least} to {most} tasks",
            advice="Look for results that are held between runs, and for choices by the number of"
            " workers; compare times with care",
        )
