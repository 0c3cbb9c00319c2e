"""Lets go of what nobody holds any more, so that the scheduler can forget it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import threading


def collect_garbage() -> None:
    """Collect garbage in this process without losing an interrupt.

    Dask hooks a Python function into the collector, and an interrupt that arrives in there is
    printed and forgotten. Interrupts are raised in the main thread only, so another one collects.
    """
    collector = threading.Thread(target=free_memory, name="sdprofile-collect")
    collector.start()
    collector.join()


def free_memory() -> None:
    """Collect garbage, and give freed memory back to the system where the C library is glibc."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)
