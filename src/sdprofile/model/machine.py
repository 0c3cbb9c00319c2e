"""What this machine, or the part of it that we may use, has to offer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Cores and memory that the workers may use together."""

    cpus: int
    """Cores, within the cgroup and the CPU affinity of this process."""

    memory: int
    """Memory in bytes: the machine's, or less where a cgroup or a Slurm job allows less."""

    memory_free: int
    """Memory in bytes that is not in use now, at most `memory`."""

    bounded_by: str = "the machine"
    """Who sets `memory`: ``"the machine"`` or ``"the Slurm job"``."""
