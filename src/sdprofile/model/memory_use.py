"""The memory that one run had in use, put together from all that was read of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from sdprofile.model.gpu import NO_CARDS, Card, Cards
from sdprofile.model.memory import ClusterPeak, Curve, WorkerPeak, highest_sum
from sdprofile.model.tasks import PrefixMemory


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What the system's own marks of each worker tell of one run; empty where it keeps none."""

    baselines: Mapping[str, int] = field(default_factory=dict)
    """Resident memory in bytes of each worker, by address, just before the run."""

    peaks: Mapping[str, int] = field(default_factory=dict)
    """Highest resident memory in bytes of each worker that lived through the run."""

    prefixes: tuple[PrefixMemory, ...] = ()
    """What the tasks of each prefix took."""

    swapped: int = 0
    """Memory of the workers that is swapped out at the end, in bytes."""


@dataclass(frozen=True, kw_only=True)
class Kill:
    """What a nanny told of the worker that it killed for memory."""

    worker: str
    """Address of the worker."""

    nbytes: int
    """Its resident memory, in bytes."""

    at: float
    """When the nanny told of it, in seconds of the scheduler's clock."""


@dataclass(frozen=True, kw_only=True)
class MemoryUse:
    """The memory that the workers had in use during one run."""

    worker_peaks: tuple[WorkerPeak, ...] = ()
    """Baseline and peak of each worker that lived through the run or was killed in it."""

    cluster_peak: ClusterPeak | None = None
    """Bracket around the peak of all workers together."""

    curves: tuple[Curve, ...] = ()
    """Memory over time."""

    prefixes: tuple[PrefixMemory, ...] = ()
    """What the tasks of each prefix took; empty where the system keeps no marks."""

    swapped: int = 0
    """Memory of the workers that was swapped out at the end of the run, in bytes."""

    cards: tuple[Card, ...] = ()
    """The GPUs that the workers could see; empty where there are none, or without `pynvml`."""

    @classmethod
    def of(
        cls,
        *,
        sampled: Sequence[Curve],
        dask: Sequence[Curve],
        marks: Marks,
        kill: Kill | None,
        began: float,
        gpus: Cards = NO_CARDS,
    ) -> Self:
        """Return what several instruments read, put together.

        Parameters
        ----------
        sampled
            Curves of single workers.
        dask
            What dask itself shows of all together.
        marks
            What the system keeps.
        kill
            The worker that was killed for memory; None for none. What dask shows from then on does
            not count, for its memory is missing from the sum.
        began
            When the cell began, in seconds of the scheduler's clock.
        gpus
            What was sampled of them.
        """
        peaks = worker_peaks(
            sampled,
            baselines=marks.baselines,
            marks=marks.peaks,
            killed={kill.worker: kill.nbytes} if kill else {},
        )
        shown = [curve.before(kill.at - began) for curve in dask] if kill else dask
        return cls(
            worker_peaks=peaks,
            cluster_peak=cluster_peak(peaks, sampled),
            curves=tuple(
                curve.thinned()
                for curve in (*sampled, *shown, *gpus.curves)
                if curve.measure == "process" or any(curve.nbytes)
            ),
            prefixes=marks.prefixes,
            swapped=marks.swapped,
            cards=gpus.cards,
        )

    @property
    def used_cards(self) -> tuple[Card, ...]:
        """The GPUs that the run used."""
        return tuple(card for card in self.cards if card.is_used)

    @property
    def gpu_worker(self) -> int:
        """The most that any worker held of one GPU, in bytes; 0 if none did."""
        return max((card.most for card in self.used_cards), default=0)

    @property
    def gpu_busy(self) -> float | None:
        """Share of the time in which the busiest GPU computed, 0 to 1; None if it is not known."""
        return self.highest("busy")

    def highest(self, of: str) -> float | None:
        """Return the highest that a field of `Card` is of any GPU that was used, if it is known."""
        values: Iterator[float | None] = (getattr(card, of) for card in self.used_cards)
        return max((value for value in values if value is not None), default=None)

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


def worker_peaks(
    sampled: Iterable[Curve],
    *,
    baselines: Mapping[str, int],
    marks: Mapping[str, int],
    killed: Mapping[str, int],
) -> tuple[WorkerPeak, ...]:
    """Return the peak of each worker, from its mark and from what was sampled of it.

    Parameters
    ----------
    sampled
        Curves of single workers.
    baselines
        Resident memory just before the run in bytes, by worker; empty where no marks are kept.
    marks
        Highest resident memory during the run in bytes, by worker, of those that lived through it.
    killed
        What their nanny last saw of workers that it killed for memory, in bytes.

    Returns
    -------
    tuple of WorkerPeak
        Of a worker that died of something else nobody knows at how much; it is left out.
    """
    seen: dict[str, dict[str, Curve]] = {"process": {}, "children": {}}
    for curve in sampled:
        seen[curve.measure][curve.worker] = curve
    if not baselines:
        baselines = {worker: curve.nbytes[0] for worker, curve in seen["process"].items()}
        marks = {worker: 0 for worker in baselines if worker not in killed}
    peaks = []
    for worker, baseline in baselines.items():
        if worker not in marks and worker not in killed:
            continue
        children = max(seen["children"][worker].nbytes) if worker in seen["children"] else 0
        highest = max(seen["process"][worker].nbytes) if worker in seen["process"] else 0
        mark = marks.get(worker, 0)
        exact = bool(mark) and not children
        peaks.append(
            WorkerPeak(
                worker=worker,
                baseline=baseline,
                peak=mark if exact else max(highest, mark, killed.get(worker, 0)),
                children=children,
                exact=exact,
                killed=worker in killed,
            )
        )
    return tuple(peaks)


def cluster_peak(peaks: Sequence[WorkerPeak], sampled: Iterable[Curve]) -> ClusterPeak | None:
    """Return a bracket around the peak of all workers together; None if nothing is known.

    Parameters
    ----------
    peaks
        Of each worker.
    sampled
        Curves of single workers. The fullest worker alone is a lower bound, too.
    """
    if not peaks:
        return None
    high = sum(peak.peak for peak in peaks)
    together = highest_sum(curve for curve in sampled if curve.measure == "process")
    return ClusterPeak(low=min(high, max(together, *(peak.peak for peak in peaks))), high=high)
