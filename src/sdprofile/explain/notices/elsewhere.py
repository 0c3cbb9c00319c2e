"""Where dask work went, if not to the profiled workers, and what that means for the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sdprofile.model.elsewhere import EXECUTOR, Elsewhere
from sdprofile.model.notice import Notice
from sdprofile.units import format_seconds, listed, plural

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import Run

_WORTH_A_WORD = 0.1
"""Fraction of a run that dask's schedulers in the kernel may take without being told."""


def elsewhere_notices(profile: Measured) -> Iterator[Notice]:
    """Yield where the dask work of the runs went, if not to the profiled workers.

    Parameters
    ----------
    profile
        What was measured.

    Yields
    ------
    Notice
        To be read before the numbers.
    """
    clusters = [(place, run) for run in profile.runs for place in run.elsewhere if place.is_cluster]
    if clusters:
        yield _of_clusters([place for place, _ in clusters], clusters[-1][1])
    in_kernel = [
        (place, run)
        for run in profile.runs
        for place in run.elsewhere
        if not place.is_cluster and place.seconds >= _WORTH_A_WORD * run.seconds
    ]
    # The longest of each is the last, and so the one that is kept.
    for place, run in {
        place.scheduler: (place, run)
        for place, run in sorted(in_kernel, key=lambda pair: pair[0].seconds)
    }.values():
        yield _in_kernel(place, run)
    yield from _other_than_named(profile)


def _other_than_named(profile: Measured) -> Iterator[Notice]:
    """Yield that a cell without a cluster asked for another scheduler than the one to be tried."""
    for run in profile.runs:
        named, others = run.setting.scheduler, set(run.work.schedulers) - {run.setting.scheduler}
        if named and others:
            yield Notice(
                fact=f"Without a cluster the cell asked for {listed(sorted(others))} itself, in"
                f" place of --scheduler {named}",
                advice="Take scheduler= and dask.config.set(scheduler=...) out of the cell",
                leading=True,
            )
            return


def _in_kernel(place: Elsewhere, run: Run) -> Notice:
    asked = f'scheduler="{place.scheduler}"'
    if place.scheduler == EXECUTOR:
        asked = "an executor as scheduler"
    return Notice(
        fact=f"The cell computed with {asked}, outside the workers, for up to"
        f" {format_seconds(place.seconds)} of {format_seconds(run.seconds)}: worker counts make no"
        " difference to that",
        advice="Take scheduler= and dask.config.set(scheduler=...) out of the cell; if a library"
        " asks for it, no setting of the workers changes that part",
        leading=True,
    )


def _of_clusters(places: Sequence[Elsewhere], run: Run) -> Notice:
    """Return what is to be said of other clusters: of the last one, as others are like it."""
    last = places[-1]
    name = f"{last.scheduler}, {plural(last.workers or 0, 'worker')}" if last.scheduler else ""
    where = f" ({name})" if name else ""
    advice = "Leave Client and LocalCluster out of the cell: --workers sets the number of workers"
    if last.started:
        does = f"starts a cluster of its own{where}"
    elif last.connected:
        does = f"connects to another cluster than the profiled one{where}"
    else:
        does = f"uses a client of another cluster than the profiled one{where}"
        advice = (
            "Compute with the session's default client, as .compute() and get_client() do; to"
            " profile that other cluster, make its client the default: close the other one"
        )
    where = "on the profiled workers" if run.workers else "in the kernel"
    if not any(place.graphs for place in places):
        fact = f"The cell {does}, but sends no work there: the times include making it"
    elif run.work.tasks:
        fact = f"The cell {does}: part of its tasks ran there, not {where}"
    else:
        fact = f"The cell {does}: its tasks ran there, and none {where}"
    if left := sum(place.left for place in places):
        fact += f"; {left} such {'clusters are' if left > 1 else 'cluster is'} left running"
        advice += "; end what is left with cluster.close(), or with the session"
    return Notice(
        fact=f"{fact}. The times say nothing about worker counts",
        advice=advice,
        leading=True,
    )
