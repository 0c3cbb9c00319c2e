"""What a process that samples others has written, as curves and numbers of cores."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sdprofile.measure import sampling
from sdprofile.model.memory import Curve
from sdprofile.model.trace import Cores

_CORES_STEP = 0.1
"""Seconds for which a number of cores stands, at least: as often as CPU time is looked at."""

_MOST_STEPS = 1000
"""Steps that are kept. Longer ones in longer runs, or profiles would be of any size."""

_ROUNDING = 1e-9
"""Fraction of a step that is none of its own: a quotient of floats."""

Series = tuple[tuple[float, ...], tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What was read of one process as long as it lived, by sample."""

    times: list[float]
    """Wall-clock times of its host in seconds, ascending."""

    own: list[int]
    """Resident memory in bytes."""

    children: list[int]
    """That of its descendants."""

    cpu: list[float]
    """CPU time of all of them in seconds; below 0 where it was not looked at."""

    def curves(self, worker: str, *, began: float, seconds: float) -> Iterator[Curve]:
        """Yield its memory with its descendants, and of these alone if there were any.

        Parameters
        ----------
        worker
            Its address.
        began, seconds
            When the run began, in seconds of that host's wall clock, and how long it took.
        """
        together = [own + below for own, below in zip(self.own, self.children, strict=True)]
        for measure, nbytes in (("process", together), ("children", self.children)):
            series = cut(self.times, nbytes, began=began, end=began + seconds)
            if series is not None and (measure == "process" or any(series[1])):
                yield Curve(
                    source="sampler",
                    worker=worker,
                    measure=measure,
                    seconds=series[0],
                    nbytes=series[1],
                )

    def cores(self, worker: str, cpus: int, *, began: float, seconds: float) -> Iterator[Cores]:
        """Yield how many CPUs it used, if that was sampled.

        Parameters
        ----------
        worker
            Its address.
        cpus
            CPUs of its host that it may use.
        began, seconds
            When the run began, in seconds of that host's wall clock, and how long it took.
        """
        import numpy as np

        looked = [
            (at - began, used) for at, used in zip(self.times, self.cpu, strict=True) if used >= 0
        ]
        if len(looked) < 2 or seconds <= 0:
            return
        step = max(_CORES_STEP, seconds / _MOST_STEPS)
        steps = max(1, math.ceil(seconds / step - _ROUNDING))
        edges = np.append(step * np.arange(steps), seconds)
        at, spent = np.array(looked).T
        # A child that ends takes what it used with it, until its parent knows.
        spent = np.diff(np.interp(edges, at, np.maximum.accumulate(spent)))
        used = tuple(round(float(each), 2) for each in spent / np.diff(edges))
        yield Cores(worker=worker, cpus=cpus, step=step, used=used)


def unpack(samples: bytes, workers: int) -> list[Samples]:
    """Return times, memory, that of the children, and CPU time of each worker while it lived."""
    size = struct.calcsize(sampling.RECORD)
    whole = len(samples) - len(samples) % (size * workers)
    records = list(struct.iter_unpack(sampling.RECORD, samples[:whole]))
    series = []
    for index in range(workers):
        lived = [record for record in records[index::workers] if record[1] >= 0]
        times, own, children, cpu = map(list, zip(*lived, strict=True)) if lived else ([],) * 4
        series.append(Samples(times=times, own=own, children=children, cpu=cpu))
    return series


def cut(
    times: Sequence[float], nbytes: Sequence[int], *, began: float, end: float
) -> Series | None:
    """Return the samples of a stretch of time.

    Parameters
    ----------
    times, nbytes
        Wall-clock times in seconds, ascending, and amounts in bytes.
    began, end
        Wall-clock times in seconds.

    Returns
    -------
    seconds, nbytes : tuple, tuple; or None
        Times since `began`, to 0.1 ms, and amounts; the last sample before `began` stands at 0.
        None if there is no sample.
    """
    pairs = list(zip(times, nbytes, strict=True))
    earlier = [(0.0, amount) for at, amount in pairs if at < began]
    inside = [(round(at - began, 4), amount) for at, amount in pairs if began <= at < end]
    kept = [*earlier[-1:], *inside]
    return (tuple(at for at, _ in kept), tuple(amount for _, amount in kept)) if kept else None
