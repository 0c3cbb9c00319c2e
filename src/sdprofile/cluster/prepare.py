"""Prepares the workers for runs: their imports, no Ctrl-C of the user, no farewells on screen."""

from __future__ import annotations

import contextlib
import importlib
import logging
import signal
import sys
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.cluster.worker_states import worker_states
from sdprofile.cluster.workers import imported_here
from sdprofile.errors import NotReachedError
from sdprofile.interrupts import let_in
from sdprofile.units import plural

if TYPE_CHECKING:
    from distributed import Client

PREPARE_TIMEOUT = 60.0
"""Seconds that a worker has to make the imports."""

_handlers: list[Any] = []
"""In a worker: what it did on an interrupt before it was prepared; empty if it does so now."""


def prepare_workers(client: Client, *, in_our_terminal: bool = True) -> None:
    """Make the imports of this process in all workers, and keep the user's Ctrl-C from them.

    Parameters
    ----------
    client
        Of the cluster. New workers have to be prepared again.
    in_our_terminal
        Whether the workers were started from here; else a Ctrl-C is meant for them.

    Raises
    ------
    NotReachedError
        If a worker does not answer.

    Notes
    -----
    A terminal sends Ctrl-C to every process that it has started, and a worker would die of it.
    """
    states = worker_states(client)
    with let_in():
        ready = ask_workers(
            client, _prepare, imported_here(), in_our_terminal, timeout=PREPARE_TIMEOUT
        )
    if silent := len(states) - len(ready):
        raise NotReachedError(
            f"{silent} of {plural(len(states), 'worker')} silent for {PREPARE_TIMEOUT:.0f} s",
            "Look for a task that blocks its whole process, and restart the worker",
        )


def quiet_workers(client: Client) -> None:
    """Keep the workers from printing tracebacks when they, or others, leave.

    A heartbeat may be under way when a worker is told to go, and results when another one dies.
    """
    if client.status == "running":
        ask_workers(client, _be_quiet)


def release_workers(client: Client) -> None:
    """Let workers print and hear Ctrl-C again, as before `quiet_workers` and `prepare_workers`."""
    if client.status == "running":
        ask_workers(client, _release)


def _prepare(names: tuple[str, ...], in_our_terminal: bool) -> int:
    """Prepare the worker in which this is called; return how many modules it has imported."""
    if in_our_terminal:
        # Workers run what they are asked to in their main thread, where signals may be set.
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        if handler is not signal.SIG_IGN:
            _handlers.append(handler)
    _be_quiet()
    for name in names:
        if name not in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    return sum(name in sys.modules for name in names)


def _be_quiet() -> None:
    for handler in logging.getLogger("distributed").handlers:
        handler.addFilter(_is_news)


def _release() -> None:
    for handler in logging.getLogger("distributed").handlers:
        handler.removeFilter(_is_news)
    if _handlers:
        signal.signal(signal.SIGINT, _handlers.pop())


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record is of anything but a connection that has ended."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, OSError)
