"""What more workers would take, as a replay of the tasks says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.model.memory import ClusterPeak
from sdprofile.model.run import CountSummary

if TYPE_CHECKING:
    import pandas as pd


_PEAKS = ("peak_worker_bytes", "peak_cluster_bytes")


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a replay says of one worker count."""

    workers: int
    """Number of workers."""

    seconds: float
    """Wall time of the cell."""

    peak_worker: int | None
    """Highest memory of the fullest worker, in bytes; None where no memory was read."""

    peak_cluster: int | None
    """Highest memory of all workers together, in bytes."""

    seconds_off: float = 0.0
    """By which factor, less 1, the time may be shorter or longer; 0 where it is not known."""

    peak_off: float = 0.0
    """The same of the memory."""

    @property
    def shortest(self) -> float:
        """Wall time that is to be expected at least, in seconds."""
        return self.seconds / (1.0 + self.seconds_off)

    @property
    def longest(self) -> float:
        """Wall time that is to be expected at most, in seconds."""
        return self.seconds * (1.0 + self.seconds_off)

    def least(self, peak: int) -> int:
        """Return what one of the peaks is expected to be at least, in bytes."""
        return round(peak / (1.0 + self.peak_off))

    def most(self, peak: int) -> int:
        """Return what one of the peaks is expected to be at most, in bytes."""
        return round(peak * (1.0 + self.peak_off))


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a replay of the tasks of one run says of other worker counts."""

    asked: tuple[Prediction, ...]
    """Of the counts that were asked for, in ascending order."""

    measured: tuple[Prediction, ...]
    """Of those that were measured, each from the others only, for the error; in ascending order.
    Empty where one only was."""

    replayed: int
    """Workers of the run whose tasks were replayed."""

    cpus: int
    """CPUs of the machine, which the counts that were measured shared; those that were asked for
    are taken to have one for each thread. 0 where the workers do not share one machine."""

    crowded: bool
    """Whether several counts left a CPU free, which tell how tasks get in each other's way where
    each has a CPU; else they are taken not to."""

    rate: float | None
    """Bytes per second that a worker fetched from others; None where none was measured, and dask's
    own guess was taken."""

    doubt: str = ""
    """Why none of it holds, as a clause; empty if it may."""

    @property
    def every(self) -> tuple[Prediction, ...]:
        """One for each count that was asked for or measured, in ascending order."""
        found = {each.workers: each for each in (*self.asked, *self.measured)}
        return tuple(found[count] for count in sorted(found))

    def errors(self, counts: Iterable[CountSummary]) -> Iterator[PredictionError]:
        """Yield how far off each prediction is that can be held against a measured count.

        Parameters
        ----------
        counts
            What was measured.
        """
        by_workers = {count.workers: count for count in counts}
        for each in self.measured:
            count = by_workers.get(each.workers)
            if count is None:  # of a file that someone has changed
                continue
            yield PredictionError(
                workers=each.workers,
                seconds=_off(each.seconds, count.timing.median if count.timing else None),
                peak_worker=_off(each.peak_worker, count.peak_worker),
                peak_cluster=_outside(each.peak_cluster, count.cluster_peak),
            )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per worker count.

        Returns
        -------
        pandas.DataFrame
            Columns: `workers`, `measured` (whether it was also measured, and is predicted from the
            others), `seconds`, `seconds_low`, `seconds_high`, `peak_worker_bytes`,
            `peak_cluster_bytes`. What is not known is `NA`.
        """
        import pandas as pd

        measured = {each.workers for each in self.measured}
        rows = [
            (
                *(one.workers, one.workers in measured),
                *(one.seconds, one.shortest, one.longest),
                *(one.peak_worker, one.peak_cluster),
            )
            for one in self.every
        ]
        columns = ["workers", "measured", "seconds", "seconds_low", "seconds_high", *_PEAKS]
        # Nullable integers, so that a missing peak does not turn bytes into floats.
        return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(_PEAKS, "Int64"))


@dataclass(frozen=True, kw_only=True)
class PredictionError:
    """How far off a prediction is, as fractions of what was measured; None where nothing was."""

    workers: int
    """Number of workers."""

    seconds: float | None
    """Of the median time."""

    peak_worker: float | None
    """Of the highest peak of a worker."""

    peak_cluster: float | None
    """Of the peak of the cluster; 0 within the bracket that is known of it."""


FAR_OFF = 0.25
"""Error, as a fraction, from which predictions are no guide."""


def _off(predicted: float | None, measured: float | None) -> float | None:
    return predicted / measured - 1.0 if predicted is not None and measured else None


def _outside(predicted: int | None, measured: ClusterPeak | None) -> float | None:
    """Return how far outside of a bracket a peak is."""
    if predicted is None or measured is None:
        return None
    return _off(predicted, min(max(predicted, measured.low), measured.high))
