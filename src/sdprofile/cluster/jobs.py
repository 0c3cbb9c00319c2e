"""Where the workers of a cluster come from, and so how many there can be: machines, jobs, GPUs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from sdprofile.internals.dask import cpu_count
from sdprofile.internals.distributed.cluster import new_spec, worker_specs

QUEUE_TIMEOUT = 600.0
"""Seconds that jobs and pods have to start: they may wait in a queue."""

AT_ONCE = 4
"""How many workers for each CPU of this machine start at a time: more only hinder each other."""

_ASK_TIMEOUT = 5.0


def is_of_jobs(cluster: Any) -> bool:
    """Whether the workers of a cluster are jobs of a batch system."""
    return any(kind.__name__ == "JobQueueCluster" for kind in type(cluster).__mro__)


def comes_from_elsewhere(cluster: Any) -> bool:
    """Whether the workers of a cluster have to be waited for, as jobs or pods in a queue.

    Clusters of dask's own that are no batch system keep an object for each worker.
    """
    return is_of_jobs(cluster) or not hasattr(cluster, "workers")


def may_start_at_once(cluster: Any) -> int:
    """Return how many workers of a cluster may start at a time; any number on other machines."""
    from distributed import LocalCluster

    return AT_ONCE * cpu_count() if isinstance(cluster, LocalCluster) else sys.maxsize


def most_workers(cluster: Any) -> int | None:
    """Return how many workers a cluster can have that has one for each GPU; None for any other.

    Notes
    -----
    A `dask_cuda.LocalCUDACluster` gives each worker another one of its ``cuda_visible_devices``,
    the first that is free, and raises a ValueError on ``scale`` beyond them.
    """
    cards = getattr(cluster, "cuda_visible_devices", None)
    return len(cards) if isinstance(cards, (list, tuple)) else None


def workers_of_a_job(cluster: Any) -> int:
    """Return how many workers one job has, or one of a cluster's own worker objects."""
    return max(1, len(new_spec(cluster).get("group", ())))


def forget_lost_jobs(cluster: Any, names: Iterable[str]) -> None:
    """Let a cluster forget jobs without workers, for it would never replace them.

    Parameters
    ----------
    cluster
        Of jobs.
    names
        Of the workers that are there.

    Notes
    -----
    A job that the batch system has ended, for the memory that it took for instance, is still one
    of the cluster's, which so believes that it has what it was asked for.
    """
    names = set(names)
    specs = worker_specs(cluster)
    for job in list(specs):
        group = specs[job].get("group", ("",))
        if not names.intersection(f"{job}{suffix}" for suffix in group):
            del specs[job]


def why_they_wait(cluster: Any) -> str:
    """Return what the queue says of a cluster's jobs, ``PENDING (Resources)``; empty if nothing."""
    ids = [str(job.job_id) for job in cluster.workers.values() if getattr(job, "job_id", None)]
    squeue = shutil.which("squeue")
    if squeue is None or not ids:
        return ""
    command = [squeue, "--noheader", "--states=all", f"--jobs={','.join(ids)}", "--format=%T (%r)"]
    try:
        done = subprocess.run(  # noqa: S603 - the ids are those of dask-jobqueue
            command, capture_output=True, text=True, timeout=_ASK_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = sorted({line.strip() for line in done.stdout.splitlines() if "RUNNING" not in line})
    return ", ".join(found)
