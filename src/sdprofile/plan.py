"""From what was asked and what the machine has to the worker counts that are visited, in order."""

from __future__ import annotations

from dataclasses import dataclass

from sdprofile.errors import SdprofileError
from sdprofile.model.machine import Machine
from sdprofile.model.units import format_bytes, looks_decimal
from sdprofile.options import Options, is_decimal, nbytes

_ROUND_DOWN_TO = 100 * 2**20


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which runs are made, and on what workers."""

    counts: tuple[int, ...]
    """Worker counts, in the order in which they are visited."""

    repeats: int
    """Runs at each count."""

    threads: int
    """Threads of each worker."""

    memory_limit: int
    """Memory limit of each worker, in bytes."""

    timeout: float | None = None
    """Time after which a run is given up, in seconds."""

    fuse: bool = True
    """Whether dask may fuse tasks."""

    decimal: bool = False
    """Whether memory is written in GB rather than GiB."""


def make_plan(
    options: Options,
    machine: Machine,
    *,
    threads: int | None = None,
    memory_limit: int | None = None,
) -> Plan:
    """Return the plan for what was asked.

    Parameters
    ----------
    options
        What was asked.
    machine
        What there is.
    threads, memory_limit
        Threads and memory limit (bytes) of each worker of the cluster at hand: what holds if
        nothing else was asked.

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
    if options.memory is not None:
        memory_limit, decimal = nbytes(options.memory), is_decimal(options.memory)
    elif memory_limit is not None:
        decimal = looks_decimal(memory_limit)
    else:
        memory_limit, decimal = equal_share(machine.memory_free, largest), False
    if largest * memory_limit > machine.memory:
        raise SdprofileError(
            f"--memory: expected at most"
            f" {format_bytes(machine.memory // largest, decimal=decimal)} for each of {largest}"
            f" workers, got {format_bytes(memory_limit, decimal=decimal)}"
            f" ({machine.bounded_by} has {format_bytes(machine.memory, decimal=decimal)};"
            " ask for fewer workers or less memory for each)"
        )
    return Plan(
        counts=counts,
        repeats=options.repeats,
        threads=options.threads or threads or 1,
        memory_limit=memory_limit,
        timeout=options.timeout,
        fuse=not options.no_fuse,
        decimal=decimal,
    )


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
