"""How much memory the workers had in use, over time and at most."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Memory over time, as one source saw it during one run."""

    source: str
    """``"dask"``: dask's own `MemorySampler`."""

    worker: str
    """Address of the worker; empty for the sum of all workers."""

    seconds: tuple[float, ...]
    """Times since the cell started, in seconds, ascending; shape (n,)."""

    nbytes: tuple[int, ...]
    """Resident memory at these times, in bytes; shape (n,)."""


@dataclass(frozen=True, kw_only=True)
class WorkerPeak:
    """The most memory that one worker had in use during one run."""

    worker: str
    """Address of the worker."""

    baseline: int
    """Resident memory just before the run, in bytes."""

    peak: int
    """Highest resident memory during the run, in bytes."""

    killed: bool = False
    """Whether the worker was killed for memory: `peak` is then what its nanny saw just before."""


@dataclass(frozen=True, kw_only=True)
class ClusterPeak:
    """A bracket around the most memory that all workers together had in use.

    The workers need not reach their peaks at the same instant, so neither end is the truth.
    """

    low: int
    """Highest sampled sum over the workers, in bytes: the true peak is not below it."""

    high: int
    """Sum of the workers' own peaks, in bytes: the true peak is not above it."""
