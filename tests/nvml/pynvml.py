"""Stands in for `pynvml` (nvidia-ml-py 13) where there is no card: what it answers is in files.

The folder ``NVML_ANSWERS`` holds ``cards.json``, see `gpus.Cards`, and for each process that holds
memory of a card a file ``PID`` with ``{number of the card: bytes}``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class NVMLError(Exception):
    """NVML has no answer."""


class NVMLLibraryMismatchError(Exception):
    """The driver is older than the module."""


def nvmlInit() -> None:  # noqa: N802 - as there; so are all names below
    _cards()


def nvmlDeviceGetCount() -> int:  # noqa: N802
    return len(_cards())


def nvmlDeviceGetHandleByIndex(index: int) -> str:  # noqa: N802
    return str(index)


def nvmlDeviceGetMaxMigDeviceCount(device: str) -> int:  # noqa: N802
    card = _cards()[int(device)]
    if "mig" not in card:
        raise NVMLError("Not Supported")
    return 7


def nvmlDeviceGetMigDeviceHandleByIndex(device: str, index: int) -> str:  # noqa: N802
    if index >= len(_cards()[int(device)]["mig"]):
        raise NVMLError("Not Found")
    return f"{device}.{index}"


def nvmlDeviceGetName(handle: str) -> str:  # noqa: N802
    return str(_card(handle)["name"])


def nvmlDeviceGetUUID(handle: str) -> str:  # noqa: N802
    return str(_card(handle)["uuid"])


def nvmlDeviceGetMemoryInfo(handle: str) -> SimpleNamespace:  # noqa: N802
    card = _card(handle)
    used = sum(each.usedGpuMemory for each in _processes(handle)) + card.get("reserved", 0)
    return SimpleNamespace(total=card["total"], used=used, free=card["total"] - used)


def nvmlDeviceGetUtilizationRates(handle: str) -> SimpleNamespace:  # noqa: N802
    if "." in handle:
        raise NVMLError("Not Supported")
    return SimpleNamespace(gpu=_card(handle)["busy"], memory=0)


def nvmlDeviceGetComputeRunningProcesses(handle: str) -> list[SimpleNamespace]:  # noqa: N802
    if _card(handle).get("old"):
        raise NVMLLibraryMismatchError
    return [] if _card(handle).get("hidden") else _processes(handle)


def _processes(handle: str) -> list[SimpleNamespace]:
    found = []
    for file in Path(os.environ["NVML_ANSWERS"]).iterdir():
        if file.name.isdecimal():
            held = json.loads(file.read_text() or "{}")
            if handle in held:
                found.append(SimpleNamespace(pid=int(file.name), usedGpuMemory=held[handle]))
    return found


def _card(handle: str) -> Any:
    index, _, part = handle.partition(".")
    card = _cards()[int(index)]
    return card["mig"][int(part)] if part else card


def _cards() -> Any:
    try:
        return json.loads(Path(os.environ["NVML_ANSWERS"], "cards.json").read_text())
    except OSError:
        raise NVMLError("Driver Not Loaded") from None
