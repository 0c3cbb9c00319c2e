"""The whole flow: a cluster, one visit to a setting after another, a `Run` at a time."""

from __future__ import annotations

import contextlib
import datetime
import time
from collections.abc import Generator, Iterator
from dataclasses import replace

from sdprofile.agenda import Agenda
from sdprofile.cluster.dashboard import tunnel_here
from sdprofile.cluster.lease import Lease
from sdprofile.cluster.lost import told_if_lost
from sdprofile.cluster.performance_report import check_report, performance_report
from sdprofile.cluster.quiet import quiet_root
from sdprofile.cluster.session import is_local
from sdprofile.errors import NotReachedError, SdprofileError
from sdprofile.interrupts import held_back
from sdprofile.measure.allocations import check_memray
from sdprofile.measure.alone import run_alone
from sdprofile.measure.gpu_libraries import free_kept
from sdprofile.measure.machine import this_machine, versions
from sdprofile.measure.run import run_not_made, run_once, step_functions
from sdprofile.model.allocations import Allocations
from sdprofile.model.failure import NO_GPU_MEMORY
from sdprofile.model.measured import with_one_trace
from sdprofile.model.memory import Thresholds
from sdprofile.model.notice import Notice
from sdprofile.model.prediction import Predictions
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.options.options import Options
from sdprofile.order import Visit
from sdprofile.output_files import check_file
from sdprofile.plan import Plan
from sdprofile.progress import Notify, Step, Teller, telling
from sdprofile.repeats import enough_repeats
from sdprofile.replay.predictor import Predictor
from sdprofile.results.profile import Profile
from sdprofile.subject import Subject
from sdprofile.tracking import track_allocations

_UNFINISHED = "not finished: what was measured when the session ended"


class Sweep:
    """Runs some work with several settings; iterate over it to get each `Run` as it ends.

    What has been measured so far is in `profile`, also after an error or an interrupt.
    """

    def __init__(
        self,
        subject: Subject,
        options: Options,
        *,
        rival: Subject | None = None,
        notify: Notify | None = None,
    ) -> None:
        """Prepare a sweep; nothing is started yet.

        Parameters
        ----------
        subject
            What is measured.
        options
            What was asked.
        rival
            What takes turns with it, one run against one, to be held against it; None for nothing.
        notify
            Called before each step. Without it a line on standard error tells if it will take long.
        """
        self._subject = subject
        self._options = options
        self._rival = rival
        self._notify = notify
        self._teller = Teller(notify)
        self._machine = this_machine()
        self._created = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        self._lease: Lease | None = None
        self._remarks: tuple[Notice, ...] = ()
        self._agenda = Agenda(options)
        self._predictor: Predictor | None = None
        self._predicted: Predictions | None = None
        self._allocated: Allocations | None = None
        self.runs: list[Run] = []
        self._rival_runs: list[Run] = []

    def profile(self, *, stopped: str = "") -> Profile:
        """Return what has been measured so far; `stopped` says why it ended early, in one line."""
        made = self._profile(self._subject, self.runs)
        return replace(
            made, stopped=stopped, predictions=self._predicted, allocated=self._allocated
        )

    def rival_profile(self) -> Profile | None:
        """Return what has been measured of the rival; None if it was never run."""
        if self._rival is None or not self._rival_runs:
            return None
        return self._profile(self._rival, self._rival_runs)

    def _profile(self, subject: Subject, runs: list[Run]) -> Profile:
        lease = self._lease
        dashboard = lease.dashboard if lease else ""
        return Profile(
            code=subject.code,
            runs=with_one_trace(runs),
            repeats=self._agenda.repeats,
            fused=not self._options.no_fuse,
            compute=self._options.compute or "",
            machine=self._machine,
            thresholds=(lease.thresholds if lease else None) or Thresholds(),
            secure=lease is not None and lease.secure,
            dashboard=dashboard,
            tunnel=tunnel_here(dashboard),
            decimal=lease is not None and lease.plan.decimal,
            created=self._created,
            versions=versions(),
            remarks=(*subject.remarks, *lease.remarks, *self._remarks) if lease else (),
        )

    def keep(self, *, stopped: str = "") -> Profile:
        """Return `profile`, and write it to the file that was asked for."""
        path = self._options.save
        if path is not None:
            from sdprofile.results.storage import save

            self._remarks = ()
            try:
                save(self.profile(stopped=stopped), path)
            except SdprofileError as error:
                advice = "Write it elsewhere: profile.save(path)"
                self._remarks = (Notice(fact=f"It was not saved: {error}", advice=advice),)
        return self.profile(stopped=stopped)

    def __iter__(self) -> Generator[Run, None, None]:
        """Make the runs.

        Yields
        ------
        Run
            Also one that failed. If the work itself failed or was interrupted, its exception
            follows; if a worker was killed, or the run was stuck, the next setting does.
        """
        if (report := self._options.report) is not None:
            check_report(report)
        if self._options.save is not None:
            check_file("--save", self._options.save)
        if self._options.allocations:
            check_memray()
        self._agenda = Agenda(self._options)  # whose time counts from now
        with quiet_root():
            ahead = step_functions if self._options.steps == "auto" else None
            lease = self._lease = Lease(self._options, self._machine, meanwhile=ahead)
        yield from self._without_cluster(lease)
        if not lease.plan.settings:
            return
        self._tell(lease, lease.plan.settings[0], 0)
        with self._predicting(), lease, told_if_lost(lease):
            if self._options.predict:
                local = is_local(lease.client)
                self._predictor = Predictor(cpus=self._machine.cpus if local else 0)
            self._agenda.start()
            while (visit := self._next_visit(lease)) is not None:
                self._tell(lease, visit.setting, 0)
                began = time.perf_counter()
                try:
                    lease.reshape(visit.setting)
                    with performance_report(lease.client, report, lease.plan.name(visit.setting)):
                        yield from self._visit(lease, visit)
                except NotReachedError as error:
                    seconds = time.perf_counter() - began
                    run = run_not_made(visit.setting, self.runs, error, seconds=seconds)
                    self.runs.append(run)
                    self.keep(stopped=_UNFINISHED)
                    yield run
                    lease.start_another()
            if self._options.allocations:
                self._allocated = track_allocations(self.runs, lease, self._subject, self._notify)
            lease.remarks += self._agenda.close(lease.plan, self.runs)

    def _without_cluster(self, lease: Lease) -> Generator[Run, None, None]:
        self._agenda.start()
        while left := self._agenda.left_alone(lease.plan, self.runs):
            yield from self._visit(lease, Visit(setting=left[0], repeats=1))
        free_kept(self.runs)  # the workers need it

    @contextlib.contextmanager
    def _predicting(self) -> Iterator[None]:
        """Predict at the end, of whatever has been measured then."""
        try:
            yield
        finally:
            if self._predictor is not None:
                tell = telling(self._notify, "predicting", done=len(self.runs))
                self._predicted = self._predictor.predict(self._options.predict or (), tell=tell)

    def _tell(self, lease: Lease, setting: Setting, repeat: int) -> None:
        step = Step(
            name=lease.plan.name(setting),
            repeat=repeat,
            repeats=self._agenda.repeats,
            done=len(self.runs) + len(self._rival_runs),
            left=self._left(lease.plan),
            dashboard=lease.dashboard,
            way="waiting for the jobs of" if lease.of_jobs else "starting",
            look=lease.watch() if repeat and setting.workers else None,
        )
        self._teller.tell(step, self.runs)

    def _left(self, plan: Plan) -> tuple[Setting, ...]:
        """Return the settings of the runs that are still to be made, those of both."""
        left = self._agenda.left(plan, self.runs)
        if not any(run.workers for run in self.runs):
            left = (*self._agenda.left_alone(plan, self.runs), *left)
        return left if self._rival is None else tuple(each for each in left for _ in range(2))

    def _next_visit(self, lease: Lease) -> Visit | None:
        """Return what to do next; once all is done more, if that may tell more and takes little."""

        def enough(plan: Plan) -> int:
            return enough_repeats(
                plan,
                self.profile(),
                rival=self.rival_profile(),
                seconds=self._agenda.seconds,
                within=self._options.budget,
            )

        return self._agenda.next_visit(lease.plan, self.runs, enough=enough)

    def _visit(self, lease: Lease, visit: Visit) -> Generator[Run, None, None]:
        # The work may need a cluster: what it raises without one ends only these runs.
        may_fail = visit.setting in lease.plan.alone and bool(lease.plan.settings)
        made = sum(run.setting == visit.setting for run in self.runs)
        for repeat in range(made + 1, made + 1 + visit.repeats):
            # By turns the one that goes first, and in the end the names are those of the subject.
            rival_first = (self._agenda.repeats - repeat) % 2 == 0
            if rival_first:
                self._run_rival(lease, visit.setting, repeat)
            self._tell(lease, visit.setting, repeat)
            with held_back():
                run, error = self._run(lease, self._subject, visit.setting, repeat)
                self.runs.append(run)
                self.keep(stopped=_UNFINISHED)
                if run.status != "ok":
                    lease.recover(visit.setting.workers, anew=run.status == NO_GPU_MEMORY)
            yield run
            if error is not None and not (may_fail and run.status == "failed"):
                raise error
            if run.status != "ok":
                return
            if not rival_first:
                self._run_rival(lease, visit.setting, repeat)

    def _run_rival(self, lease: Lease, setting: Setting, repeat: int) -> None:
        """Run the rival, unless it did not end well here before; its own errors end only it."""
        ended = any(run.setting == setting and run.status != "ok" for run in self._rival_runs)
        if self._rival is None or ended:
            return
        self._tell(lease, setting, repeat)
        with held_back():
            run, error = self._run(lease, self._rival, setting, repeat)
            self._rival_runs.append(run)
            if run.status != "ok":
                lease.recover(setting.workers, anew=run.status == NO_GPU_MEMORY)
        if run.status == "interrupted" and error is not None:
            raise error

    def _run(
        self, lease: Lease, subject: Subject, setting: Setting, repeat: int
    ) -> tuple[Run, BaseException | None]:
        lease.make_ready(setting.workers)
        work, plan, scope = subject.work_with(setting.variables), lease.plan, subject.scope
        with subject.around():
            if not setting.workers:
                return run_alone(work, plan, setting=setting, repeat=repeat, scope=scope)
            run, error = run_once(
                work,
                lease.client,
                plan,
                setting=setting,
                repeat=repeat,
                scope=scope,
                predictor=self._predictor if subject is self._subject else None,
                take_printed=subject.take_printed,
            )
        # The traceback of an error holds what the cell held.
        return run, error if run.status in ("failed", "interrupted") else None
