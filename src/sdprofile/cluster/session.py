"""Finds the session's cluster or starts one, and gives it back as it was."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.garbage import collect_garbage
from sdprofile.cluster.resize import renew, replace_gently, resize, worker_states
from sdprofile.cluster.secure import make_security
from sdprofile.cluster.workers import fast_start, stop_forkserver
from sdprofile.errors import SdprofileError
from sdprofile.interrupts import held_back, ignored
from sdprofile.plan import Shape

if TYPE_CHECKING:
    from distributed import Client

HOST = "127.0.0.1"
"""Other machines cannot reach the cluster; other users of this one can (see the README)."""

DASHBOARD_PORT = 8787
"""Dask's usual port; another one is taken where it is not free."""


@dataclass
class _Started:
    """The cluster that sdprofile started in this process."""

    client: Client | None = None
    default_client: Client | None = None


_started = _Started()


def find_client() -> Client | None:
    """Return the client to profile with: the session's own, or that of the cluster we started.

    Returns
    -------
    distributed.Client or None
        None if there is neither. A session's client that cannot scale is passed over.

    Raises
    ------
    SdprofileError
        If the session's client is asynchronous, adaptive, or has its workers in this process.
    """
    from distributed import Client

    try:
        current: Client | None = Client.current()
    except ValueError:
        current = None
    if current is not None and hasattr(current.cluster, "scale"):
        _check(current)
        return current
    client = _started.client
    return client if client is not None and client.status == "running" else None


def is_started_here(client: Client) -> bool:
    """Whether sdprofile started the client's cluster."""
    return _started.client is not None and client.cluster is _started.client.cluster


def is_local(client: Client) -> bool:
    """Whether the workers of a client's cluster share the memory of this machine."""
    from distributed import LocalCluster

    return isinstance(client.cluster, LocalCluster)


def start_cluster(
    *, workers: int, threads: int, memory_limit: int | None, secure: bool = False
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

    close_cluster()
    security = make_security() if secure else None
    try:
        with fast_start(), warnings.catch_warnings():
            # Another dashboard has the port: ours takes a free one, and the header shows which.
            warnings.filterwarnings("ignore", message="Port .* is already in use")
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


def close_cluster() -> bool:
    """Close the cluster that sdprofile started, with its clients; say whether there was one."""
    client, default = _started.client, _started.default_client
    _started.client = _started.default_client = None
    if client is None:
        return False
    if default is not None:
        default.close()
    cluster: Any = client.cluster
    client.close()
    cluster.close()
    stop_forkserver()
    return True


def shape(client: Client) -> Shape:
    """Return number and kind of the workers of a client's cluster, as they are now."""
    states = worker_states(client)
    if states:
        return Shape(
            workers=len(states),
            threads=states[0].threads,
            memory_limit=states[0].memory_limit or None,
        )
    options = _new_worker_options(client)
    limit = options.get("memory_limit")
    return Shape(
        workers=0,
        threads=options.get("nthreads"),
        memory_limit=limit if isinstance(limit, int) else None,
    )


def fit(client: Client, *, workers: int, threads: int, memory_limit: int | None) -> None:
    """Bring a client's cluster to so many workers of this kind; replace them only if they differ.

    Parameters
    ----------
    client
        Keeps its connection.
    workers
        Number of workers.
    threads
        Threads of each worker.
    memory_limit
        Memory limit of each worker, in bytes.
    """
    now = shape(client)
    if now.threads == threads and now.memory_limit == memory_limit:
        resize(client, workers)
    else:
        collect_garbage()  # a result that nobody holds any more must not count as held
        renew(client, threads=threads, memory_limit=memory_limit, workers=workers)


@contextlib.contextmanager
def lent(client: Client) -> Iterator[Client]:
    """Give a cluster back as it was: number, threads and memory limit of its workers.

    Parameters
    ----------
    client
        Its cluster may be rescaled in this context.

    Yields
    ------
    distributed.Client
        The same.
    """
    before = shape(client)
    options = dict(_new_worker_options(client))
    try:
        yield client
    except BaseException as error:
        try:
            with ignored():
                _give_back(client, before, options)
        except SdprofileError as trouble:
            # The first error is what the user has to see.
            error.add_note(f"sdprofile: the cluster was not given back as it was: {trouble}")
        raise
    with held_back():
        _give_back(client, before, options)


def _give_back(client: Client, before: Shape, options: dict[str, Any]) -> None:
    if client.status != "running":
        return
    if _new_worker_options(client) != options:
        replace_gently(client, options, workers=before.workers)
    else:
        resize(client, before.workers)


def _new_worker_options(client: Client) -> dict[str, Any]:
    options: dict[str, Any] = (getattr(client.cluster, "new_spec", None) or {}).get("options", {})
    return options


def _check(client: Client) -> None:
    if client.asynchronous:
        raise SdprofileError(
            "the session's dask client: expected one that waits for results, got an asynchronous"
            " one (use Client() without asynchronous=True)"
        )
    if not getattr(client.cluster, "processes", True):
        raise SdprofileError(
            "the session's cluster: expected workers in processes of their own, got"
            " processes=False (start LocalCluster(processes=True), or close its client)"
        )
    adaptive = getattr(client.cluster, "_adaptive", None)
    if adaptive is not None and adaptive.periodic_callback is not None:
        raise SdprofileError(
            "the session's cluster: expected one of fixed size, got one that adapts by itself"
            " (close its client, or start the cluster without adapt())"
        )
