"""One run under all instruments, outside of whose clock everything else happens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sdprofile.errors import SdprofileError
from sdprofile.measure.circumstances import Surroundings
from sdprofile.measure.clean import clean_slate, wait_until_idle
from sdprofile.measure.clock import Clock
from sdprofile.measure.dask_memory import DaskMemory
from sdprofile.measure.failures import FailureWatcher
from sdprofile.measure.memory import WorkerMemory
from sdprofile.measure.peak import PeakMarks
from sdprofile.measure.spans import ROOT_SHOWN, CellSpan
from sdprofile.measure.transfers import Transfers
from sdprofile.model.memory import ClusterPeak, Curve, WorkerPeak, highest_sum
from sdprofile.model.run import Run
from sdprofile.model.spans import share_out
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
        enter = instruments.enter_context
        memory = enter(WorkerMemory(client))
        dask = enter(DaskMemory(client, label=f"sdprofile {label} {workers}/{repeat}"))
        transfers = enter(Transfers(client))
        marks = enter(PeakMarks(client))
        watcher = enter(FailureWatcher(client, timeout=plan.timeout))
        enter(_dask_config(client, plan))
        span = enter(CellSpan(client))
        # The last, for its times are of all that happens within.
        surroundings = enter(Surroundings(client))
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
    sampled = memory.curves(began=clock.began, seconds=clock.seconds)
    until = watcher.killed_at
    run = Run(
        workers=workers,
        threads=plan.threads,
        memory_limit=plan.memory_limit,
        repeat=repeat,
        status=failure.status if failure else "ok",
        seconds=clock.seconds,
        tasks=span.tasks,
        worker_peaks=(peaks := worker_peaks(marks, sampled, killed=watcher.killed)),
        cluster_peak=_cluster_peak(peaks, sampled),
        spilled=span.spilled,
        transferred=transfers.nbytes,
        cpu_seconds=span.cpu_seconds,
        curves=(*sampled, *dask.curves(began=clock.began, seconds=clock.seconds, until=until)),
        spans=share_out(
            span.activities,
            thread_seconds=workers * plan.threads * clock.seconds,
            span=ROOT_SHOWN,
        ),
        task_memory=marks.task_memory,
        circumstances=replace(surroundings.circumstances, swapped=marks.swapped),
        failure=failure,
    )
    return run, error


def worker_peaks(
    marks: PeakMarks, sampled: Sequence[Curve], *, killed: Mapping[str, Any] | None
) -> tuple[WorkerPeak, ...]:
    """Return the peak of each worker, from its mark and from what was sampled of it.

    Parameters
    ----------
    marks
        Read after the run.
    sampled
        Curves of the workers.
    killed
        What its nanny told of a worker that it killed: ``worker`` and ``rss`` (bytes).

    Returns
    -------
    tuple of WorkerPeak
        For workers that lived through the run and the one that was killed.
    """
    highest: dict[tuple[str, str], int] = {
        (curve.worker, curve.measure): max(curve.nbytes) for curve in sampled
    }
    baselines = marks.baselines or {
        curve.worker: curve.nbytes[0] for curve in sampled if curve.measure == "process"
    }
    peaks = []
    for worker, baseline in baselines.items():
        mark = marks.peaks.get(worker)
        children = highest.get((worker, "children"), 0)
        seen = highest.get((worker, "process"), 0)
        is_killed = killed is not None and killed["worker"] == worker
        if is_killed and killed is not None:
            seen = max(seen, killed["rss"])
        elif mark is None and marks.baselines:
            continue  # it died of something else, nobody knows at how much
        exact = mark is not None and not children
        peak = mark if exact and mark is not None else max(seen, mark or 0)
        peaks.append(
            WorkerPeak(
                worker=worker,
                baseline=baseline,
                peak=peak,
                children=children,
                exact=exact,
                killed=is_killed,
            )
        )
    return tuple(peaks)


def _cluster_peak(peaks: Sequence[WorkerPeak], sampled: Sequence[Curve]) -> ClusterPeak | None:
    """Return the bracket; the fullest worker alone is a lower bound, too."""
    if not peaks:
        return None
    high = sum(peak.peak for peak in peaks)
    together = highest_sum(curve for curve in sampled if curve.measure == "process")
    low = max(together, *(peak.peak for peak in peaks))
    return ClusterPeak(low=min(low, high), high=high)


@contextlib.contextmanager
def _dask_config(client: Client, plan: Plan) -> Iterator[None]:
    """Send the cell's dask work to this client, and undo what the cell does to dask's config."""
    import dask

    # The first keeps tasks apart, the second the blockwise layers of arrays.
    unfused = {"optimization.fuse.active": False, "array_optimize": _only_cull}
    changes: dict[str, Any] = {} if plan.fuse else unfused
    # A copy of the whole, for the cell may set what no context of ours would put back.
    before = _copy(dask.config.config)
    try:
        with dask.config.set(changes), client.as_current():
            yield
    finally:
        if client.status != "running":  # a client that is closed takes its scheduler with it
            before.pop("scheduler", None)
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
