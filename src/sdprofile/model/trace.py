"""The tasks of one run: when and where each ran, and what it needed."""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NewType

from sdprofile.model.calls import CallTrees
from sdprofile.model.gpu import Cards
from sdprofile.model.memory import Curve

if TYPE_CHECKING:
    import numpy.typing as npt

    Whole = array[int]
    Real = array[float]
else:  # which who reads a file looks at; until Python 3.12 an array cannot say of what it is
    Whole = NewType("Whole", array)
    Real = NewType("Real", array)

TICKS = 1e5
"""Ticks in a second; times are kept to 10 us, a tenth of the shortest task that dask can run."""


KERNEL = "kernel"
"""What stands for the address of a worker where tasks ran without a cluster."""


def since(times: npt.ArrayLike, began: float = 0.0) -> Real:
    """Return times since a moment, to whole ticks, as they are read from a file."""
    import numpy as np

    ticks = np.rint((np.asarray(times, dtype=float) - began) * TICKS)
    return array("d", (ticks / TICKS).tobytes())


def _whole() -> Whole:
    return array("i")


def _real() -> Real:
    return array("d")


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
class Spells:
    """Stretches of time in which a worker did something, in no order."""

    worker: Whole = field(default_factory=_whole)
    """Index of the worker."""

    begun: Real = field(default_factory=_real)
    """When each began."""

    ended: Real = field(default_factory=_real)
    """When it was over; infinity if it was not."""


@dataclass(frozen=True, kw_only=True)
class Fetches(Spells):
    """What workers fetched from others."""

    task: Whole = field(default_factory=_whole)
    """Index of the task that dask names as the one it was for: the first of those that needed it.
    """


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Calls in the kernel that send a graph or wait for results, but for those within another."""

    begun: Real = field(default_factory=_real)
    """When each was made."""

    ended: Real = field(default_factory=_real)
    """When it returned."""

    sends: Whole = field(default_factory=_whole)
    """2 where it sends a graph and waits for the result, as ``dask.compute`` does; 1 where it does
    not wait, as ``Client.submit`` does not; 0 where it only waits, as ``Client.gather`` does; -1
    where it sent nothing to the cluster, as ``compute(scheduler="threads")`` does not."""

    line: Whole = field(default_factory=_whole)
    """Line of the cell that each was made from; 0 where that is not known."""

    inner: Whole = field(default_factory=_whole)
    """Line of the innermost function of the user's that each was made from, within that of the
    cell; 0 for none. Empty in files of an older sdprofile, as `function` is."""

    function: Whole = field(default_factory=_whole)
    """Index of that function in `functions`, or 0."""

    functions: tuple[str, ...] = ()
    """Names of functions of the user's."""


@dataclass(frozen=True, kw_only=True)
class Cores:
    """How many CPUs one worker's process had in use over time, with its child processes."""

    worker: str
    """Its address."""

    cpus: int
    """CPUs of its host that it may use."""

    step: float
    """Seconds from one item of `used` to the next."""

    used: tuple[float, ...]
    """Mean number in each step, the first from the start of the cell; the last may be cut off."""


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What was sampled of the workers' processes."""

    curves: tuple[Curve, ...] = ()
    """Memory over time."""

    cores: tuple[Cores, ...] = ()
    """CPUs in use over time."""

    gpus: Cards = Cards()
    """Memory of GPUs; empty where there are none."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The tasks of one run; times are in seconds since the cell started, to 10 us.

    Each array has an item for each task, in the order in which the tasks came, unless it says
    otherwise. A task that was executed more than once is here as it was the last time.
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

    group: Whole
    """Index of the task's group."""

    graph: Whole
    """Index of the graph that it came with."""

    order: Whole
    """Place in the order of dask's priorities; the lowest goes first."""

    begun: Real
    """When a thread took it up; infinity if it did not come to an end, as in `ended`."""

    ended: Real
    """When it had its result, or had failed."""

    nbytes: Whole
    """Size of its result, in bytes."""

    worker: Whole
    """Index of the worker that ran it, or was to run it."""

    wanted: Whole
    """1 where the kernel held on to the result, else 0."""

    released: Real
    """When the result, or a task that was not executed, was dropped; infinity if it was not."""

    first_input: Whole
    """Where the task's inputs begin in `inputs`; with one item more, for the end of the last."""

    inputs: Whole
    """Indices of the tasks whose results are read, task by task."""

    sent: Real = field(default_factory=_real)
    """When the scheduler sent it to a worker; infinity if it did not."""

    limited: Whole = field(default_factory=_whole)
    """1 where it needs resources that a worker may not have left, else 0."""

    reading: Real = field(default_factory=_real)
    """Seconds just before it in which its worker read inputs back from disk; below 5 ms dask says
    none."""

    writing: Real = field(default_factory=_real)
    """Seconds just after it in which its worker wrote results to disk; below 5 ms none."""

    addresses: tuple[str, ...] = ()
    """Addresses of the workers, by their index."""

    fetches: Fetches = Fetches()
    """What the workers fetched from each other, by fetch."""

    pauses: Spells = Spells()
    """When workers took no tasks for lack of memory, by pause."""

    calls: Calls = Calls()
    """What the kernel asked of dask, by call."""

    cores: tuple[Cores, ...] = ()
    """How many CPUs each worker had in use; empty where that was not sampled."""

    inside: CallTrees = CallTrees()
    """What was called within the tasks and within the kernel."""

    def __len__(self) -> int:
        return len(self.group)

    def with_calls(self, most: int) -> Trace:
        """Return the trace with no more calls in `inside` than that."""
        return self if len(self.inside) <= most else replace(self, inside=self.inside.largest(most))

    @cached_property
    def prefix_seconds(self) -> dict[str, float]:
        """What the tasks of each prefix took together, in seconds."""
        found: defaultdict[str, float] = defaultdict(float)
        for group, seconds in zip(self.group, self.durations, strict=True):
            found[self.groups[group].prefix] += seconds
        return dict(found)

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
