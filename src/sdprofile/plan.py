"""From what was asked and what the machine has to the settings that are visited."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from sdprofile.errors import SdprofileError
from sdprofile.model.machine import Machine
from sdprofile.model.setting import Setting, Variables, Varied
from sdprofile.options.options import Options
from sdprofile.options.values import ORDERS, is_decimal, nbytes
from sdprofile.options.variations import Variations
from sdprofile.units import each_of, format_bytes, looks_decimal, plural

ROUNDS, GROUPED = ORDERS
"""See `sdprofile.order`."""

REPEATS = (3, 5, 7, 9)
"""Runs with each setting where nobody asked for a number: at first, and then as many as a verdict
needs. All are odd, so that of two that take turns it is always the same that is the last."""

WORKERS_PER_CPU = 4
"""Up to which number of workers for each CPU of this machine nobody has to insist."""

_ROUND_DOWN_TO = 100 * 2**20


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Number and kind of a cluster's workers."""

    workers: int
    """Number of workers."""

    threads: int | None
    """Threads of each worker; None if there are no workers and the cluster does not say."""

    memory_limit: int | None
    """Memory limit of each worker, in bytes; None for none."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which runs are made, and on what workers."""

    settings: tuple[Setting, ...]
    """What the runs on workers are made with, in the order in which they are first visited."""

    alone: tuple[Setting, ...] = ()
    """What the runs without a cluster are made with, before all others."""

    repeats: int
    """Runs with each setting; more where nobody asked for a number, see `REPEATS`."""

    order: str = ROUNDS
    """``"rounds"`` (the settings alternate) or ``"grouped"`` (all repeats of one in a row)."""

    order_asked: bool = False
    """Whether the user asked for that order."""

    task_memory: tuple[tuple[str, int], ...] = ()
    """What the tasks of each prefix need, in bytes; others may run beside them unheeded."""

    timeout: float | None = None
    """Time after which a run is given up, in seconds."""

    compute: str | None = None
    """How to compute what is lazy in the work's value: one of `values.COMPUTING`; None for not."""

    steps: bool = True
    """Whether calls of spatialdata's functions become steps."""

    fuse: bool = True
    """Whether dask may fuse tasks."""

    decimal: bool = False
    """Whether memory is written in GB rather than GiB."""

    @property
    def every(self) -> tuple[Setting, ...]:
        """What any run is made with, that without a cluster first."""
        return (*self.alone, *self.settings)

    def name(self, setting: Setting) -> str:
        """Return what tells a setting from the others, ``2 workers, chunk=500``."""
        return Varied.of(self.every, decimal=self.decimal).name(setting)


def make_plan(
    options: Options,
    machine: Machine,
    *,
    found: Shape | None = None,
    ours: bool = False,
    local: bool = True,
    fixed: bool = False,
    together: int = 1,
    has_client: bool = True,
) -> Plan:
    """Return the plan for what was asked.

    Parameters
    ----------
    options
        What was asked.
    machine
        What there is.
    found
        The cluster at hand, whose kind of workers is kept unless something else was asked.
    ours
        Whether sdprofile started that cluster, so that workers of a limit that does not fit may be
        replaced.
    local
        Whether its workers share this machine's memory.
    fixed
        Whether its workers can be neither more nor other ones.
    together
        How many workers come and go at a time, as a job of a batch system.
    has_client
        Whether the session has a client, so that its cells run on a cluster anyway.

    Returns
    -------
    Plan
        All combinations of what was asked for: limits, threads, worker counts and values of
        variables, each in the order of the options. The last of these changes the fastest, for it
        costs the least.

    Raises
    ------
    SdprofileError
        If the largest count would need more memory than there is, or would crowd this machine, or
        needs workers that the cluster cannot have.
    """
    most = found.workers if found is not None and fixed else machine.cpus
    jobs = powers_of_two(max(1, most // together))
    asked = options.workers or tuple(together * number for number in jobs)
    counts = tuple(count for count in asked if count)
    without = 0 in asked or options.scheduler is not None
    without = without or not (has_client or _tells_of_workers_only(options))
    if odd := [str(count) for count in counts if count % together]:
        raise SdprofileError(
            f"--workers: expected multiples of {together}, for each job of the session's cluster"
            f" has so many workers, got {', '.join(odd)}"
        )
    largest = max(counts, default=1)
    if found is not None and fixed:
        _check_fixed(options, found, largest)
    elif local and not options.oversubscribe:
        _check_cpus(machine, largest, there=found.workers if found else 0)
    fits = found is not None and largest * (found.memory_limit or 0) <= machine.memory
    kept = found if fits or not ours else None
    limits, decimal, where = _limits(options, machine, largest, kept)
    limit = max((each for each in limits if each is not None), default=0)
    if local and largest * limit > machine.memory:
        raise SdprofileError(
            f"{where}: expected at most"
            f" {format_bytes(machine.memory // largest, decimal=decimal)} for"
            f" {each_of(largest, 'worker')}, got {format_bytes(limit, decimal=decimal)}"
            f" ({machine.bounded_by} has {format_bytes(machine.memory, decimal=decimal)};"
            " ask for fewer --workers or less --memory)"
        )
    needs = tuple((prefix, nbytes(amount)) for prefix, amount in options.task_memory)
    for prefix, need in needs:
        least = min((each for each in limits if each is not None), default=0)
        if need > least:
            limited = format_bytes(least, decimal=decimal) if least else "workers have no limit"
            raise SdprofileError(
                f"--task-memory {prefix}: expected at most the memory limit of a worker, got"
                f" {format_bytes(need, decimal=decimal)} ({limited}; see --memory)"
            )
    every_threads = options.threads or ((found.threads if found else None) or 1,)
    combinations = tuple(_combinations(options.vary))
    return Plan(
        settings=tuple(
            Setting(workers=count, threads=threads, memory_limit=limit, variables=variables)
            for limit, threads, count, variables in product(
                limits, every_threads, counts, combinations
            )
        ),
        alone=tuple(
            Setting(
                workers=0,
                threads=every_threads[0],
                memory_limit=limits[0],
                variables=variables,
                scheduler=options.scheduler or "",
            )
            for variables in combinations
            if without
        ),
        repeats=options.repeats or REPEATS[0],
        order=options.order or _order(options, borrowed=found is not None and not ours),
        order_asked=options.order is not None,
        task_memory=needs,
        timeout=options.timeout,
        compute=options.compute,
        steps=options.steps == "auto",
        fuse=not options.no_fuse,
        decimal=decimal,
    )


def _tells_of_workers_only(options: Options) -> bool:
    """Whether somebody who names no counts has asked for what only workers have."""
    asks = (options.workers, options.report, options.against, options.predict, options.task_memory)
    return options.is_grid or any(asks)


def _order(options: Options, *, borrowed: bool) -> str:
    """Return the order where none was asked for."""
    if options.budget is not None:
        return ROUNDS  # else the first count could take all the time
    return GROUPED if options.report or borrowed else ROUNDS


def _check_cpus(machine: Machine, largest: int, *, there: int) -> None:
    """Make sure that a count is meant where more workers than are `there` crowd this machine."""
    most = WORKERS_PER_CPU * machine.cpus
    if largest > max(most, there):
        raise SdprofileError(
            f"--workers: expected at most {most}, four for each of the"
            f" {plural(machine.cpus, 'CPU')} that workers may use, got {largest}"
            " (add --oversubscribe to start them all the same)"
        )


def _check_fixed(options: Options, found: Shape, largest: int) -> None:
    """Make sure that a cluster that is as it is has what was asked for."""
    if largest > found.workers:
        raise SdprofileError(
            f"--workers: expected at most {found.workers}, got {largest} (the session's cluster"
            " cannot have more, as one with a worker for each GPU, or --on names no more)"
        )
    limits = {nbytes(memory) for memory in options.memory or ()} - {found.memory_limit}
    threads = set(options.threads or ()) - {found.threads}
    if limits or threads:
        raise SdprofileError(
            f"--{'memory' if limits else 'threads'}: expected none, for the workers of the"
            " session's cluster are as they are, got"
            f" {', '.join(options.memory or ()) if limits else sorted(threads)} (leave it out)"
        )


def _limits(
    options: Options, machine: Machine, largest: int, found: Shape | None
) -> tuple[tuple[int | None, ...], bool, str]:
    """Return the limits in bytes, whether they are meant in powers of 1000, and who set them."""
    if options.memory is not None:
        limits = tuple(nbytes(memory) for memory in options.memory)
        return limits, is_decimal(options.memory[0]), "--memory"
    if found is not None:
        limit = found.memory_limit
        return (limit,), limit is not None and looks_decimal(limit), "the session's cluster"
    return (equal_share(machine.memory_free, largest),), False, "--memory"


def _combinations(vary: Variations) -> Iterator[Variables]:
    names = [name for name, _ in vary]
    for values in product(*(texts for _, texts in vary)):
        yield tuple(zip(names, values, strict=True))


def powers_of_two(cpus: int) -> tuple[int, ...]:
    """Return 1, 2, 4 ... up to the number of CPUs.

    Examples
    --------
    >>> powers_of_two(6)
    (1, 2, 4)
    """
    return tuple(2**power for power in range(cpus.bit_length()))


def equal_share(free: int, workers: int) -> int:
    """Return the memory that each of several workers can have, in bytes.

    Parameters
    ----------
    free
        Memory that is not in use, in bytes.
    workers
        How many share it.

    Returns
    -------
    int
        Rounded down to a multiple of 100 MiB where there is more than that.
    """
    share = free // workers
    return share - share % _ROUND_DOWN_TO if share > _ROUND_DOWN_TO else share
