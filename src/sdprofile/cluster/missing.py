"""Looks which of the names that dask keeps to itself are missing here, and what goes with them."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.cluster.worker_states import addresses
from sdprofile.internals import dask, distributed, python
from sdprofile.internals.distributed.client import SCHEDULER_COMM
from sdprofile.internals.distributed.cluster import PROCESS
from sdprofile.internals.names import Name, missing_imports, missing_notices, missing_of

if TYPE_CHECKING:
    from distributed import Client, Nanny, Scheduler, Worker

    from sdprofile.model.notice import Notice

NAMES = (*dask.NAMES, *distributed.NAMES, *python.NAMES)
"""All that is looked for."""


def find_missing(client: Client) -> tuple[Notice, ...]:
    """Return what has to be left out, for dask or Python lack a name; one notice for each feature.

    Parameters
    ----------
    client
        Of a cluster with workers. Of these one is asked: all have the same version of dask.
    """
    return missing_notices(_missing(client), _version)


def _missing(client: Client) -> Iterator[Name]:
    from distributed import SpecCluster

    yield from missing_imports(NAMES)
    yield from missing_of(client, NAMES, "client")
    yield from missing_of(SCHEDULER_COMM.get(client), NAMES, "comm")
    if isinstance(client.cluster, SpecCluster):  # others need not have what it has
        yield from missing_of(client.cluster, NAMES, "cluster")
    yield from client.run_on_scheduler(_of_scheduler)
    workers = addresses(client)[:1]
    for question, nanny in ((_of_worker, False), (_of_nanny, True)):
        for answer in ask_workers(client, question, workers=workers, nanny=nanny).values():
            yield from answer


def _of_scheduler(dask_scheduler: Scheduler) -> tuple[Name, ...]:
    return missing_of(dask_scheduler, NAMES, "scheduler")


def _of_worker(dask_worker: Worker) -> tuple[Name, ...]:
    return missing_of(dask_worker, NAMES, "worker")


def _of_nanny(dask_worker: Nanny) -> tuple[Name, ...]:
    process = PROCESS.get(dask_worker)
    of_process = missing_of(process, NAMES, "process")
    return (*missing_of(dask_worker, NAMES, "nanny"), *of_process)


def _version(library: str) -> str:
    if library == "Python":
        return f" {platform.python_version()}"
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return f" {importlib.metadata.version(library)}"
    return ""
