"""From what was asked and what the machine has to the worker counts that are visited."""

from __future__ import annotations

from dataclasses import dataclass

from sdprofile.errors import SdprofileError
from sdprofile.model.machine import Machine
from sdprofile.model.units import format_bytes, looks_decimal
from sdprofile.options import Options
from sdprofile.values import ORDERS, is_decimal, nbytes

ROUNDS, GROUPED = ORDERS
"""See `sdprofile.order`."""

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

    counts: tuple[int, ...]
    """Worker counts, in the order in which they are first visited."""

    repeats: int
    """Runs at each count."""

    order: str = ROUNDS
    """``"rounds"`` (the counts alternate) or ``"grouped"`` (all repeats of a count in a row)."""

    order_asked: bool = False
    """Whether the user asked for that order."""

    threads: int
    """Threads of each worker."""

    memory_limit: int | None
    """Memory limit of each worker, in bytes; None for none."""

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


def make_plan(
    options: Options,
    machine: Machine,
    *,
    found: Shape | None = None,
    ours: bool = False,
    local: bool = True,
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

    Returns
    -------
    Plan
        Counts in the order of the options.

    Raises
    ------
    SdprofileError
        If the largest count would need more memory than there is.
    """
    counts = options.workers or powers_of_two(machine.cpus)
    largest = max(counts)
    fits = found is not None and largest * (found.memory_limit or 0) <= machine.memory
    kept = found if fits or not ours else None
    limit, decimal, where = _limit(options, machine, largest, kept)
    if local and limit is not None and largest * limit > machine.memory:
        raise SdprofileError(
            f"{where}: expected at most"
            f" {format_bytes(machine.memory // largest, decimal=decimal)} for each of {largest}"
            f" workers, got {format_bytes(limit, decimal=decimal)}"
            f" ({machine.bounded_by} has {format_bytes(machine.memory, decimal=decimal)};"
            " ask for fewer --workers or less --memory)"
        )
    return Plan(
        counts=counts,
        repeats=options.repeats,
        order=options.order or (GROUPED if options.report or (found and not ours) else ROUNDS),
        order_asked=options.order is not None,
        threads=options.threads or (found.threads if found else None) or 1,
        memory_limit=limit,
        timeout=options.timeout,
        compute=options.compute,
        steps=options.steps == "auto",
        fuse=not options.no_fuse,
        decimal=decimal,
    )


def _limit(
    options: Options, machine: Machine, largest: int, found: Shape | None
) -> tuple[int | None, bool, str]:
    """Return the limit in bytes, whether it is meant in powers of 1000, and who set it."""
    if options.memory is not None:
        return nbytes(options.memory), is_decimal(options.memory), "--memory"
    if found is not None:
        limit = found.memory_limit
        return limit, limit is not None and looks_decimal(limit), "the session's cluster"
    return equal_share(machine.memory_free, largest), False, "--memory"


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
