"""What torch and cupy say themselves that they have of GPUs in this process."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sdprofile.cluster.garbage import free_memory
from sdprofile.model.run import Run

_OPENED = ("/dev/nvidia-uvm", "/dev/dxg")
"""What a process opens to use a card; of these NVML opens the second only, in Windows' Linux."""


@dataclass(frozen=True)
class OwnCounts:
    """What libraries of a process say themselves that they have of a GPU; see `Held`.

    None where a library is not loaded in the process, or has not used a GPU.
    """

    torch: int | None = None
    """In use at most since the last reset, in bytes."""

    torch_reserved: int | None = None
    """Kept at most since the last reset, in bytes."""

    cupy: int | None = None
    """Kept in the default pool, in bytes; it counts no peak."""


def own_counts(*, reset: bool = False) -> OwnCounts:
    """Return what torch and cupy say themselves in this process; neither is imported for that.

    Parameters
    ----------
    reset
        Whether peaks are counted anew from now.
    """
    allocated, reserved = _of_torch(reset=reset)
    return OwnCounts(torch=allocated, torch_reserved=reserved, cupy=_of_cupy())


def _of_torch(*, reset: bool) -> tuple[int | None, int | None]:
    torch: Any = sys.modules.get("torch")
    try:
        if torch is None or not torch.cuda.is_initialized():
            return None, None
        devices = range(torch.cuda.device_count())
        allocated, reserved = (
            max(map(int, map(ask, devices)), default=0)
            for ask in (torch.cuda.max_memory_allocated, torch.cuda.max_memory_reserved)
        )
        if reset:
            for device in devices:
                torch.cuda.reset_peak_memory_stats(device)
    except (AttributeError, RuntimeError):  # it is being imported, or an error of CUDA stays
        return None, None
    return allocated, reserved


def _of_cupy() -> int | None:
    cupy: Any = sys.modules.get("cupy")
    if cupy is None or not _has_opened_card():
        return None  # to ask the pool would initialize the driver
    try:
        return int(cupy.get_default_memory_pool().total_bytes())
    except (AttributeError, RuntimeError):
        return None


def free_kept(runs: Iterable[Run]) -> None:
    """Give back what torch and cupy keep of GPUs in this process and do not use, if a run did."""
    if not any(run.memory.used_cards for run in runs):
        return
    torch: Any = sys.modules.get("torch")
    cupy: Any = sys.modules.get("cupy")
    free_memory()
    with contextlib.suppress(AttributeError, RuntimeError):
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.empty_cache()
    with contextlib.suppress(AttributeError, RuntimeError):
        if cupy is not None and _has_opened_card():
            cupy.get_default_memory_pool().free_all_blocks()


def _has_opened_card(files: str = "/proc/self/fd") -> bool:
    """Whether this process has a GPU's device open, as it has from its first use on."""
    try:
        opened = [os.path.join(files, each) for each in os.listdir(files)]
    except OSError:
        return False
    for file in opened:
        with contextlib.suppress(OSError):  # that of the folder itself is closed by now
            if os.readlink(file).startswith(_OPENED):
                return True
    return False
