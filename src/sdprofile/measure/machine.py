"""Reads what this machine, or the part of it that we may use, has to offer."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import platform

from sdprofile.internals.dask import cpu_count
from sdprofile.internals.distributed.client import memory_limit
from sdprofile.model.machine import Machine

_MEBI = 2**20
_PACKAGES = ("sdprofile", "spatialdata", "dask", "distributed", "numpy", "zarr", "IPython")


def this_machine() -> Machine:
    """Return cores and memory that the workers may use here.

    Returns
    -------
    Machine
        Within the CPU affinity, the cgroup, the resource limits, and the Slurm job if any.

    Notes
    -----
    Cores and memory are those that dask reads (`dask.system`, `distributed.system`). Slurm tells a
    job its memory in ``SLURM_MEM_PER_NODE`` or ``SLURM_MEM_PER_CPU``, in MiB (``man sbatch``).
    """
    import psutil

    memory, bounded_by = memory_limit(), "the machine"
    job = slurm_memory(dict(os.environ))
    if job is not None and job < memory:
        memory, bounded_by = job, "the Slurm job"
    return Machine(
        cpus=cpu_count(),
        memory=memory,
        memory_free=min(max(memory - _used_here(), 0), psutil.virtual_memory().available),
        bounded_by=bounded_by,
    )


def slurm_memory(environ: dict[str, str]) -> int | None:
    """Return the memory of the Slurm job on this node, in bytes; None outside of a job.

    Parameters
    ----------
    environ
        Environment variables.

    Examples
    --------
    >>> slurm_memory({"SLURM_MEM_PER_CPU": "1024", "SLURM_CPUS_ON_NODE": "4"})
    4294967296
    """
    per_node = environ.get("SLURM_MEM_PER_NODE", "")
    if per_node.isdigit() and int(per_node):
        return int(per_node) * _MEBI
    per_cpu = environ.get("SLURM_MEM_PER_CPU", "")
    cpus = environ.get("SLURM_CPUS_ON_NODE", "")
    if per_cpu.isdigit() and cpus.isdigit() and int(per_cpu) and int(cpus):
        return int(per_cpu) * int(cpus) * _MEBI
    return None


def _used_here() -> int:
    """Return the resident memory of this process and of those that it has started, in bytes.

    What a cgroup or a Slurm job has free is its limit less this; other processes of it are missed.
    """
    import psutil

    this = psutil.Process()
    used = 0
    for process in (this, *this.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            used += process.memory_info().rss
    return used


@functools.cache  # it looks for files, and nobody installs anything beside
def versions(*, more: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
    """Return names and versions of Python and of the packages that matter here.

    Parameters
    ----------
    more
        Names of other packages to look for.
    """
    found = [("Python", platform.python_version())]
    for package in (*_PACKAGES, *more):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append((package, importlib.metadata.version(package)))
    return tuple(found)
