"""How long more workers would take and what memory they would need, by a replay of the tasks."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sdprofile.model.prediction import Prediction, Predictions
from sdprofile.model.run import Run
from sdprofile.replay.costs import fetches_of
from sdprofile.replay.extrapolation import Extrapolation
from sdprofile.replay.limits import why_not
from sdprofile.replay.recorded import Recorded, by_workers

_OFF = 0.1
"""Error of a count twice as large as those that are known, at least: as measured with six cells."""

_ALONE = 0.15
"""The same where only one count is known, which is not held against any other."""


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

    def predict(
        self,
        counts: Sequence[int],
        *,
        cpus: int | None = None,
        tell: Callable[[int], None] = lambda _: None,
    ) -> Predictions | None:
        """Return what a replay says.

        Parameters
        ----------
        counts
            Worker counts that are asked for.
        cpus
            CPUs that they share; by default each thread has its own.
        tell
            Gets each count before it is predicted.

        Returns
        -------
        Predictions
            None if no run ended well.

        Notes
        -----
        How far off a prediction may be comes from the counts that were measured, each of which is
        predicted from the others, and from the spread of the runs. It is taken to grow with the
        square root of how many times the workers are doubled. The smallest count does not count: it
        is what all others are predicted from.
        """
        if not self._recorded:
            return None
        by_count = by_workers(self._recorded)
        ours = float(self.cpus or math.inf)
        measured = []
        for count in sorted(by_count) if len(by_count) > 1 else ():
            tell(count)
            others = [each for each in self._recorded if each.run.workers != count]
            found = Extrapolation(others, cpus=ours).predict(count, part=True)
            # Where only the first tasks are predicted, the others are taken to be like them.
            whole, first = (
                statistics.median(each.run.seconds for each in same)
                for same in (by_count[count], [each.part for each in by_count[count]])
            )
            measured.append(replace(found, seconds=found.seconds * whole / first))
        known = Extrapolation(self._recorded, cpus=ours)
        threads = known.base.trace.threads
        seconds_off, peak_off = _off(measured[1:], by_count)
        asked = []
        for count in sorted(set(counts)):
            tell(count)
            # A larger machine has one for the scheduler, too.
            there = ours if count * threads <= ours else 1.0 + count * threads
            found = known.predict(count, cpus=cpus or there)
            far = max(0.0, math.log2(count / known.counts[-1]), math.log2(known.counts[0] / count))
            grown = math.sqrt(1.0 + far)
            asked.append(replace(found, seconds_off=grown * seconds_off, peak_off=grown * peak_off))
        _, rate = fetches_of(self._recorded)
        return Predictions(
            asked=tuple(asked),
            measured=tuple(measured),
            replayed=known.base.run.workers,
            cpus=self.cpus,
            crowded=known.crowded,
            rate=rate,
            doubt=next(filter(None, map(why_not, self._recorded)), ""),
        )


def _off(
    measured: Sequence[Prediction], by_count: dict[int, list[Recorded]]
) -> tuple[float, float]:
    """Return by which fraction predictions of times and of peaks are off.

    Parameters
    ----------
    measured
        Each predicted from the other counts.
    by_count
        The runs.
    """
    seconds, peaks = [], []
    for each in measured:
        runs = [recorded.run for recorded in by_count[each.workers]]
        seconds.append(math.log(each.seconds / statistics.median(run.seconds for run in runs)))
        if each.peak_worker and (peak := max(run.peak_worker or 0 for run in runs)):
            peaks.append(math.log(each.peak_worker / peak))
    spreads = [
        0.5 * math.log(max(times) / min(times))
        for times in ([each.run.seconds for each in same] for same in by_count.values())
    ]
    return (
        math.hypot(_middle(seconds), statistics.median(spreads)),
        _middle(peaks),
    )


def _middle(errors: Sequence[float]) -> float:
    """Return the root of the mean square, which is not taken to be less than what is usual."""
    if not errors:
        return _ALONE
    return max(_OFF, math.sqrt(statistics.fmean(each**2 for each in errors)))
