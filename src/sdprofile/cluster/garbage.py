"""Lets go of what nobody holds any more, so that the scheduler can forget it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client, Scheduler


def collect_garbage() -> None:
    """Collect garbage in this process without losing an interrupt.

    Dask hooks a Python function into the collector, and an interrupt that arrives in there is
    printed and forgotten. Interrupts are raised in the main thread only, so another one collects.
    """
    _forget_names()
    collector = threading.Thread(target=free_memory, name="sdprofile-collect")
    collector.start()
    collector.join()


def free_memory() -> None:
    """Collect garbage, and give freed memory back to the system where the C library is glibc."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def forget_messages(client: Client) -> None:
    """Let go of the last 1000 messages of each connection, which dask keeps for debugging.

    Parameters
    ----------
    client
        Of the cluster. The messages hold graphs, and whatever data is in them.
    """
    client.run_on_scheduler(_forget_messages)
    _clear_log(client.scheduler_comm)


def _forget_messages(dask_scheduler: Scheduler) -> None:
    for comm in (*dask_scheduler.stream_comms.values(), *dask_scheduler.client_comms.values()):
        _clear_log(comm)


def _clear_log(comm: object) -> None:
    log = getattr(comm, "recent_message_log", None)
    if log is not None:
        log.clear()


def _forget_names() -> None:
    """Let go of the nannies of workers that have gone, and of the names of tasks.

    Dask remembers for ever of each method that has answered a message what arguments it takes, and
    with the method its nanny; and of 100,000 tasks what their names begin with.
    """
    for module, name in (("distributed.core", "_expects_comm"), ("dask.utils", "key_split")):
        function = getattr(sys.modules.get(module), name, None)
        forget = getattr(function, "cache_clear", None)
        if forget is not None:
            forget()
