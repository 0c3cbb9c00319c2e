"""How long more workers would take and what memory they would need, by a replay of the tasks."""

from __future__ import annotations

import functools
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sdprofile.model.prediction import Prediction, Predictions
from sdprofile.model.run import Run
from sdprofile.replay.costs import RATE, Recorded, costs_of, rate_of
from sdprofile.replay.events import replay
from sdprofile.replay.virtual_workers import Replayed


@dataclass(kw_only=True)
class Predictor:
    """Collects runs with their tasks, and predicts from them."""

    cpus: int
    """CPUs that all workers share; 0 where they do not share one machine."""

    _recorded: list[Recorded] = field(default_factory=list)

    def add(self, run: Run) -> None:
        """Add a run; one that did not end well, or whose tasks are not known, tells nothing."""
        if run.trace is not None and run.status == "ok":
            self._recorded.append(Recorded(run=run, trace=run.trace))

    def predict(self, counts: Sequence[int], *, cpus: int | None = None) -> Predictions | None:
        """Return what a replay says.

        Parameters
        ----------
        counts
            Worker counts that are asked for.
        cpus
            CPUs that they share; by default each thread has its own.

        Returns
        -------
        Predictions
            None if no run ended well.

        Notes
        -----
        The tasks of the smallest count are replayed, of the run nearest to the median, where they
        ran least in each other's way. What larger counts add: by how much tasks got slower side by
        side, and how fast workers fetched from each other.
        """
        if not self._recorded:
            return None
        by_count: defaultdict[int, list[Recorded]] = defaultdict(list)
        for each in self._recorded:
            by_count[each.run.workers].append(each)
        typical = [_typical(by_count[count]) for count in sorted(by_count)]
        base, threads = typical[0], typical[0].trace.threads
        rate = rate_of(each.run for each in self._recorded)
        ours = float(self.cpus or math.inf)
        costs = costs_of(base, cpus=ours, rate=rate or RATE)

        @functools.cache
        def made(workers: int, cpus: float, crowding: float) -> Replayed:
            taken = replace(costs, cpus=cpus, crowding=crowding)
            return replay(base.trace, taken, workers=workers)

        def alone(workers: int) -> float:
            return made(workers, ours, 0.0).task_seconds

        crowding = _crowding(typical, alone)
        # Where the workers take all CPUs, the kernel and the scheduler are in their way, too, which
        # is so on this machine only.
        with_room = [each for each in typical if each.run.workers * each.run.threads < ours]
        crowding_elsewhere = _crowding(with_room, alone)
        # What no task accounts for: heap that stays, modules that the tasks import.
        most = max(by_count)
        peak = max(each.run.peak_worker or 0 for each in by_count[most])
        more = max(0, peak - made(most, ours, crowding).peak_worker)

        def prediction(workers: int, cpus: float) -> Prediction:
            here = cpus <= ours
            replayed = made(workers, cpus, crowding if here else crowding_elsewhere)
            return Prediction(
                workers=workers,
                seconds=replayed.seconds,
                peak_worker=replayed.peak_worker + more if peak else None,
                peak_cluster=replayed.peak_cluster + workers * more if peak else None,
            )

        return Predictions(
            asked=tuple(
                prediction(count, cpus or max(ours, count * threads))
                for count in sorted(set(counts))
            ),
            measured=tuple(prediction(count, ours) for count in sorted(by_count)),
            replayed=base.run.workers,
            cpus=self.cpus,
            crowded=len(with_room) > 1,
            rate=rate,
        )


def _typical(recorded: list[Recorded]) -> Recorded:
    """Return the run nearest to the median."""
    median = statistics.median(each.run.seconds for each in recorded)
    return min(recorded, key=lambda each: abs(each.run.seconds - median))


def _crowding(typical: Sequence[Recorded], task_seconds: Callable[[int], float]) -> float:
    """Return the fraction by which a task gets slower for each other beside it.

    Parameters
    ----------
    typical
        A run of each worker count, ascending.
    task_seconds
        Gives what all tasks take by a replay on so many workers: what comes of too few CPUs.
    """
    found = []
    for base, each in ((typical[0], each) for each in typical[1:]):
        beside = each.side_by_side - base.side_by_side
        alone = task_seconds(base.run.workers)
        if beside > 0 and alone and base.task_seconds:
            shared = task_seconds(each.run.workers) / alone
            found.append((each.task_seconds / base.task_seconds / shared - 1.0) / beside)
    return max(0.0, statistics.median(found)) if found else 0.0
