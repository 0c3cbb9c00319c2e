"""The whole flow: a cluster, each worker count in turn, each repeat in turn, a `Run` at a time."""

from __future__ import annotations

import contextlib
import datetime
import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.cluster.dashboard import tunnel_here
from sdprofile.cluster.garbage import collect_garbage
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
from sdprofile.cluster.workers import fast_start, prepare_workers, release_workers
from sdprofile.extras.report import check_report, performance_report
from sdprofile.measure.machine import this_machine, versions
from sdprofile.measure.run import Work, run_once
from sdprofile.model.profile import Profile
from sdprofile.model.run import Run
from sdprofile.options import Options
from sdprofile.plan import Plan, make_plan

if TYPE_CHECKING:
    from distributed import Client

Around = Callable[[], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a sweep does next."""

    workers: int
    """Worker count."""

    repeat: int
    """Number of the repeat; 0 while the cluster is brought to the count."""

    done: int
    """Runs that are done."""

    left: int
    """Runs that are still to do, at most."""


Notify = Callable[[Step], None]


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
        self,
        work: Work,
        options: Options,
        *,
        code: str,
        around: Around = contextlib.nullcontext,
        notify: Notify | None = None,
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
        around
            Gives a context that is entered before each run and left after it, outside the clock.
        notify
            Called before each step.
        """
        self._work = work
        self._options = options
        self._code = code
        self._around = around
        self._notify = notify or (lambda step: None)
        self._machine = this_machine()
        self._created = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        self._dashboard = ""
        self._plan: Plan | None = None
        self.runs: list[Run] = []
        self._left = 0

    def profile(self, *, stopped: str = "") -> Profile:
        """Return what has been measured so far.

        Parameters
        ----------
        stopped
            Why the sweep ended early, in one line.
        """
        return Profile(
            code=self._code,
            runs=tuple(self.runs),
            repeats=self._options.repeats,
            fused=not self._options.no_fuse,
            stopped=stopped,
            machine=self._machine,
            dashboard=self._dashboard,
            tunnel=tunnel_here(self._dashboard),
            decimal=self._plan is not None and self._plan.decimal,
            created=self._created,
            versions=versions(),
        )

    def __iter__(self) -> Generator[Run, None, None]:
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
            for index, workers in enumerate(plan.counts):
                self._left = (len(plan.counts) - index) * plan.repeats
                self._tell(workers, 0)
                fit(
                    client,
                    workers=workers,
                    threads=plan.threads,
                    memory_limit=plan.memory_limit,
                )
                prepare_workers(client)
                with performance_report(client, options.report, workers):
                    yield from self._count(client, plan, workers)

    def _cluster(self, stack: contextlib.ExitStack) -> tuple[Client, Plan]:
        """Return the client to use and the plan; what must be undone is put on the stack."""
        client = find_client()
        if client is None:
            plan = make_plan(self._options, self._machine)
            self._plan = plan
            self._left = len(plan.counts) * plan.repeats
            self._tell(plan.counts[0], 0)
            client = start_cluster(
                workers=plan.counts[0], threads=plan.threads, memory_limit=plan.memory_limit
            )
        else:
            now = shape(client)
            plan = make_plan(
                self._options, self._machine, threads=now.threads, memory_limit=now.memory_limit
            )
            self._plan = plan
            stack.enter_context(lent(client))
            stack.callback(release_workers, client)
        stack.enter_context(fast_start(fork=is_started_here(client)))
        stack.enter_context(_quiet_logs())
        return client, plan

    def _tell(self, workers: int, repeat: int) -> None:
        self._notify(Step(workers=workers, repeat=repeat, done=len(self.runs), left=self._left))

    def _count(self, client: Client, plan: Plan, workers: int) -> Generator[Run, None, None]:
        for repeat in range(1, plan.repeats + 1):
            self._tell(workers, repeat)
            with self._around():
                run, error = run_once(
                    self._work, client, plan, workers=workers, repeat=repeat, label=self._created
                )
            self.runs.append(run)
            self._left -= 1
            if run.status != "ok":
                _recover(client, workers)
            yield run
            if run.status in ("failed", "interrupted") and error is not None:
                raise error
            if run.status != "ok":
                return


def _recover(client: Client, workers: int) -> None:
    """Make the cluster usable after a run that did not end well."""
    collect_garbage()
    resize(client, workers)
    prepare_workers(client)


@contextlib.contextmanager
def _quiet_logs() -> Iterator[None]:
    """Keep out of the cell's output what dask logs about a kill: the report says it better."""
    from distributed.client import AllExit
    from distributed.utils import silence_logging_cmgr

    def not_by_cancelling(record: logging.LogRecord) -> bool:
        return not (record.exc_info and record.exc_info[0] is AllExit)

    logger = logging.getLogger("asyncio")
    logger.addFilter(not_by_cancelling)
    try:
        with silence_logging_cmgr(level=logging.CRITICAL):
            yield
    finally:
        logger.removeFilter(not_by_cancelling)
