"""Starts, replaces and closes the cluster that sdprofile keeps for a session without one."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.quiet import quiet_root
from sdprofile.cluster.resize import resize, worker_options
from sdprofile.cluster.secure import is_secure, make_security
from sdprofile.cluster.workers import fast_start, start_imports, stop_forkserver
from sdprofile.errors import SdprofileError
from sdprofile.internals.distributed.cluster import created, kill_process
from sdprofile.interrupts import held_back, ignored

if TYPE_CHECKING:
    from distributed import Client

HOST = "127.0.0.1"
"""Other machines cannot reach the cluster; other users of this one can (see docs/cluster.md)."""

DASHBOARD_PORT = 8787
"""Dask's usual port; another one is taken where it is not free."""


CLOSE_TIMEOUT = 20.0
"""Seconds that a cluster has to close."""


@dataclass
class _Started:
    """The cluster that sdprofile started in this process."""

    client: Client | None = None
    default_client: Client | None = None


_started = _Started()


def started_client() -> Client | None:
    """Return the client of the cluster that sdprofile started, if it runs."""
    client = _started.client
    return client if client is not None and client.status == "running" else None


def is_started_here(client: Client) -> bool:
    """Whether sdprofile started the client's cluster."""
    return _started.client is not None and client.cluster is _started.client.cluster


def start_cluster(
    *,
    workers: int,
    threads: int,
    memory_limit: int | None,
    secure: bool = False,
    meanwhile: Callable[[], object] | None = None,
) -> Client:
    """Start a cluster of processes on this machine and keep it for later cells.

    Parameters
    ----------
    workers
        Number of workers.
    threads
        Threads of each worker.
    memory_limit
        Memory limit of each worker, in bytes.
    secure
        Whether to talk TLS, with certificates that are made for this cluster and stay in memory.
    meanwhile
        What to do while the first worker makes its imports, which takes seconds.

    Returns
    -------
    distributed.Client
        Not the session's default client: cells that are not profiled run as before.

    Raises
    ------
    SdprofileError
        If the cluster does not start, or there is nothing to make certificates with.
    """
    from distributed import Client, LocalCluster

    with held_back():
        close_cluster()
    security = make_security() if secure else None
    try:
        with fast_start(), quiet_root(), warnings.catch_warnings():
            start_imports()
            if meanwhile is not None:
                meanwhile()
            # Another dashboard has the port: ours takes a free one, and the header shows which.
            warnings.filterwarnings("ignore", message="Port .* is already in use")
            # An interrupt in the midst of it would leave a cluster that nobody knows.
            with held_back():
                try:
                    cluster = LocalCluster(
                        n_workers=0,
                        threads_per_worker=threads,
                        memory_limit=memory_limit,
                        host=HOST,
                        dashboard_address=f"{HOST}:{DASHBOARD_PORT}",
                        security=security,
                        silence_logs=logging.CRITICAL,  # workers that leave log it as an error
                    )
                except (OSError, RuntimeError) as error:
                    raise SdprofileError(f"could not start a cluster on {HOST}: {error}") from error
                client = _started.client = Client(cluster, set_as_default=False)
            resize(client, workers)
    except BaseException:
        with ignored():
            close_cluster()
        raise
    return client


def default_client(client: Client) -> Client:
    """Return a client of the same cluster that is the session's default, as ``Client()`` is."""
    from distributed import Client

    if not is_started_here(client):
        return client
    if _started.default_client is None or _started.default_client.status != "running":
        _started.default_client = Client(client.cluster, set_as_default=True)
    return _started.default_client


@quiet_root()
def close_cluster() -> bool:
    """Close the cluster that sdprofile started, with its clients; say whether there was one.

    Notes
    -----
    One that does not close (its nannies may wait for ever for a worker that died while it started)
    is left after `CLOSE_TIMEOUT`, once its workers are killed.
    """
    client, default = _started.client, _started.default_client
    _started.client = _started.default_client = None
    if client is None:
        return False
    if default is not None:
        default.close()
    cluster: Any = client.cluster
    client.close()
    nannies = [*cluster.workers.values(), *created(cluster)]  # the latter also while they start
    try:
        cluster.close(timeout=CLOSE_TIMEOUT)
    except TimeoutError:
        for nanny in nannies:
            kill_process(nanny)
    stop_forkserver()
    return True


def replace_cluster(client: Client) -> Client:
    """Close the cluster that sdprofile started, and start another one like it, with one worker.

    Parameters
    ----------
    client
        Of the cluster; `is_started_here`. It is closed, with all clients of that cluster.

    Returns
    -------
    distributed.Client
        Of the new cluster. The session has a new default client if it had one of this cluster.

    Raises
    ------
    SdprofileError
        If the new cluster does not start.
    """
    had_default = _started.default_client is not None
    options = worker_options(client)
    new = start_cluster(
        workers=1,
        threads=options["nthreads"],
        memory_limit=options["memory_limit"],
        secure=is_secure(client),
    )
    if had_default:
        default_client(new)
    return new
