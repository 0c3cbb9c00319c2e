"""What went on around a run, and may make its numbers doubtful."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ThreadPool:
    """Threads that a library keeps inside a worker, beside those of dask."""

    name: str
    """What sets its size: ``NUMBA_NUM_THREADS``, ``OMP_NUM_THREADS`` and so on."""

    threads: int
    """Its size in each worker."""


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What the kernel, the workers and the machine did besides the tasks during one run."""

    kernel_cpu_seconds: float = 0.0
    """CPU time of the kernel's own work in seconds: all its threads but dask's event loop."""

    kernel_baseline: int | None = None
    """Resident memory of the kernel just before the run, in bytes; None where it is not known."""

    kernel_peak: int | None = None
    """Highest resident memory of the kernel during the run, in bytes; None where not known."""

    others_cpu_seconds: float | None = None
    """CPU time of all other processes of this machine in seconds; None where not known."""

    pauses: int = 0
    """How often a worker stopped to take tasks, for lack of memory."""

    pools: tuple[ThreadPool, ...] = ()
    """Thread pools in the workers that are larger than a worker's own threads."""

    imported: tuple[str, ...] = ()
    """What the workers imported: the packages with most modules first, without Python's own."""
