"""The cluster of a sweep: found or started, kept in order, and given back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sdprofile.cluster.adapting import kept_from_adapting
from sdprofile.cluster.at_work import watch_work
from sdprofile.cluster.clean import busy_workers
from sdprofile.cluster.garbage import collect_garbage
from sdprofile.cluster.jobs import is_of_jobs, most_workers, workers_of_a_job
from sdprofile.cluster.lost import unless_lost
from sdprofile.cluster.missing import find_missing
from sdprofile.cluster.own import is_started_here, replace_cluster, start_cluster
from sdprofile.cluster.parking import can_scale, choose, keep_awake, wake_all
from sdprofile.cluster.prepare import prepare_workers, quiet_workers, release_workers
from sdprofile.cluster.quiet import quiet_logs, quiet_root
from sdprofile.cluster.resize import held_results, resize
from sdprofile.cluster.resources import take_memory_back
from sdprofile.cluster.restart import restart
from sdprofile.cluster.secure import check_secure, is_secure
from sdprofile.cluster.session import (
    find_client,
    has_client,
    is_local,
    lent,
    overridden_scheduler,
    reshape,
    shape,
)
from sdprofile.cluster.thresholds import read_thresholds
from sdprofile.cluster.worker_states import WorkerState, addresses, worker_states
from sdprofile.cluster.workers import fast_start, imported_here
from sdprofile.errors import SdprofileError
from sdprofile.interrupts import held_back, ignored
from sdprofile.model.at_work import AtWork
from sdprofile.model.machine import Machine
from sdprofile.model.memory import Thresholds
from sdprofile.model.notice import Notice
from sdprofile.model.setting import Setting
from sdprofile.options.options import Options
from sdprofile.plan import Plan, Shape, make_plan
from sdprofile.units import listed, plural

if TYPE_CHECKING:
    from distributed import Client


class Lease:
    """A context in which there is a cluster; `client` may be another one after `start_another`."""

    client: Client
    """Of the cluster."""

    def __init__(
        self, options: Options, machine: Machine, *, meanwhile: Callable[[], object] | None = None
    ) -> None:
        """Look for the session's cluster and make the plan; nothing is started yet.

        Parameters
        ----------
        options
            What was asked.
        machine
            What this machine has.
        meanwhile
            What to do while the first worker of a cluster that is started makes its imports.
        """
        self.remarks: list[Notice] = []
        self.thresholds: Thresholds | None = None
        self.secure = False
        self.dashboard = ""
        self.of_jobs = False
        self._options = options
        self._meanwhile = meanwhile
        self._machine = machine
        self._before: Shape | None = None
        self._chosen: tuple[WorkerState, ...] = ()
        self._prepared: object = None
        self._stack = contextlib.ExitStack()
        client = find_client()
        overridden = overridden_scheduler(client)
        if client is not None and options.secure:
            client = client if check_secure(client, ours=is_started_here(client)) else None
        self._found = client
        if client is None:
            if options.on:
                raise SdprofileError(
                    f"--on: expected a dask cluster in the session, got none that has workers"
                    f" {', '.join(options.on)} (connect a Client to it, or leave --on out)"
                )
            self.plan = make_plan(options, machine, has_client=False)
            self._note_overridden(overridden)
            return
        self.of_jobs = is_of_jobs(client.cluster)
        self._before = shape(client)
        self._chosen = () if can_scale(client) and not options.on else choose(client, options.on)
        found = self._before
        if self._chosen:
            found = replace(found, workers=len(self._chosen))
        self.plan = self._make_plan(client, found)
        self._note_overridden(overridden)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(quiet_root())
            if self._found is None:
                first = self.plan.settings[0]
                client = start_cluster(
                    workers=first.workers,
                    threads=first.threads,
                    memory_limit=first.memory_limit,
                    secure=self._options.secure,
                    meanwhile=self._meanwhile,
                )
            else:
                client = self._found
                self._note_held(client)
            stack.enter_context(quiet_logs())
            stack.enter_context(fast_start(fork=is_started_here(client)))
            self._take(stack, client)
            if self._before is not None and self._before.threads is None:
                # What kind of workers will come, only the workers tell.
                resize(client, self.plan.settings[0].workers)
                self.plan = self._make_plan(client, shape(client))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with held_back():  # all is given back that was taken, one after the other
            self._stack.__exit__(kind, error, traceback)

    def reshape(self, setting: Setting) -> None:
        """Bring the cluster to the workers of a setting."""
        if self._chosen:
            self._keep_awake(setting.workers)
            return
        quiet_workers(self.client)
        reshape(
            self.client,
            workers=setting.workers,
            threads=setting.threads,
            memory_limit=setting.memory_limit,
        )

    def watch(self) -> Callable[[], AtWork] | None:
        """Return what tells how far the workers are with what is sent from now on."""
        return watch_work(self.client, decimal=self.plan.decimal)

    def make_ready(self, workers: int) -> None:
        """See to it that there are so many workers that can run the cell; 0 need nothing."""
        if not workers:
            return
        # A worker may have died since, and a new one is not prepared.
        if self._chosen:
            self._keep_awake(workers)
        else:
            resize(self.client, workers)
        processes = frozenset(state.identity for state in worker_states(self.client))
        if (needed := (processes, imported_here())) != self._prepared:
            ours = self.client.cluster is not None and not self.of_jobs
            prepare_workers(self.client, in_our_terminal=ours)
            self._prepared = needed
        if self.thresholds is None:
            self.thresholds = read_thresholds(self.client)
            self.remarks += find_missing(self.client)

    def _make_plan(self, client: Client, found: Shape) -> Plan:
        most = None if self._chosen else most_workers(client.cluster)
        return make_plan(
            self._options,
            self._machine,
            found=found if most is None else replace(found, workers=most),
            ours=is_started_here(client),
            local=is_local(client),
            # Of one for each GPU, the limit is that of the store of its workers' results, too.
            fixed=bool(self._chosen) or most is not None,
            together=1 if self._chosen else workers_of_a_job(client.cluster),
            has_client=has_client(),
        )

    def _keep_awake(self, workers: int) -> None:
        """Let so many of the chosen workers work; one that died may be started again meanwhile."""
        self._chosen = choose(self.client, self._options.on, at_least=workers)
        keep_awake(self.client, [state.address for state in self._chosen[:workers]])

    def recover(self, workers: int, *, anew: bool = False) -> None:
        """Make the cluster usable after a run of so many workers that did not end well.

        Parameters
        ----------
        workers
            How many there were.
        anew
            Whether all of them are started anew, unless results are held on them: else they keep
            what they hold of a GPU.
        """
        if not workers or self.client.status != "running":
            return
        with ignored():
            collect_garbage()
            busy = busy_workers(self.client)
            done = anew and restart(self.client, addresses(self.client))
            given_up = done or not busy or restart(self.client, busy)
        if not given_up:
            fact = f"{plural(workers, 'worker')}: a task of a run that was given up goes on"
            advice = "Do not rely on times that were measured after it"
            self.remarks.append(Notice(fact=fact, advice=advice))

    def start_another(self) -> None:
        """Replace a cluster that does not do what it is asked; the user's own stays as it is."""
        if not is_started_here(self.client):
            return
        self.remarks.append(
            Notice(
                fact="The cluster did not come to the workers that were asked for, so it was closed"
                " and another one started",
                advice="Compute again what was kept on it",
            )
        )
        with held_back():
            self._take(self._stack, replace_cluster(self.client))

    def _take(self, stack: contextlib.ExitStack, client: Client) -> None:
        self.client = client
        self.dashboard = client.dashboard_link or ""
        self.secure = is_secure(client)
        if self._before is None:
            return
        stack.enter_context(kept_from_adapting(client))
        quiet_workers(client)
        # The last of these to be left: workers that go then are still quiet.
        stack.push(unless_lost(release_workers, client))
        if not self._chosen:
            stack.enter_context(lent(client, before=self._before))
            # Those that came since, as in place of one that died, may go at once.
            stack.push(unless_lost(quiet_workers, client))
        stack.push(unless_lost(take_memory_back, client))
        if self._chosen:
            # The first of these to be left, for the others ask all workers.
            stack.push(unless_lost(wake_all, client))
            self._note_parked()

    def _note_parked(self) -> None:
        counts = [setting.workers for setting in self.plan.settings]
        names = [state.name for state in self._chosen[: max(counts)]]
        others = len(worker_states(self.client, parked=True)) - min(counts)
        which = f"worker {names[0]}" if len(names) == 1 else f"workers {listed(names)}"
        first = "" if len(set(counts)) == 1 else ", smaller counts on the first of these"
        parked = "; the others were parked: they took no tasks" if others else ""
        self.remarks.append(
            Notice(
                fact=f"Run on {which} of the session's cluster{first}{parked}",
                advice="The peaks leave their memory out, dask's own MemorySampler does not; other"
                " users of the cluster were slowed down meanwhile",
            )
        )

    def _note_overridden(self, setting: str) -> None:
        if not setting or not self.plan.settings:
            return
        which = "the runs on workers" if self.plan.alone else "these runs"
        self.remarks.append(
            Notice(
                fact=f"dask.config has {setting}, which keeps work off the workers: it was"
                f" overridden for {which}",
                advice="To use the workers outside of sdprofile, too:"
                " dask.config.set(scheduler=None)",
                leading=True,
            )
        )

    def _note_held(self, client: Client) -> None:
        if not held_results(client):
            return
        collect_garbage()
        if held := held_results(client):
            self.remarks.append(
                Notice(
                    fact=f"The workers hold {held} of earlier cells, which take memory and may move"
                    " between workers",
                    advice="Delete them before you measure; a worker that is killed loses them",
                )
            )
