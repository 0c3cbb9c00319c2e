"""One run under all instruments, outside of whose clock everything else happens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sdprofile.errors import SdprofileError
from sdprofile.measure.clean import clean_slate, wait_until_idle
from sdprofile.measure.clock import Clock
from sdprofile.measure.failures import FailureWatcher
from sdprofile.measure.memory import DaskMemory
from sdprofile.measure.peak import PeakMarks
from sdprofile.measure.spans import CellSpan
from sdprofile.measure.transfers import Transfers
from sdprofile.model.memory import ClusterPeak, WorkerPeak
from sdprofile.model.run import Run
from sdprofile.plan import Plan

if TYPE_CHECKING:
    from distributed import Client

Work = Callable[[], object]


def run_once(
    work: Work, client: Client, plan: Plan, *, workers: int, repeat: int, label: str
) -> tuple[Run, BaseException | None]:
    """Execute the work once under all instruments.

    Parameters
    ----------
    work
        What is measured.
    client
        Of a cluster with exactly `workers` workers.
    plan
        Limits and fusion.
    workers, repeat
        Which run this is.
    label
        Makes the label of the memory samples unique.

    Returns
    -------
    run, error
        What was measured, and what the work raised, if it did.
    """
    clean_slate(client)
    with contextlib.ExitStack() as instruments:
        marks = instruments.enter_context(PeakMarks(client))
        memory = instruments.enter_context(
            DaskMemory(client, label=f"sdprofile {label} {workers}/{repeat}")
        )
        transfers = instruments.enter_context(Transfers(client))
        watcher = instruments.enter_context(FailureWatcher(client, timeout=plan.timeout))
        instruments.enter_context(_dask_config(client, plan))
        span = instruments.enter_context(CellSpan(client))
        clock = Clock()

        def timed() -> None:
            with clock:
                work()

        error = watcher.watch(timed)
        if client.status != "running":
            raise SdprofileError(
                "the cell: expected it to leave the dask client that it runs on open, got it closed"
                " (take client.close() out of the cell)"
            ) from error
        if error is not None:
            watcher.cancel()
            wait_until_idle(client)
    failure = watcher.failure(
        error,
        workers=workers,
        repeat=repeat,
        seconds=clock.seconds,
        memory_limit=plan.memory_limit,
    )
    peaks = _with_killed(marks, watcher)
    curve = memory.curve(began=clock.began, seconds=clock.seconds, until=watcher.killed_at)
    run = Run(
        workers=workers,
        threads=plan.threads,
        memory_limit=plan.memory_limit,
        repeat=repeat,
        status=failure.status if failure else "ok",
        seconds=clock.seconds,
        tasks=span.tasks,
        worker_peaks=peaks,
        cluster_peak=_cluster_peak(peaks, curve.nbytes if curve else ()),
        spilled=span.spilled,
        transferred=transfers.nbytes,
        cpu_seconds=span.cpu_seconds,
        curves=(curve,) if curve else (),
        spans=span.activities,
        failure=failure,
    )
    return run, error


def _with_killed(marks: PeakMarks, watcher: FailureWatcher) -> tuple[WorkerPeak, ...]:
    if watcher.killed is None:
        return marks.peaks
    worker = watcher.killed["worker"]
    killed = WorkerPeak(
        worker=worker,
        baseline=marks.baselines.get(worker, 0),
        peak=watcher.killed["rss"],
        killed=True,
    )
    return (*marks.peaks, killed)


def _cluster_peak(peaks: tuple[WorkerPeak, ...], samples: tuple[int, ...]) -> ClusterPeak | None:
    """Return the bracket; the fullest worker alone is a lower bound, too."""
    if not peaks:
        return None
    high = sum(peak.peak for peak in peaks)
    low = max([*samples, *(peak.peak for peak in peaks)])
    return ClusterPeak(low=min(low, high), high=high)


@contextlib.contextmanager
def _dask_config(client: Client, plan: Plan) -> Iterator[None]:
    """Send the cell's dask work to this client, and undo what the cell does to dask's config."""
    import dask

    # The first keeps tasks apart, the second the blockwise layers of arrays.
    unfused = {"optimization.fuse.active": False, "array_optimize": _only_cull}
    changes: dict[str, Any] = {} if plan.fuse else unfused
    with dask.config.set(changes), client.as_current():
        # A copy of the whole, for the cell may set what no context of ours would put back.
        before = _copy(dask.config.config)
        try:
            yield
        finally:
            # Never empty in between: dask's own threads read it all the time.
            dask.config.config.update(before)
            for key in dask.config.config.keys() - before.keys():
                del dask.config.config[key]


def _only_cull(graph: Any, keys: Any, **_: object) -> Any:
    """Optimise an array's graph (`dask.array.optimization.optimize`) without fusing anything."""
    from dask.core import flatten
    from dask.highlevelgraph import HighLevelGraph

    if not isinstance(graph, HighLevelGraph):
        graph = HighLevelGraph.from_collections(str(id(graph)), graph, dependencies=())
    return graph.cull(set(flatten(keys)))


def _copy(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _copy(value) for key, value in config.items()}
    return list(config) if isinstance(config, list) else config
