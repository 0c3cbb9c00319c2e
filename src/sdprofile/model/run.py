"""One execution of the cell, and all executions with one setting."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdprofile.model.circumstances import Circumstances
from sdprofile.model.elements import Element, FinerThanNeeded
from sdprofile.model.elsewhere import Elsewhere
from sdprofile.model.failure import Failure
from sdprofile.model.lazy import LazyValue
from sdprofile.model.memory import ClusterPeak, Curve, WorkerPeak
from sdprofile.model.scaling import efficiency, serial_fraction, speedup
from sdprofile.model.setting import Setting, Variables
from sdprofile.model.spans import EXECUTE, SpanActivity
from sdprofile.model.steps import Repeated, StepCall
from sdprofile.model.tasks import HeldTasks, TaskMemory
from sdprofile.model.timing import Timing
from sdprofile.model.trace import Trace


@dataclass(frozen=True, kw_only=True)
class Run:
    """One execution of the cell."""

    workers: int
    """Number of workers."""

    threads: int
    """Threads of each worker."""

    memory_limit: int | None
    """Memory limit of each worker, in bytes; None for none."""

    repeat: int
    """Which repeat of this count it was, from 1."""

    status: str
    """``"ok"``, ``"killed"``, ``"failed"``, ``"interrupted"`` or ``"stuck"``."""

    seconds: float
    """Wall time of the cell, in seconds; up to the failure where it did not end well."""

    tasks: int = 0
    """Number of dask tasks that the cell sent to the workers."""

    worker_peaks: tuple[WorkerPeak, ...] = ()
    """Baseline and peak of each worker that lived through the run or was killed in it."""

    cluster_peak: ClusterPeak | None = None
    """Bracket around the peak of all workers together."""

    spilled: int = 0
    """Bytes that the workers wrote to disk for lack of memory."""

    transferred: int = 0
    """Bytes that the workers fetched from each other."""

    cpu_seconds: float = 0.0
    """CPU time of the tasks, in seconds, summed over all threads of all workers."""

    curves: tuple[Curve, ...] = ()
    """Memory over time."""

    spans: tuple[SpanActivity, ...] = ()
    """Where the workers' time went."""

    task_memory: tuple[TaskMemory, ...] = ()
    """What the tasks of each prefix took; empty where the system keeps no marks."""

    held: tuple[HeldTasks, ...] = ()
    """Tasks that were held back, so that those that ran side by side fitted into a worker."""

    steps: tuple[StepCall, ...] = ()
    """The calls that are steps of the cell."""

    repeated: Repeated | None = None
    """What took the most time by being made anew with one graph after another."""

    elements: tuple[Element, ...] = ()
    """The SpatialData elements that the cell worked on."""

    finer_than_needed: tuple[FinerThanNeeded, ...] = ()
    """What was made from a finer scale of a pyramid than it shows."""

    lazy: LazyValue | None = None
    """What was lazy in the cell's last value; None for nothing."""

    elsewhere: tuple[Elsewhere, ...] = ()
    """Where its dask work went, if not to the workers."""

    circumstances: Circumstances = Circumstances()
    """What went on around it."""

    failure: Failure | None = None
    """What ended the run, where its status is not ``"ok"``."""

    variables: Variables = ()
    """What variables of the cell were set to."""

    trace: Trace | None = field(default=None, hash=False, repr=False)
    """Its tasks. None where they were not recorded, and, in a profile, where another run stands for
    its count (see `sdprofile.model.summaries.with_one_trace`)."""

    @property
    def setting(self) -> Setting:
        """What it was made with."""
        return Setting(
            workers=self.workers,
            threads=self.threads,
            memory_limit=self.memory_limit,
            variables=self.variables,
        )

    @property
    def task_seconds(self) -> float:
        """Thread time of all tasks together, in seconds."""
        return sum(part.seconds for part in self.spans if part.context == EXECUTE)

    @property
    def peak_worker(self) -> int | None:
        """Highest resident memory of any worker, in bytes; None where it is not known."""
        return max((peak.peak for peak in self.worker_peaks), default=None)

    @property
    def children(self) -> int:
        """Highest resident memory of any worker's child processes, in bytes; 0 for none."""
        return max((peak.children for peak in self.worker_peaks), default=0)

    @property
    def baseline(self) -> int | None:
        """Resident memory of the fullest worker just before the run, in bytes."""
        return max((peak.baseline for peak in self.worker_peaks), default=None)


@dataclass(frozen=True, kw_only=True)
class CountSummary:
    """All runs with one setting, in one row: of one worker count, where no more was varied."""

    runs: tuple[Run, ...]
    """Its runs, in the order in which they were made; at least one."""

    base: Timing | None
    """Times of the first that finished: the smallest count, where no more was varied. None also
    where the times are not those of the workers."""

    base_setting: Setting | None
    """Its setting."""

    @property
    def setting(self) -> Setting:
        """What its runs were made with."""
        return self.runs[0].setting

    @property
    def workers(self) -> int:
        """Number of workers."""
        return self.runs[0].workers

    @property
    def times_workers(self) -> float | None:
        """How many times the workers of the base; None if more differs than their number."""
        base = self.base_setting
        if base is None or base.kind != self.setting.kind:
            return None
        return self.workers / base.workers

    @property
    def status(self) -> str:
        """``"ok"`` if all runs ended well, else the status of the first that did not."""
        return next((run.status for run in self.runs if run.status != "ok"), "ok")

    @property
    def failure(self) -> Failure | None:
        """What ended the first run that did not end well."""
        return next((run.failure for run in self.runs if run.failure is not None), None)

    @property
    def timing(self) -> Timing | None:
        """Times of the runs that ended well; None if none did."""
        seconds = tuple(run.seconds for run in self.runs if run.status == "ok")
        return Timing(seconds=seconds) if seconds else None

    @property
    def speedup(self) -> float | None:
        """How many times faster than the base, by the medians."""
        if self.timing is None or self.base is None or not self.timing.median:
            return None
        return speedup(self.timing.median, base_seconds=self.base.median)

    @property
    def efficiency(self) -> float | None:
        """The speedup as a fraction of the ideal one; None if more differs than the workers."""
        if self.speedup is None or self.base_setting is None or self.times_workers is None:
            return None
        base_workers = self.base_setting.workers
        return efficiency(self.speedup, workers=self.workers, base_workers=base_workers)

    @property
    def serial_fraction(self) -> float | None:
        """The fraction of the work that more workers did not share; None for the base itself."""
        if not self.speedup or self.base_setting is None or self.times_workers in (None, 1):
            return None
        base_workers = self.base_setting.workers
        return serial_fraction(self.speedup, workers=self.workers, base_workers=base_workers)

    @property
    def peak_worker(self) -> int | None:
        """Highest resident memory of any worker in any run, in bytes."""
        return max((run.peak_worker for run in self.runs if run.peak_worker), default=None)

    @property
    def cluster_peak(self) -> ClusterPeak | None:
        """Bracket around the highest peak of all workers together in any run."""
        peaks = [run.cluster_peak for run in self.runs if run.cluster_peak is not None]
        if not peaks:
            return None
        return ClusterPeak(
            low=max(peak.low for peak in peaks), high=max(peak.high for peak in peaks)
        )

    @property
    def memory_limit(self) -> int | None:
        """Memory limit of each worker, in bytes."""
        return self.runs[0].memory_limit

    @property
    def limit_fraction(self) -> float | None:
        """The peak of the fullest worker as a fraction of its limit."""
        if self.peak_worker is None or not self.memory_limit:
            return None
        return self.peak_worker / self.memory_limit
