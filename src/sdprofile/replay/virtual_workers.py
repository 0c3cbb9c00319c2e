"""The workers of a replay, what all costs and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field


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

    busy: float
    """Which fraction of it a task needs that comes while the scheduler is at work."""

    latency: float
    """Seconds from a result to the scheduler and back to a worker, without the work for it."""

    rate: float
    """What a worker fetches from others, in bytes per second."""

    fetching: float
    """Seconds until what a worker asks another for begins to come."""

    kernel: tuple[float, ...] | None
    """What the kernel takes before each graph and at the end, see `Kernel.busy`; None for what it
    took in the run."""

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


@dataclass(slots=True)
class Stream:
    """Messages to one receiver: those that come up soon after one are kept, and sent together.

    See `distributed.batched.BatchedSend`; the intervals are those that dask gives it.
    """

    interval: float
    """Seconds from one sending to the next, at least."""

    _free: float = 0.0

    def send(self, now: float) -> float:
        """Return when a message that comes up now is sent."""
        if now >= self._free:
            self._free = now + self.interval
            return now
        if now > self._free - self.interval:
            self._free += self.interval
        return self._free - self.interval


@dataclass(slots=True)
class VirtualWorker:
    """One worker of a replay."""

    free: int
    """Threads that do nothing."""

    in_use: int
    """Memory in use, in bytes."""

    peak: int
    """The most of it so far."""

    ready: list[tuple[int, int]] = field(default_factory=list)
    """Tasks that wait for a thread, a heap by their order."""

    processing: int = 0
    """Tasks that it was given and that have not ended."""

    occupied: float = 0.0
    """Seconds that these take."""

    fetching_until: float = 0.0
    """When it will have fetched what it was told to."""

    telling: Stream = field(default_factory=lambda: Stream(0.002))
    """What it tells the scheduler."""

    told: Stream = field(default_factory=lambda: Stream(0.005))
    """What the scheduler tells it."""
