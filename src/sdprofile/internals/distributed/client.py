"""What distributed keeps to itself of clients, and of the process in which they are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from sdprofile.internals.dask import forget_answers
from sdprofile.internals.names import Name

if TYPE_CHECKING:
    from dask.typing import Key
    from distributed import Client

Send = Callable[..., Any]

Around = Callable[[Send, tuple[Any, ...], dict[str, Any]], object]
"""Gets a method, and its arguments with the client as the first; returns the result."""

FUTURES = Name(
    of="distributed.Client",
    name="futures",
    kind="client",
    without="what a run has submitted is not cancelled when the run is given up",
)
GRAPH_TO_FUTURES = Name(
    of="distributed.Client",
    name="_graph_to_futures",
    without="which tasks are of which step, and graphs that go to other clusters, are left out",
)
SEND_TO_SCHEDULER = Name(
    of="distributed.Client",
    name="_send_to_scheduler",
    without="data that a graph holds are not told",
)
_DEFAULT = "a client that a cell leaves may stay the session's default"
GLOBAL_CLIENTS = Name(of="distributed.client", name="_global_clients", without=_DEFAULT)
DEL_GLOBAL_CLIENT = Name(of="distributed.client", name="_del_global_client", without=_DEFAULT)
_FOUND = "a cell that is run without a cluster finds the session's client"
SET_GLOBAL_CLIENT = Name(of="distributed.client", name="_set_global_client", without=_FOUND)
CURRENT_CLIENT = Name(of="distributed.client", name="_current_client", without=_FOUND)
SET_AS_DEFAULT = Name(
    of="distributed.Client", name="_set_as_default", kind="client", without=_DEFAULT
)
ALL_EXIT = Name(
    of="distributed.client",
    name="AllExit",
    without="what is cancelled may be logged as an error",
)
MESSAGES_KEPT = "memory of graphs that were sent is not given back between runs"
SCHEDULER_COMM = Name(
    of="distributed.Client", name="scheduler_comm", kind="client", without=MESSAGES_KEPT
)
MESSAGE_LOG = Name(
    of="distributed.batched.BatchedSend",
    name="recent_message_log",
    kind="comm",
    without=MESSAGES_KEPT,
)
SCHEDULER = Name(
    of="distributed.Client",
    name="scheduler",
    kind="client",
    without="a scheduler that is gone is noticed late, and steps of several clusters are mixed",
    common=True,
)
EXPECTS_COMM = Name(
    of="distributed.core",
    name="_expects_comm",
    without="memory of workers that have gone is not given back",
)
MP_CONTEXT = Name(
    of="distributed.utils",
    name="get_mp_context",
    without="workers are started as dask does it, which takes seconds for each",
)
MEMORY_LIMIT = Name(
    of="distributed.system",
    name="memory_limit",
    without="the memory is that of the whole machine, whatever a container may use of it",
    common=True,
)

NAMES = tuple(each for each in tuple(globals().values()) if isinstance(each, Name))


def futures(client: Client) -> Mapping[Key, Any]:
    """Return what a client waits for or holds, by key; empty where that is not known."""
    found: Mapping[Key, Any] = FUTURES.get(client, {})
    return found


def sending(around: Around) -> AbstractContextManager[None]:
    """Have something else called in place of what every client sends its graphs with.

    Parameters
    ----------
    around
        Gets what sends, and its arguments, of which the client is the first; returns the result.
    """
    return _in_place_of(GRAPH_TO_FUTURES, around)


def packed_graphs(look: Callable[[Sequence[Any]], object]) -> AbstractContextManager[None]:
    """Look at each graph that a client sends, as it is pickled.

    Parameters
    ----------
    look
        Gets the parts of each: the pickle, and the buffers that it leaves outside.
    """

    def around(send: Send, args: tuple[Any, ...], kwargs: dict[str, Any]) -> object:
        __tracebackhide__ = True
        message = args[1] if len(args) > 1 else kwargs.get("msg")
        if isinstance(message, dict) and message.get("op") == "update-graph":
            look(getattr(message.get("expr_ser"), "frames", ()))
        return send(*args, **kwargs)

    return _in_place_of(SEND_TO_SCHEDULER, around)


@contextlib.contextmanager
def _in_place_of(name: Name, around: Around) -> Iterator[None]:
    """Have something else called in place of a method of every client."""
    from distributed import Client

    method: Any = name.found()
    if method is None:
        yield
        return

    def stand_in(*args: Any, **kwargs: Any) -> object:
        __tracebackhide__ = True
        return around(method, args, kwargs)

    name.set(Client, stand_in)
    try:
        yield
    finally:
        name.set(Client, method)


def default_clients() -> set[Client]:
    """Return the clients that are, or have been, the default of this process."""
    return set((GLOBAL_CLIENTS.found() or {}).values())


def forget_defaults(*, but: set[Client]) -> None:
    """Let no client be the default of this process but these."""
    forget = DEL_GLOBAL_CLIENT.found()
    for client in default_clients() - but:
        if forget is not None:
            forget(client)
            # Else closing it would set dask's scheduler to that which it found when it was made.
            SET_AS_DEFAULT.set(client, False)


@contextlib.contextmanager
def hidden_defaults() -> Iterator[None]:
    """In this context let no client that there is now be the default, or the current one."""
    there = dict(GLOBAL_CLIENTS.found() or {})
    forget, set_again = DEL_GLOBAL_CLIENT.found(), SET_GLOBAL_CLIENT.found()
    current = CURRENT_CLIENT.found()
    if forget is None or set_again is None or current is None:
        yield
        return
    for client in there.values():
        forget(client)
    token = current.set(None)
    try:
        yield
    finally:
        current.reset(token)
        for _, client in sorted(there.items()):  # the last is the default
            set_again(client)


@contextlib.contextmanager
def default_in_threads(client: Client) -> Iterator[None]:
    """In this context let a client be the default of this process, which `as_current` is not.

    Threads that the cell starts find no other.
    """
    make_default = SET_GLOBAL_CLIENT.found()
    if DEL_GLOBAL_CLIENT.found() is None or make_default is None or client in default_clients():
        yield
        return
    make_default(client)
    try:
        yield
    finally:
        forget_defaults(but=default_clients() - {client})


def is_cancelling(kind: type[BaseException] | None) -> bool:
    """Whether an error is that of what waits for a future that was cancelled."""
    return kind is not None and kind is ALL_EXIT.found()


def scheduler_address(client: Client) -> str:
    """Return the address of a client's scheduler; empty where that is not known."""
    return str(getattr(SCHEDULER.get(client), "address", ""))


def ask_identity(client: Client, *, timeout: float) -> None:
    """Ask a client's scheduler who it is, and raise what asking one raises that is gone.

    Parameters
    ----------
    client
        Of the scheduler.
    timeout
        Limit in seconds; a time that is over is an OSError as well.
    """
    scheduler = SCHEDULER.get(client)
    if scheduler is not None:
        client.sync(scheduler.identity, callback_timeout=timeout)
    elif SCHEDULER.is_there(client):
        raise OSError("the client has no scheduler")


def clear_log(comm: object) -> None:
    """Let go of the last 1000 messages of a connection, which dask keeps for debugging."""
    log = MESSAGE_LOG.get(comm)
    if log is not None:
        log.clear()


def clear_own_log(client: Client) -> None:
    """Let go of the last messages of a client's own connection."""
    clear_log(SCHEDULER_COMM.get(client))


def forget_handlers() -> None:
    """Let go of the nannies of workers that have gone.

    Dask remembers for ever of each method that has answered a message what arguments it takes, and
    with the method its nanny.
    """
    forget_answers(EXPECTS_COMM.found())


def preload_forkserver(modules: Callable[[], list[str]]) -> None:
    """Have the fork server of workers make imports when it is started.

    Parameters
    ----------
    modules
        Gives their names once distributed has made its own imports.
    """
    # The first call imports what is on distributed's own list of preloads (pandas is), and sets
    # that list; later ones leave ours alone.
    context = MP_CONTEXT.found()()
    context.set_forkserver_preload(modules())


def memory_limit() -> int:
    """Return the memory in bytes that dask takes this machine to have: within cgroup and limits."""
    import psutil

    limit = MEMORY_LIMIT.found()
    return int(limit()) if limit is not None else psutil.virtual_memory().total
