"""What of a run's dask work went elsewhere than to the profiled workers, and what that means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.model.notice import Notice
from sdprofile.units import format_seconds, plural

if TYPE_CHECKING:
    from sdprofile.model.run import Run
    from sdprofile.results.profile import Profile

EXECUTOR = "executor"
"""Stands for a scheduler in the kernel that runs on an executor of the user's."""

_WORTH_A_WORD = 0.1
"""Fraction of a run that dask's schedulers in the kernel may take without being told."""

_MOST = 0.5
"""Fraction of a run from which it is theirs, so that worker counts make no difference to it."""


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """A scheduler beside that of the profiled workers, to which a run turned."""

    scheduler: str
    """Address of another cluster's scheduler, empty where it was gone before it could be asked; or
    what dask calls a scheduler in the kernel: ``threads``, ``processes``, ``synchronous``."""

    workers: int | None = None
    """Workers of the other cluster; None for a scheduler in the kernel."""

    started: bool = False
    """Whether the run itself started that cluster."""

    connected: bool = False
    """Whether the run itself made a client of it."""

    graphs: int = 0
    """How often it was asked to compute something."""

    seconds: float = 0.0
    """Time that a scheduler in the kernel took, in seconds; 0 for another cluster."""

    left: bool = False
    """Whether the run left a cluster that it had started running."""

    @property
    def is_cluster(self) -> bool:
        """Whether it is another cluster, not a scheduler in the kernel."""
        return self.workers is not None


def compares_workers(runs: Sequence[Run]) -> bool:
    """Whether the times of runs are those of the profiled workers.

    Parameters
    ----------
    runs
        Some of a profile.
    """
    return not any(
        place.is_cluster or place.seconds > _MOST * run.seconds
        for run in runs
        for place in run.elsewhere
    )


def elsewhere_notices(profile: Profile) -> Iterator[Notice]:
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
    if not any(place.graphs for place in places):
        fact = f"The cell {does}, but sends no work there: the times include making it"
    elif run.tasks:
        fact = f"The cell {does}: part of its tasks ran there, not on the profiled workers"
    else:
        fact = f"The cell {does}: its tasks ran there, and none on the profiled workers"
    if left := sum(place.left for place in places):
        fact += f"; {left} such {'clusters are' if left > 1 else 'cluster is'} left running"
        advice += "; what is left running ends with cluster.close(), or with the session"
    return Notice(
        fact=f"{fact}. The times say nothing about numbers of workers",
        advice=advice,
        leading=True,
    )
