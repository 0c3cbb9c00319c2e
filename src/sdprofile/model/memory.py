"""How much memory the workers had in use, over time and at most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

MOST_SAMPLES = 4000
"""Samples of a curve that are kept: those of 80 s. Longer runs would make profiles of any size."""


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """From which fraction of its limit dask does something about a worker's memory.

    The user may configure each, or turn it off, which is None here
    (https://distributed.dask.org/en/stable/worker-memory.html).
    """

    target: float | None = 0.60
    """From there on it writes results to disk (``distributed.worker.memory.target``)."""

    spill: float | None = 0.70
    """The same by the memory of its whole process."""

    pause: float | None = 0.80
    """From there on it takes no new tasks."""

    terminate: float | None = 0.95
    """From there on its nanny kills it."""

    @property
    def spills(self) -> float | None:
        """The first from which it writes results to disk; None if it never does."""
        return min((each for each in (self.target, self.spill) if each), default=None)

    @property
    def usable(self) -> float:
        """Up to which fraction a worker can use its limit; all of it if it is not killed."""
        return self.terminate or 1.0

    @property
    def full(self) -> float:
        """From which fraction it has little room: it is paused, or killed, or has no limit left."""
        return min(self.pause or 1.0, self.usable)


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Memory over time, as one source saw it during one run."""

    source: str
    """``"sampler"``: read from the system every 20 ms; ``"dask"``: dask's own `MemorySampler`;
    ``"nvml"``: what processes hold of a GPU, read from its driver every 20 ms."""

    worker: str
    """Address of the worker; empty for the sum of all workers, and for a GPU as a whole."""

    measure: str = "process"
    """What it is: ``"process"`` (resident memory; of the sampler, with the worker's child
    processes), ``"children"`` (these alone), or of dask ``"managed"`` (the results that it keeps),
    ``"unmanaged"`` (the rest) and ``"spilled"`` (on disk, not in the process); of a GPU its name
    (`sdprofile.model.gpu.Card`)."""

    seconds: tuple[float, ...]
    """Times since the cell started, in seconds, ascending; shape (n,)."""

    nbytes: tuple[int, ...]
    """Amounts at these times, in bytes; shape (n,)."""

    def thinned(self, most: int = MOST_SAMPLES) -> Curve:
        """Return the curve with fewer samples, and the same highest and lowest.

        Parameters
        ----------
        most
            Largest number of samples to keep, from 4 up.

        Returns
        -------
        Curve
            The first and the last sample, and from each of the equal numbers of samples between
            them the highest and the lowest.
        """
        size = len(self.nbytes)
        if size <= most:
            return self
        stretches = (most - 2) // 2
        kept = {0, size - 1}
        for index in range(stretches):
            inside = range(
                1 + index * (size - 2) // stretches, 1 + (index + 1) * (size - 2) // stretches
            )
            kept.add(max(inside, key=self.nbytes.__getitem__))
            kept.add(min(inside, key=self.nbytes.__getitem__))
        order = sorted(kept)
        return replace(
            self,
            seconds=tuple(self.seconds[index] for index in order),
            nbytes=tuple(self.nbytes[index] for index in order),
        )

    def before(self, seconds: float) -> Curve:
        """Return the curve up to a time, in seconds since the cell started; its start remains."""
        kept = sum(at < seconds or at == 0 for at in self.seconds)
        return replace(self, seconds=self.seconds[:kept], nbytes=self.nbytes[:kept])


@dataclass(frozen=True, kw_only=True)
class WorkerPeak:
    """The most memory that one worker had in use during one run."""

    worker: str
    """Address of the worker."""

    baseline: int
    """Resident memory just before the run, in bytes."""

    peak: int
    """Highest resident memory during the run, in bytes; with that of its child processes."""

    children: int = 0
    """Highest resident memory of its child processes alone that was sampled, in bytes. No limit of
    dask covers it."""

    exact: bool = True
    """Whether `peak` is the kernel's own mark. Else it is the highest sample: the worker had child
    processes, was killed, or the system keeps no marks."""

    killed: bool = False
    """Whether the worker was killed for memory: `peak` is then the most that was seen before."""


@dataclass(frozen=True, kw_only=True)
class ClusterPeak:
    """A bracket around the most memory that all workers together had in use.

    The workers need not reach their peaks at the same instant, so neither end is the truth.
    """

    low: int
    """Highest sum over the workers at any one sample, in bytes: the true peak is not below it."""

    high: int
    """Sum of the workers' own peaks, in bytes: the true peak is not above it."""


def highest_sum(curves: Iterable[Curve]) -> int:
    """Return the most that several curves had together at any one time, in bytes.

    Parameters
    ----------
    curves
        Of one run. Between its samples a curve is a straight line; before the first it is level,
        after the last it is 0, for the worker is gone then.

    Returns
    -------
    int
        0 without curves.
    """
    import numpy as np

    sampled = [curve for curve in curves if curve.seconds]
    if not sampled:
        return 0
    times = np.unique(np.concatenate([curve.seconds for curve in sampled]))
    total = np.zeros(len(times))
    for curve in sampled:
        total += np.interp(times, curve.seconds, curve.nbytes, right=0)
    return int(total.max())
