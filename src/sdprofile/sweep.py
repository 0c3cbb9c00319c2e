"""The whole flow: a cluster, one visit to a worker count after another, a `Run` at a time."""

from __future__ import annotations

import contextlib
import datetime
import logging
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

from sdprofile.cluster.dashboard import tunnel_here
from sdprofile.cluster.garbage import collect_garbage
from sdprofile.cluster.resize import held_results, resize, restart
from sdprofile.cluster.secure import check_secure, is_secure
from sdprofile.cluster.session import (
    find_client,
    fit,
    is_local,
    is_started_here,
    lent,
    shape,
    start_cluster,
)
from sdprofile.cluster.workers import fast_start, prepare_workers, release_workers
from sdprofile.extras.report import check_report, performance_report
from sdprofile.interrupts import held_back, ignored
from sdprofile.measure.clean import busy_workers
from sdprofile.measure.machine import this_machine, versions
from sdprofile.measure.run import Work, run_once
from sdprofile.model.notices import Notice
from sdprofile.model.profile import Profile
from sdprofile.model.progress import Step
from sdprofile.model.run import Run
from sdprofile.model.units import plural
from sdprofile.options import Options
from sdprofile.order import Visit, next_visit, runs_left
from sdprofile.plan import Plan, make_plan

if TYPE_CHECKING:
    from distributed import Client

Around = Callable[[], contextlib.AbstractContextManager[None]]


Notify = Callable[[Step], None]


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
        self._secure = False
        self._plan: Plan | None = None
        self._remarks: list[Notice] = []
        self.runs: list[Run] = []

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
            secure=self._secure,
            dashboard=self._dashboard,
            tunnel=tunnel_here(self._dashboard),
            decimal=self._plan is not None and self._plan.decimal,
            created=self._created,
            versions=versions(),
            remarks=tuple(self._remarks),
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
            self._secure = is_secure(client)
            while (visit := next_visit(plan, self.runs)) is not None:
                self._tell(visit.workers, 0)
                fit(
                    client,
                    workers=visit.workers,
                    threads=plan.threads,
                    memory_limit=plan.memory_limit,
                )
                with performance_report(client, options.report, visit.workers):
                    yield from self._visit(client, plan, visit)

    def _cluster(self, stack: contextlib.ExitStack) -> tuple[Client, Plan]:
        """Return the client to use and the plan; what must be undone is put on the stack."""
        client = find_client()
        if client is not None and self._options.secure:
            client = client if check_secure(client, ours=is_started_here(client)) else None
        found = client is not None
        if client is None:
            plan = make_plan(self._options, self._machine)
            self._plan = plan
            self._tell(plan.counts[0], 0)
            client = start_cluster(
                workers=plan.counts[0],
                threads=plan.threads,
                memory_limit=plan.memory_limit,
                secure=self._options.secure,
            )
        else:
            plan = make_plan(
                self._options,
                self._machine,
                found=shape(client),
                ours=is_started_here(client),
                local=is_local(client),
            )
            self._plan = plan
            self._note_held(client)
        stack.enter_context(_quiet_logs())
        stack.enter_context(fast_start(fork=is_started_here(client)))
        if found:
            stack.enter_context(lent(client))
            stack.callback(release_workers, client)
        return client, plan

    def _note_held(self, client: Client) -> None:
        collect_garbage()
        if held := held_results(client):
            self._remarks.append(
                Notice(
                    fact=f"The workers hold {held} of earlier cells, which take memory and may move"
                    " between workers",
                    advice="Delete them before you measure; a worker that is killed loses them",
                )
            )

    def _recover(self, client: Client, workers: int) -> None:
        """Make the cluster usable after a run that did not end well."""
        collect_garbage()
        busy = busy_workers(client)
        if busy and not restart(client, busy):
            self._remarks.append(
                Notice(
                    fact=f"{plural(workers, 'worker')}: a task of a run that was given up goes on",
                    advice="Do not trust the times of what ran after it",
                )
            )

    def _tell(self, workers: int, repeat: int) -> None:
        step = Step(
            workers=workers,
            repeat=repeat,
            repeats=self._options.repeats,
            done=len(self.runs),
            left=runs_left(self._plan, self.runs) if self._plan else (),
            dashboard=self._dashboard,
        )
        self._notify(step)

    def _visit(self, client: Client, plan: Plan, visit: Visit) -> Generator[Run, None, None]:
        workers = visit.workers
        made = sum(run.workers == workers for run in self.runs)
        for repeat in range(made + 1, made + 1 + visit.repeats):
            self._tell(workers, repeat)
            with held_back():
                # A worker may have died since, and a new one is not prepared.
                resize(client, workers)
                prepare_workers(client)
                with self._around():
                    run, error = run_once(
                        self._work,
                        client,
                        plan,
                        workers=workers,
                        repeat=repeat,
                        label=self._created,
                    )
                self.runs.append(run)
                if run.status not in ("failed", "interrupted"):
                    error = None  # its traceback holds what the cell held
                if run.status != "ok" and client.status == "running":
                    with ignored():
                        self._recover(client, workers)
            yield run
            if error is not None:
                raise error
            if run.status != "ok":
                return


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
