"""What a replay takes for granted, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a replay takes for granted."""

    cpus: float
    """How many threads have a CPU of their own at the same time; infinity if all have."""

    crowding: float
    """By which fraction of its time a task gets slower for each other that runs beside it."""

    alone: float
    """How many ran side by side, on average, when the times were recorded."""

    overhead: float
    """What a thread needs between two tasks, in seconds."""

    scheduling: float
    """What the scheduler, which does one thing after another, needs for a task, in seconds."""

    rate: float
    """What a worker fetches from others, in bytes per second."""

    baseline: int
    """Memory of a worker without any task, in bytes."""

    cpu_share: tuple[float, ...]
    """For each group of tasks: which fraction of their time they need a CPU."""

    rise: tuple[int, ...]
    """For each group of tasks: by how much one raises its worker's memory while it runs."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What came out of a replay."""

    seconds: float
    """Wall time of the cell."""

    peak_worker: int
    """Highest memory of the fullest worker, in bytes."""

    peak_cluster: int
    """Highest memory of all workers together, in bytes."""

    task_seconds: float
    """Wall time of all tasks together."""
