"""The whole flow: a cluster, each worker count in turn, each repeat in turn, one `Run` at a time."""

from __future__ import annotations

import contextlib
import datetime
import gc
import importlib.metadata
import logging
import platform
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.resize import resize
from sdprofile.cluster.session import (
    close_cluster,
    find_client,
    fit,
    is_started_here,
    lent,
    shape,
    start_cluster,
)
from sdprofile.cluster.workers import fast_start, import_modules, imported_here
from sdprofile.extras.report import check_report, performance_report
from sdprofile.measure.clean import clean_slate, wait_until_idle
from sdprofile.measure.clock import Clock
from sdprofile.measure.failures import FailureWatcher
from sdprofile.measure.machine import this_machine
from sdprofile.measure.memory import DaskMemory
from sdprofile.measure.peak import PeakMarks
from sdprofile.measure.spans import CellSpan
from sdprofile.model.memory import ClusterPeak, WorkerPeak
from sdprofile.model.profile import Profile, Run
from sdprofile.options import Options
from sdprofile.plan import Plan, make_plan

if TYPE_CHECKING:
    from distributed import Client

_PACKAGES = ("sdprofile", "spatialdata", "dask", "distributed", "numpy", "zarr", "IPython")

Work = Callable[[], object]
Notify = Callable[[str, int, int], None]


def profile(
    work: Work,
    *,
    workers: tuple[int, ...] | str | None = None,
    memory: str | int | None = None,
    threads: int | None = None,
    repeats: int = 3,
    timeout: float | None = None,
    no_fuse: bool = False,
    report: str | None = None,
) -> Profile:
    """Run a function on several worker counts and return what it took.

    Parameters
    ----------
    work
        What to measure; called without arguments, several times. It has to do the same each time.
    workers
        Worker counts in the order in which they are visited; by default 1, 2, 4 ... up to the CPUs.
    memory
        Memory limit of each worker, ``"5GB"`` or bytes; by default an equal share of what is free.
    threads
        Threads of each worker; 1 by default.
    repeats
        Runs at each count.
    timeout
        Seconds after which a run is given up.
    no_fuse
        Keep dask from fusing tasks.
    report
        Where to write dask's performance report; the worker count is added to the name.

    Returns
    -------
    Profile
        All runs. A worker that is killed for memory ends its count, not the profile.

    Raises
    ------
    SdprofileError
        If an option does not fit, or the cluster cannot be brought to a worker count.
    Exception
        What `work` raises.

    Notes
    -----
    A dask client of the session is borrowed and given back as it was. Otherwise a `LocalCluster` is
    started, and closed at the end.
    """
    options = Options(
        workers=workers,  # type: ignore[arg-type] # Options reads what people write
        memory=memory,  # type: ignore[arg-type]
        threads=threads,
        repeats=repeats,
        timeout=timeout,
        no_fuse=no_fuse,
        report=report,
    )
    sweep = Sweep(work, options, code=getattr(work, "__qualname__", repr(work)))
    found = find_client()
    try:
        for _ in sweep:
            pass
    finally:
        if found is None:
            close_cluster()
    return sweep.profile()


class Sweep:
    """Runs some work on several worker counts; iterate over it to get each `Run` as it ends.

    What has been measured so far is in `profile`, also after an error or an interrupt.
    """

    def __init__(
        self, work: Work, options: Options, *, code: str, notify: Notify | None = None
    ) -> None:
        """Prepare a sweep; nothing is started yet.

        Parameters
        ----------
        work
            What is measured.
        options
            What was asked.
        code
            How to show the work.
        notify
            Called with the phase (``"cluster"``, ``"resize"`` or ``"run"``), the worker count and
            the number of the repeat, before each.
        """
        self._work = work
        self._options = options
        self._code = code
        self._notify = notify or (lambda phase, workers, repeat: None)
        self._machine = this_machine()
        self._created = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        self._dashboard = ""
        self._runs: list[Run] = []
        self.plan: Plan | None = None

    def profile(self, *, stopped: str = "") -> Profile:
        """Return what has been measured so far.

        Parameters
        ----------
        stopped
            Why the sweep ended early, in one line.
        """
        return Profile(
            code=self._code,
            runs=tuple(self._runs),
            repeats=self._options.repeats,
            fused=not self._options.no_fuse,
            stopped=stopped,
            machine=self._machine,
            dashboard=self._dashboard,
            decimal=self.plan is not None and self.plan.decimal,
            created=self._created,
            versions=_versions(),
        )

    def __iter__(self) -> Iterator[Run]:
        """Make the runs.

        Yields
        ------
        Run
            Also one that failed. If the work itself failed or was interrupted, its exception
            follows; if a worker was killed or the time was over, the next count does.
        """
        options = self._options
        if options.report is not None:
            check_report(options.report)
        with contextlib.ExitStack() as stack:
            client, plan = self._cluster(stack)
            self._dashboard = client.dashboard_link or ""
            for workers in plan.counts:
                self._notify("resize", workers, 0)
                fit(
                    client,
                    workers=workers,
                    threads=plan.threads,
                    memory_limit=plan.memory_limit,
                )
                client.run(import_modules, imported_here())
                with performance_report(client, options.report, workers):
                    yield from self._count(client, plan, workers)

    def _cluster(self, stack: contextlib.ExitStack) -> tuple[Client, Plan]:
        """Return the client to use and the plan; what must be undone is put on the stack."""
        client = find_client()
        if client is None:
            plan = make_plan(self._options, self._machine)
            self.plan = plan
            self._notify("cluster", plan.counts[0], 0)
            client = start_cluster(
                workers=plan.counts[0], threads=plan.threads, memory_limit=plan.memory_limit
            )
        else:
            now = shape(client)
            plan = make_plan(
                self._options, self._machine, threads=now.threads, memory_limit=now.memory_limit
            )
            self.plan = plan
            stack.enter_context(lent(client))
        stack.enter_context(fast_start(fork=is_started_here(client)))
        stack.enter_context(_quiet_logs())
        return client, plan

    def _count(self, client: Client, plan: Plan, workers: int) -> Iterator[Run]:
        for repeat in range(1, plan.repeats + 1):
            self._notify("run", workers, repeat)
            run, error = run_once(
                self._work, client, plan, workers=workers, repeat=repeat, label=self._created
            )
            self._runs.append(run)
            if run.status != "ok":
                _recover(client, workers)
            yield run
            if run.status in ("failed", "interrupted") and error is not None:
                raise error
            if run.status != "ok":
                return


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
        watcher = instruments.enter_context(FailureWatcher(client, timeout=plan.timeout))
        instruments.enter_context(_dask_config(client, plan))
        span = instruments.enter_context(CellSpan(client))
        clock = Clock()

        def timed() -> None:
            with clock:
                work()

        error = watcher.watch(timed)
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
    curve = memory.curve(began=clock.began, seconds=clock.seconds)
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
        transferred=span.transferred,
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


def _recover(client: Client, workers: int) -> None:
    """Make the cluster usable after a run that did not end well."""
    gc.collect()
    resize(client, workers)


@contextlib.contextmanager
def _dask_config(client: Client, plan: Plan) -> Iterator[None]:
    """Send the cell's dask work to this client, and undo what the cell does to dask's config."""
    import dask

    changes: dict[str, Any] = {} if plan.fuse else {"optimization.fuse.active": False}
    with dask.config.set(changes), client.as_current():
        # A copy of the whole, for the cell may set what no context of ours would put back.
        before = _copy(dask.config.config)
        try:
            yield
        finally:
            dask.config.config.clear()
            dask.config.config.update(before)


def _copy(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _copy(value) for key, value in config.items()}
    return list(config) if isinstance(config, list) else config


@contextlib.contextmanager
def _quiet_logs() -> Iterator[None]:
    """Keep out of the cell's output what dask logs about a kill: the report says it better."""
    from distributed.utils import silence_logging_cmgr

    with silence_logging_cmgr(level=logging.ERROR):
        yield


def _versions() -> tuple[tuple[str, str], ...]:
    found = [("Python", platform.python_version())]
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append((package, importlib.metadata.version(package)))
    return tuple(found)
