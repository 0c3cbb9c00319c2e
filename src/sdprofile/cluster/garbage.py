"""Lets go of what nobody holds any more, so that the scheduler can forget it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.internals.dask import forget_prefixes
from sdprofile.internals.distributed.client import clear_log, forget_handlers
from sdprofile.internals.distributed.scheduler import stream_comms

if TYPE_CHECKING:
    from distributed import Scheduler


_LITTLE = 2_000_000
"""Bytes of garbage that may stay."""


@dataclass
class _Rest:
    """What this process had when its memory was freed last."""

    nbytes: int = 0
    """Resident memory."""


_rest = _Rest()


def collect_garbage() -> None:
    """Collect garbage in this process without losing an interrupt.

    Dask hooks a Python function into the collector, and an interrupt that arrives in there is
    printed and forgotten. Interrupts are raised in the main thread only, so another one collects.
    """
    forget_prefixes()
    forget_handlers()
    collector = threading.Thread(target=free_memory, name="sdprofile-collect")
    collector.start()
    collector.join()


def free_memory() -> None:
    """Collect garbage, and give freed memory back to the system where the C library is glibc."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    _rest.nbytes = _resident()


def has_grown() -> bool:
    """Whether this process has more memory than when it was freed last.

    Notes
    -----
    To go through all objects of a process that has imported spatialdata takes 0.1 s, as long as
    many a cell; what is below `_LITTLE` does not show in a peak.
    """
    return _resident() > _rest.nbytes + _LITTLE


def _resident() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)


def forget_messages(dask_scheduler: Scheduler) -> None:
    """Let go of the last 1000 messages of each connection, which dask keeps for debugging.

    Parameters
    ----------
    dask_scheduler
        Whose connections they are. The messages hold graphs, and whatever data is in them.
    """
    comms = (stream_comms(dask_scheduler), dask_scheduler.client_comms)
    for comm in (comm for each in comms for comm in each.values()):
        clear_log(comm)
