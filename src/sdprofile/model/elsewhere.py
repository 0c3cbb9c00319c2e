"""What of a run's dask work went elsewhere than to the profiled workers."""

from __future__ import annotations

from dataclasses import dataclass

EXECUTOR = "executor"
"""Stands for a scheduler in the kernel that runs on an executor of the user's."""


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """A scheduler beside that of the profiled workers, to which a run turned."""

    scheduler: str
    """Address of another cluster's scheduler, empty where it was gone before it could be asked; or
    what dask calls a scheduler in the kernel: ``threads``, ``processes``, ``synchronous``."""

    workers: int | None = None
    """Workers of the other cluster; None for a scheduler in the kernel."""

    started: bool = False
    """Whether the run itself started that cluster."""

    connected: bool = False
    """Whether the run itself made a client of it."""

    graphs: int = 0
    """How often it was asked to compute something."""

    seconds: float = 0.0
    """Time that a scheduler in the kernel took, in seconds; 0 for another cluster."""

    left: bool = False
    """Whether the run left a cluster that it had started running."""

    @property
    def is_cluster(self) -> bool:
        """Whether it is another cluster, not a scheduler in the kernel."""
        return self.workers is not None
