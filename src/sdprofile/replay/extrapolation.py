"""What runs of the same tasks on several worker counts say of any other."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from sdprofile.model.prediction import Prediction
from sdprofile.replay.costs import costs_of
from sdprofile.replay.events import replay
from sdprofile.replay.recorded import MANY, Recorded, by_workers
from sdprofile.replay.virtual_workers import Replayed

_MOST = 3
"""Runs that are replayed."""

_LOST = 0.01
"""Seconds that a task may lose otherwise, however short it is."""

_CHANCE = 0.05
"""By which fraction tasks differ by chance from one run to another."""


class Extrapolation:
    """The tasks of the smallest count, replayed with what all counts say of their costs.

    Notes
    -----
    That is the count where tasks were least in each other's way, of it the runs nearest to the
    median: a little difference may change where all tasks go. What larger
    counts add: by how much tasks got slower side by side, how fast workers fetched from each other,
    what the scheduler takes for a task. At the largest it is seen what the replay does not account
    for: seconds of the threads, by task, and memory.
    """

    def __init__(self, known: Sequence[Recorded], *, cpus: float) -> None:
        """Work out the costs.

        Parameters
        ----------
        known
            At least one run.
        cpus
            CPUs that all shared; infinity where they did not share one machine.
        """
        by_count = by_workers(known)
        self.counts = tuple(sorted(by_count))
        """The counts that are known."""
        typical = [_by_median(by_count[count])[0] for count in self.counts]
        self.base, self.cpus = typical[0], cpus
        """The run that stands for those that are replayed, and the CPUs that all shared."""
        few = len(self.base.trace) <= MANY
        bases = _by_median(by_count[self.counts[0]])[: _MOST if few else 1]
        self._bases = [(base, costs_of(base, known, cpus=cpus)) for base in bases]
        self._made = functools.cache(self._replayed)
        self._crowding = _crowding(typical, self._alone)
        # Where the workers take all CPUs, the kernel and the scheduler are in their way, too, which
        # is so on this machine only.
        with_room = [each for each in typical if each.run.workers * each.run.threads < cpus]
        self.crowded = len(with_room) > 1
        """Whether several counts left a CPU free."""
        self._crowding_elsewhere = _crowding(with_room, self._alone)
        # The same is so of what tasks lose: the workers' own threads need CPUs, too.
        largest = by_count[self.counts[-1]]
        at = self._made(self.counts[-1], cpus, self._crowding, 0.0, True)
        self._lost = self._lost_elsewhere = self._lost_by_task(largest, at)
        if with_room != typical:
            least = by_count[with_room[-1].run.workers] if with_room else []
            self._lost_elsewhere = self._lost_with_room(least)
        self._cpu_of_tasks = statistics.median(each.run.work.cpu_seconds for each in largest)
        self._cpu_besides = [
            statistics.median(each.cpu_besides for each in by_count[count]) for count in self.counts
        ]
        self._peak = max(each.run.peak_worker or 0 for each in largest)
        self._more = max(0, self._peak - at.peak_worker)
        self._risen = at.peak_worker - self._baseline

    def predict(self, workers: int, *, cpus: float | None = None, part: bool = False) -> Prediction:
        """Return what a count would take.

        Parameters
        ----------
        workers
            How many there are.
        cpus
            CPUs that they share; by default those that the known counts shared.
        part
            Whether of the first tasks only, see `Recorded.part`.
        """
        cpus = self.cpus if cpus is None else cpus
        here = self._crowding, self._lost
        crowding, lost = (
            here if cpus <= self.cpus else (self._crowding_elsewhere, self._lost_elsewhere)
        )
        found = self._made(workers, cpus, crowding, lost, part)
        risen = found.peak_worker - self._baseline
        # Heap that stays is the less, the less a worker holds at a time.
        more = round(self._more * (min(1.0, risen / self._risen) if self._risen > 0 else 1.0))
        seconds = found.seconds
        if workers >= self.counts[-1] and not (part and self.base.part is not self.base):
            # More workers need no less of the CPUs, also for what a replay takes for waiting.
            seconds = max(seconds, self._cpu_seconds(workers) / cpus)
        return Prediction(
            workers=workers,
            seconds=seconds,
            peak_worker=found.peak_worker + more if self._peak else None,
            peak_cluster=found.peak_cluster + workers * more if self._peak else None,
        )

    def _cpu_seconds(self, workers: int) -> float:
        """Return the least that so many workers, the scheduler and the kernel take of all CPUs.

        Notes
        -----
        Tasks take what they took with most workers. What is done besides, by each worker and for
        each, grows with each doubling as it did, if it did (``tests/benchmarks/predict.py --only
        tiny``).
        """
        first, last = self._cpu_besides[0], self._cpu_besides[-1]
        doubled = math.log2(self.counts[-1] / self.counts[0])
        each = max(0.0, last - first) / doubled if first and doubled else 0.0
        return self._cpu_of_tasks + last + each * math.log2(workers / self.counts[-1])

    @property
    def _baseline(self) -> int:
        return round(statistics.fmean(costs.baseline for _, costs in self._bases))

    def _replayed(
        self, workers: int, cpus: float, crowding: float, lost: float, part: bool
    ) -> Replayed:
        found = []
        for base, costs in self._bases:
            taken = replace(costs, cpus=cpus, crowding=crowding, overhead=costs.overhead + lost)
            of = base.part if part else base
            if of is not base:
                taken = replace(taken, kernel=None)  # the graphs may be fewer
            found.append(replay(of.trace, taken, workers=workers))
        return Replayed(
            seconds=statistics.median(each.seconds for each in found),
            peak_worker=round(statistics.median(each.peak_worker for each in found)),
            peak_cluster=round(statistics.median(each.peak_cluster for each in found)),
            task_seconds=statistics.median(each.task_seconds for each in found),
        )

    def _alone(self, workers: int) -> float:
        """Return what all tasks take where they are slowed down by too few CPUs only."""
        if workers * self.base.trace.threads < self.cpus:
            return self.base.part.task_seconds
        return self._made(workers, self.cpus, 0.0, 0.0, True).task_seconds

    def _lost_with_room(self, largest: Sequence[Recorded]) -> float:
        """Return the same of the largest count that left a CPU free; 0 for none."""
        if not largest:
            return 0.0
        count = largest[0].run.workers
        at = self._made(count, self.cpus, self._crowding_elsewhere, 0.0, True)
        return self._lost_by_task(largest, at)

    def _lost_by_task(self, largest: Sequence[Recorded], at: Replayed) -> float:
        """Return what else a thread loses with each task, in seconds, so that a count is met."""
        part, overhead = self.base.part, self._bases[0][1].overhead
        tasks = len(part.trace)
        if not tasks:
            return 0.0
        threads = min(largest[0].run.workers * part.trace.threads, self.cpus)
        missing = statistics.median(each.part.run.seconds for each in largest) - at.seconds
        most = max(_LOST, 0.5 * (overhead + part.task_seconds / tasks))
        return max(-overhead, -most, min(missing * threads / tasks, most))


def _by_median(recorded: list[Recorded]) -> list[Recorded]:
    """Return the runs, that nearest to the median first."""
    median = statistics.median(each.run.seconds for each in recorded)
    return sorted(recorded, key=lambda each: abs(each.run.seconds - median))


def _crowding(typical: Sequence[Recorded], task_seconds: Callable[[int], float]) -> float:
    """Return the fraction by which a task gets slower for each other beside it.

    Parameters
    ----------
    typical
        A run of each worker count, ascending.
    task_seconds
        Gives what all tasks take by a replay on so many workers: what comes of too few CPUs.

    Notes
    -----
    Short tasks tell nothing of it: theirs is the time of the Python around them. A few percent are
    chance, and would be much with many workers; what was seen counts the less the nearer to them.
    """
    found = []
    for base, each in ((typical[0], each) for each in typical[1:]):
        threads = each.trace.threads * (each.run.workers - base.run.workers)
        beside = max(each.side_by_side - base.side_by_side, 0.5 * threads)
        long = base.long_prefixes
        seconds, alone = base.seconds_of(long), task_seconds(base.run.workers)
        if beside > 0 and alone and seconds:
            shared = task_seconds(each.run.workers) / alone
            slower = max(0.0, each.seconds_of(long) / seconds / shared - 1.0)
            found.append(slower**3 / (slower**2 + _CHANCE**2) / beside)
    return statistics.median(found) if found else 0.0
