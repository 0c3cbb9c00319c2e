"""Lets go of what nobody holds any more, so that the scheduler can forget it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
import threading


def collect_garbage() -> None:
    """Collect garbage in this process without losing an interrupt.

    Dask hooks a Python function into the collector, and an interrupt that arrives in there is
    printed and forgotten. Interrupts are raised in the main thread only, so another one collects.
    """
    _forget_handlers()
    collector = threading.Thread(target=free_memory, name="sdprofile-collect")
    collector.start()
    collector.join()


def free_memory() -> None:
    """Collect garbage, and give freed memory back to the system where the C library is glibc."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _forget_handlers() -> None:
    """Let go of the nannies of workers that have gone.

    Dask remembers for ever of each method that has answered a message what arguments it takes, and
    with the method its nanny.
    """
    core = sys.modules.get("distributed.core")
    forget = getattr(getattr(core, "_expects_comm", None), "cache_clear", None)
    if forget is not None:
        forget()
