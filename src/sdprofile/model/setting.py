"""One point of what a profile varies: number and kind of the workers, and variables of the cell."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Self

from sdprofile.units import format_bytes, plural

Variables = tuple[tuple[str, str], ...]
"""Names of variables, each with its value as it was written."""


WORKERS, THREADS, LIMIT = "workers", "threads", "limit"
"""Names of axes, which are those of columns too."""

NO_CLUSTER = "no cluster"
"""What stands for 0 workers: the cell as dask runs it without any, in threads of the kernel."""


def count_name(workers: int, scheduler: str = "") -> str:
    """Return a worker count as in a sentence, without a cluster with the scheduler that was named.

    Examples
    --------
    >>> count_name(0), count_name(1), count_name(2), count_name(0, "threads")
    ('no cluster', '1 worker', '2 workers', 'no cluster (threads)')
    """
    if workers:
        return plural(workers, "worker")
    return f"{NO_CLUSTER} ({scheduler})" if scheduler else NO_CLUSTER


def count_label(workers: int, scheduler: str = "") -> str:
    """Return a worker count as in a column of them.

    Examples
    --------
    >>> count_label(0), count_label(2), count_label(0, "threads")
    ('none', '2', 'threads')
    """
    return str(workers) if workers else scheduler or "none"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What may be varied beside the number of workers."""

    threads: int
    """Threads of each worker."""

    memory_limit: int | None
    """Memory limit of each worker, in bytes; None for none."""

    variables: Variables = ()
    """What variables of the cell are set to."""


@dataclass(frozen=True, kw_only=True)
class Setting(Kind):
    """What one run is made with."""

    workers: int
    """Number of workers; 0 for no cluster at all, where the kind is that of the workers that it is
    held against."""

    scheduler: str = ""
    """Without a cluster: what dask was told to run the tasks in; empty for its own choice."""

    @property
    def name(self) -> str:
        """The number of workers as in a sentence, ``2 workers`` or ``no cluster (threads)``."""
        return count_name(self.workers, self.scheduler)

    @property
    def label(self) -> str:
        """The number of workers as in a column of them, ``2`` or ``threads``."""
        return count_label(self.workers, self.scheduler)

    @property
    def kind(self) -> Kind:
        """The same without the number of workers."""
        return Kind(threads=self.threads, memory_limit=self.memory_limit, variables=self.variables)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One thing in which settings differ."""

    name: str
    """``workers``, ``threads``, ``limit`` or the variable."""

    value: Callable[[Setting], str] = field(compare=False)
    """Gives what a setting has there, as text."""

    is_variable: bool = False
    """Whether it is a variable of the cell, which may have any name."""


@dataclass(frozen=True, kw_only=True)
class Varied:
    """In what some settings differ, so that each can be named by just that."""

    axes: tuple[Axis, ...]
    """Variables, limit, threads, workers: those of which there are several values."""

    @classmethod
    def of(cls, settings: Iterable[Setting], *, decimal: bool) -> Self:
        """Return in what some settings differ.

        Parameters
        ----------
        settings
            What was planned, or run.
        decimal
            Whether limits are written in powers of 1000 (GB) or of 1024 (GiB).
        """
        found = tuple(dict.fromkeys(settings))
        names = dict.fromkeys(name for setting in found for name, _ in setting.variables)
        axes = [
            *(
                Axis(name=name, value=functools.partial(_variable, name), is_variable=True)
                for name in names
            ),
            Axis(name=LIMIT, value=functools.partial(_limit, decimal=decimal)),
            Axis(name=THREADS, value=lambda setting: str(setting.threads)),
            Axis(name=WORKERS, value=lambda setting: setting.label),
        ]
        return cls(axes=tuple(a for a in axes if len({a.value(each) for each in found}) > 1))

    @property
    def own(self) -> dict[str, Axis]:
        """The axes that are no variables, by their names."""
        return {axis.name: axis for axis in self.axes if not axis.is_variable}

    @property
    def of_kind(self) -> tuple[Axis, ...]:
        """The axes but the number of workers."""
        return tuple(axis for axis in self.axes if axis.is_variable or axis.name != WORKERS)

    def name(self, setting: Setting) -> str:
        """Return what tells a setting from others, ``2 workers, chunk=500, 1 thread``."""
        kind = self.name_kind(setting)
        return ", ".join([setting.name, *([kind] if kind else [])])

    def name_kind(self, setting: Setting) -> str:
        """Return the same without the number of workers, ``chunk=500, 1 thread``."""
        return ", ".join(_named(axis, setting) for axis in self.of_kind)

    def name_but(self, axis: Axis, setting: Setting) -> str:
        """Return what tells a setting from others on all axes but one."""
        return ", ".join(_named(each, setting) for each in self.axes if each != axis)

    def alike(self, setting: Setting, other: Setting, *, but: Axis) -> bool:
        """Whether two settings are the same on all axes but one."""
        axes = [axis for axis in self.axes if axis != but]
        return all(axis.value(setting) == axis.value(other) for axis in axes)


def _named(axis: Axis, setting: Setting) -> str:
    if axis.is_variable:
        return f"{axis.name}={axis.value(setting)}"
    if axis.name == LIMIT:
        return f"limit {axis.value(setting)}" if setting.memory_limit else "no limit"
    if axis.name == WORKERS:
        return setting.name
    return plural(setting.threads, "thread")


def _variable(name: str, setting: Setting) -> str:
    return dict(setting.variables).get(name, "")


def _limit(setting: Setting, *, decimal: bool) -> str:
    limit = setting.memory_limit
    return format_bytes(limit, decimal=decimal) if limit else "none"


def column_name(variable: str, taken: Collection[str]) -> str:
    """Return the name of a variable's column, which may be that of another column already.

    Examples
    --------
    >>> column_name("chunk", ["time"]), column_name("time", ["time"])
    ('chunk', 'time=')
    """
    return f"{variable}=" if variable in taken else variable
