"""One execution of the cell, and all executions with one setting."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from sdprofile.model.circumstances import Circumstances
from sdprofile.model.disk import Disk
from sdprofile.model.elements import Data
from sdprofile.model.elsewhere import Elsewhere
from sdprofile.model.failure import Failure
from sdprofile.model.memory import ClusterPeak
from sdprofile.model.memory_use import MemoryUse
from sdprofile.model.setting import Setting
from sdprofile.model.spans import Work
from sdprofile.model.steps import Steps
from sdprofile.model.tasks import Throttled
from sdprofile.model.timing import Timing
from sdprofile.model.trace import Trace
from sdprofile.model.transfers import Transfers


@dataclass(frozen=True, kw_only=True)
class Run:
    """One execution of the cell."""

    setting: Setting
    """What it was made with."""

    repeat: int
    """Which repeat with this setting it was, from 1."""

    seconds: float
    """Wall time of the cell, in seconds; up to the failure where it did not end well."""

    failure: Failure | None = None
    """What ended the run before the cell was through; None if nothing did."""

    memory: MemoryUse = MemoryUse()
    """What memory the workers had in use."""

    work: Work = Work()
    """What the workers did with their time."""

    transfers: Transfers = Transfers()
    """What was fetched from the workers."""

    disk: Disk = Disk()
    """What the workers read and wrote."""

    steps: Steps = Steps()
    """What the steps of the cell took."""

    throttled: tuple[Throttled, ...] = ()
    """Tasks that were throttled by the memory that each was said to need (``--task-memory``)."""

    data: Data = Data()
    """What is known of the cell's data."""

    elsewhere: tuple[Elsewhere, ...] = ()
    """Where its dask work went, if not to the workers."""

    circumstances: Circumstances = Circumstances()
    """What went on around it."""

    @property
    def workers(self) -> int:
        """Number of workers."""
        return self.setting.workers

    trace: Trace | None = field(default=None, hash=False, repr=False)
    """Its tasks. None where they were not recorded, and, in a profile, where another run stands for
    its count (see `sdprofile.model.measured.with_one_trace`)."""

    @property
    def threads(self) -> int:
        """Threads of each worker; without a cluster those that dask uses in the kernel."""
        if self.workers:
            return self.setting.threads
        return self.work.threads or (self.trace.threads if self.trace is not None else 1)

    @property
    def all_threads(self) -> int:
        """Threads of all workers together; without a cluster those in the kernel."""
        return max(1, self.workers) * self.threads

    @property
    def memory_limit(self) -> int | None:
        """Memory limit of each worker, in bytes; None for none, as without a cluster."""
        return self.setting.memory_limit if self.workers else None

    @property
    def status(self) -> str:
        """``"ok"``, or what ended it (`Failure.status`)."""
        return "ok" if self.failure is None else self.failure.status

    @property
    def peak_worker(self) -> int | None:
        """Highest resident memory of any worker, in bytes; None where it is not known."""
        return self.memory.peak_worker


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
        """How many times the workers of the base; None if it is no cluster, or more differs."""
        base = self.base_setting
        if base is None or base.kind != self.setting.kind or not self.workers or not base.workers:
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
        peaks = [
            run.memory.cluster_peak for run in self.runs if run.memory.cluster_peak is not None
        ]
        if not peaks:
            return None
        return ClusterPeak(
            low=max(peak.low for peak in peaks), high=max(peak.high for peak in peaks)
        )

    @property
    def gpu_worker(self) -> int | None:
        """The most that any worker held of one GPU in any run, in bytes; None if none did."""
        return max((run.memory.gpu_worker for run in self.runs), default=0) or None

    @property
    def gpu_fraction(self) -> float | None:
        """What was in use of the fullest GPU, by whomever, as a fraction of its memory."""
        cards = [card for run in self.runs for card in run.memory.used_cards if card.nbytes]
        return max((card.peak / card.nbytes for card in cards), default=None)

    @property
    def gpu_busy(self) -> float | None:
        """Share of the time in which the busiest GPU computed, 0 to 1, in the median run."""
        known = [run.memory.gpu_busy for run in self.runs if run.memory.gpu_busy is not None]
        return statistics.median(known) if known else None

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


def speedup(seconds: float, *, base_seconds: float) -> float:
    """Return how many times faster a worker count is than the base count.

    Parameters
    ----------
    seconds, base_seconds
        Median times in seconds, of the count and of the smallest count that finished.

    Returns
    -------
    float
        Above 1 where the count is faster.

    Examples
    --------
    >>> speedup(5.0, base_seconds=10.0)
    2.0
    """
    return base_seconds / seconds


def efficiency(speedup: float, *, workers: int, base_workers: int) -> float:
    """Return the speedup as a fraction of the ideal one.

    Parameters
    ----------
    speedup
        Measured against `base_workers`.
    workers, base_workers
        Worker counts.

    Returns
    -------
    float
        1.0 where twice the workers take half the time.

    Examples
    --------
    >>> efficiency(3.0, workers=4, base_workers=1)
    0.75
    """
    return speedup * base_workers / workers


def serial_fraction(speedup: float, *, workers: int, base_workers: int) -> float:
    """Return the fraction of the work that more workers did not share, by Karp and Flatt.

    Parameters
    ----------
    speedup
        Measured against `base_workers`; above 0.
    workers, base_workers
        Worker counts, unlike each other.

    Returns
    -------
    float
        0.0 where the speedup is ideal, 1.0 where there is none; below 0 where it is better than
        ideal, above 1 where more workers are slower.

    Notes
    -----
    ``(1 / S - 1 / p) / (1 - 1 / p)``, where S is the speedup and p how many times as many workers
    there are as in the base (Karp and Flatt 1990, https://doi.org/10.1145/78607.78614). About the
    same at every count: a part of the work is serial. Growing with the count: each worker adds a
    cost of its own, such as transfers. Which part or cost it is, it does not tell.

    Examples
    --------
    >>> serial_fraction(1.6, workers=2, base_workers=1)
    0.25
    """
    times_base = workers / base_workers
    return (1 / speedup - 1 / times_base) / (1 - 1 / times_base)
