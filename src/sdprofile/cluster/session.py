"""Finds the session's cluster, brings it to what is asked, and gives it back as it was."""

from __future__ import annotations

import contextlib
from asyncio import CancelledError
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.garbage import collect_garbage
from sdprofile.cluster.own import started_client
from sdprofile.cluster.resize import replace_all, replace_gently, resize
from sdprofile.cluster.worker_calls import ANSWER_TIMEOUT
from sdprofile.cluster.worker_states import worker_states
from sdprofile.errors import LostError, NotReachedError, SdprofileError
from sdprofile.internals.distributed.client import ask_identity, scheduler_address
from sdprofile.internals.distributed.cluster import adapts, new_spec, stop_adapting
from sdprofile.interrupts import held_back, ignored
from sdprofile.plan import Shape
from sdprofile.units import format_bytes, looks_decimal, plural

if TYPE_CHECKING:
    from distributed import Client

_DISTRIBUTED = ("dask.distributed", "distributed")
"""What dask calls the scheduler of the default client."""

_NO_ANSWER = (OSError, RuntimeError, CancelledError)
"""What asking a scheduler raises that is gone; a time that is over is an OSError as well."""


def find_client() -> Client | None:
    """Return the client to profile with: the session's own, or that of the cluster we started.

    Returns
    -------
    distributed.Client or None
        None if there is neither.

    Raises
    ------
    SdprofileError
        If the session's client is on the loop of this thread, has its workers in this process,
        or its scheduler does not answer.
    """
    current = _current()
    if current is not None:
        _check(current)
        return current
    return started_client()


def has_client() -> bool:
    """Whether the session has a dask client, on whose cluster any of its cells runs."""
    return _current() is not None


def _current() -> Client | None:
    from distributed import Client

    try:
        current: Client = Client.current()
    except ValueError:
        return None
    return current


def overridden_scheduler(client: Client | None) -> str:
    """Return the setting of dask that would send work elsewhere than to a client; empty for none.

    Parameters
    ----------
    client
        The session's; None if there is none.

    Returns
    -------
    str
        As in ``scheduler="threads"``.

    Notes
    -----
    `dask.base.get_scheduler` asks the setting before it asks for a client. A client that becomes
    the session's default changes it.
    """
    import dask
    from distributed import Client

    asked: Any = dask.config.get("scheduler", None)
    if not asked or (isinstance(asked, str) and asked.lower() in _DISTRIBUTED):
        return ""
    if isinstance(asked, str):
        return f'scheduler="{asked}"'
    owner = getattr(asked, "__self__", asked)  # of client.get
    if not isinstance(owner, Client):
        name = getattr(asked, "__qualname__", type(asked).__name__)
        return f"scheduler={name}"
    if client is not None and owner.scheduler_info().get("id") == client.scheduler_info().get("id"):
        return ""
    return f"scheduler=a client of {scheduler_address(owner) or 'no cluster'}"


def is_local(client: Client) -> bool:
    """Whether the workers of a client's cluster share the memory of this machine."""
    from distributed import LocalCluster

    return isinstance(client.cluster, LocalCluster)


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
    if limit is not None and not isinstance(limit, int):
        return Shape(workers=0, threads=None, memory_limit=None)  # as "auto", they will tell
    return Shape(workers=0, threads=options.get("nthreads"), memory_limit=limit)


def reshape(client: Client, *, workers: int, threads: int, memory_limit: int | None) -> None:
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
    stop_adapting(client.cluster)
    now = shape(client)
    if now.threads is None:
        resize(client, workers)  # they tell what they are
        now = shape(client)
    if now.threads == threads and now.memory_limit == memory_limit:
        resize(client, workers)
    else:
        collect_garbage()  # a result that nobody holds any more must not count as held
        replace_all(client, threads=threads, memory_limit=memory_limit, workers=workers)


def is_lost(client: Client) -> bool:
    """Whether the scheduler of a client does not answer."""
    if client.status != "running":
        return True
    try:
        ask_identity(client, timeout=ANSWER_TIMEOUT)
    except _NO_ANSWER:
        return True
    return False


def check_untouched(client: Client, *, there: int, expected: int) -> None:
    """Check that a cell has left the size of a cluster alone.

    Parameters
    ----------
    client
        Of the cluster.
    there
        How many workers there are when the cell is through.
    expected
        How many there were when it began.

    Raises
    ------
    SdprofileError
        If there are more or fewer, or the cluster changes their number by itself from now on.
    """
    adapting = adapts(client.cluster)
    if there != expected or adapting:
        got = "one that adapts by itself" if adapting else plural(there, "worker")
        raise SdprofileError(
            f"the cell: expected it to leave the cluster at {plural(expected, 'worker')}, got {got}"
            " (take what scales the cluster out of the cell)"
        )


@contextlib.contextmanager
def lent(client: Client, *, before: Shape | None = None) -> Iterator[Client]:
    """Give a cluster back as it was: number, threads and memory limit of its workers.

    Parameters
    ----------
    client
        Its cluster may be rescaled in this context.
    before
        As what to give it back; as it is now, if left out.

    Yields
    ------
    distributed.Client
        The same.
    """
    before = before or shape(client)
    options = dict(_new_worker_options(client))
    try:
        yield client
    except LostError:
        raise
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
    stop_adapting(client.cluster)
    try:
        if _new_worker_options(client) != options:
            replace_gently(client, options, workers=before.workers)
        else:
            resize(client, before.workers)
    except NotReachedError as error:
        raise SdprofileError(
            f"the session's cluster: expected it to be given back with"
            f" {plural(before.workers, 'worker')}, but {error.message}"
            " (start a new one if it does not recover)"
        ) from error


def _new_worker_options(client: Client) -> dict[str, Any]:
    options: dict[str, Any] = new_spec(client.cluster).get("options", {})
    return options


def _check(client: Client) -> None:
    if client.asynchronous:
        raise SdprofileError(
            "the session's dask client: expected a cell that awaits something, for the client is"
            " asynchronous, got one that does not (write `await client.compute(x)`, or use Client()"
            " without asynchronous=True)"
        )
    if is_lost(client):
        raise SdprofileError(
            "the session's dask client: expected its scheduler to answer, got no answer (close the"
            " client, and start a new cluster or let sdprofile start one)"
        )
    in_kernel = scheduler_address(client).startswith("inproc:")
    if in_kernel or not getattr(client.cluster, "processes", True):
        raise SdprofileError(
            "the session's cluster: expected workers in processes of their own, got threads of this"
            " process, whose memory is one (to profile on processes with the same settings:"
            f" client.close(), then %%sdprofile {_asked_for(shape(client))})"
        )


def _asked_for(found: Shape) -> str:
    """Return the options by which sdprofile starts workers like these."""
    asked = f"--workers {found.workers or 1} --threads {found.threads or 1}"
    if not (limit := found.memory_limit):
        return asked
    amount = format_bytes(limit, decimal=looks_decimal(limit))
    return f"{asked} --memory {amount.replace(' ', '')}"
