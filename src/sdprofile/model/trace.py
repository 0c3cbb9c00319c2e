"""The tasks of one run, as a replay needs them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class Group:
    """Tasks of one name, by which dask decides how they are handed out."""

    prefix: str
    """Prefix of the keys."""

    tasks: int
    """How many there are."""

    groups_before: int
    """How many groups they need something of."""

    tasks_before: int
    """How many tasks these have."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The tasks that ended in one run; times are in seconds since the cell started.

    Each array has an item for each task, in the order in which the tasks were sent.
    """

    workers: int
    """Number of workers of the run."""

    threads: int
    """Threads of each worker."""

    seconds: float
    """Wall time of the cell."""

    scheduler_seconds: float
    """CPU time of the scheduler's thread from the first task that was sent to the last that ended.
    """

    arrivals: tuple[float, ...]
    """When each graph had come."""

    groups: tuple[Group, ...]
    """The groups of the tasks."""

    group: array[int]
    """Index of the task's group."""

    graph: array[int]
    """Index of the graph that it came with."""

    order: array[int]
    """Place in the order of dask's priorities; the lowest goes first."""

    begun: array[float]
    """When a thread took it up."""

    ended: array[float]
    """When it had its result."""

    nbytes: array[int]
    """Size of its result, in bytes."""

    worker: array[int]
    """Index of the worker that ran it."""

    wanted: array[int]
    """1 where the kernel held on to the result, else 0."""

    released: array[float]
    """When the result was dropped; infinity if it was not."""

    first_input: array[int]
    """Where the task's inputs begin in `inputs`; with one item more, for the end of the last."""

    inputs: array[int]
    """Indices of the tasks whose results are read, task by task."""

    def __len__(self) -> int:
        return len(self.group)

    @cached_property
    def durations(self) -> list[float]:
        """What each task took, in seconds; 0 for one that did not end."""
        return [
            stop - start if stop > start else 0.0
            for start, stop in zip(self.begun, self.ended, strict=True)
        ]

    @cached_property
    def inputs_of(self) -> list[list[int]]:
        """The tasks whose results each reads."""
        bounds = zip(self.first_input, self.first_input[1:], strict=False)
        return [self.inputs[start:stop].tolist() for start, stop in bounds]

    @cached_property
    def users_of(self) -> list[list[int]]:
        """The tasks that read the result of each."""
        users: list[list[int]] = [[] for _ in self.inputs_of]
        for index, inputs in enumerate(self.inputs_of):
            for each in inputs:
                users[each].append(index)
        return users
