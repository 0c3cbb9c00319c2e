"""A process of its own that reads what others hold of the memory of GPUs; a script.

``python -I -S gpu_sampling.py FOLDERS PARENT PID... [-PID...]`` looks for `pynvml` and sdprofile in
the folders, and writes lines of JSON to its standard output until its parent is gone, no process is
left, or it is terminated: first the cards, each ``[name, model, uuid, bytes]``, then every 20 ms
``[time, [card...]]``, each card ``[used, busy, kernel, others, worker...]``: bytes in use on all of
it; percent of the time in which it computed, null where it was not looked at; bytes of the parent
if it is none of the PIDs, of processes that are none of these, and of each PID with its
descendants. Those that are given as negative numbers do not count there, nor what they have
started.

Notes
-----
What NVML says is in https://docs.nvidia.com/deploy/nvml-api. It makes no CUDA context, so this
process takes none of a card's memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

Device = tuple[str, Any]
"""Its name and NVML's handle."""


def devices(nvml: Any) -> Iterator[Device]:
    """Yield all cards, of one that is divided (MIG) its parts instead.

    Parameters
    ----------
    nvml
        The module `pynvml`, initialized.
    """
    for index in range(nvml.nvmlDeviceGetCount()):
        card, parts = nvml.nvmlDeviceGetHandleByIndex(index), []
        for part in range(_answer(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, card) or 0):
            handle = _answer(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, card, part)
            if handle is not None:
                parts.append((f"gpu {index} mig {part}", handle))
        yield from parts or [(f"gpu {index}", card)]


def describe(nvml: Any, device: Device) -> list[Any]:
    """Return name, model, uuid and size in bytes of a card."""
    name, handle = device
    memory = _answer(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    model, uuid = (
        _text(_answer(nvml, ask, handle))
        for ask in (nvml.nvmlDeviceGetName, nvml.nvmlDeviceGetUUID)
    )
    return [name, model, uuid, 0 if memory is None else memory.total]


def holders(nvml: Any, device: Device) -> list[tuple[int, int]]:
    """Return the processes that use a card, each with the bytes of its memory that it holds."""
    processes = _answer(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, device[1]) or ()
    return [(each.pid, each.usedGpuMemory or 0) for each in processes]  # None on Windows


def look(
    nvml: Any,
    device: Device,
    holding: Sequence[tuple[int, int]],
    owners: dict[int, int],
    workers: int,
    *,
    at_use: bool,
) -> list[Any]:
    """Return what is in use on a card, and by whom.

    Parameters
    ----------
    nvml, device
        The module, and the card.
    holding
        What `holders` returned.
    owners
        By process whose it is: -1 of the kernel, else the place of the worker.
    workers
        How many there are.
    at_use
        Whether to look at how busy it is, too.
    """
    memory = _answer(nvml, nvml.nvmlDeviceGetMemoryInfo, device[1])
    use = _answer(nvml, nvml.nvmlDeviceGetUtilizationRates, device[1]) if at_use else None
    sums = [0] * (workers + 2)  # the kernel's is the last, that of others before it
    for pid, nbytes in holding:
        sums[owners.get(pid, workers)] += nbytes
    used = 0 if memory is None else memory.used
    *own, others, kernel = sums
    return [used, None if use is None else use.gpu, kernel, others, *own]


def sample(
    nvml: Any,
    pids: Sequence[int],
    *,
    parent: int,
    write: Callable[[bytes], object],
    without: Collection[int] = (),
) -> None:
    """Write samples until nobody reads them, or no process is left."""
    from sdprofile.measure.sampling import INTERVAL, LOOK_INTERVAL, readers

    read, find, _ = readers()
    found = list(devices(nvml))
    lines: list[Any] = [[describe(nvml, device) for device in found]]
    owners: dict[int, int] = {}
    seen: set[int] = set()
    due = looked = time.monotonic() - LOOK_INTERVAL
    while found and os.getppid() == parent:
        at_use = time.monotonic() >= looked + LOOK_INTERVAL
        now = time.time()
        holding = [holders(nvml, device) for device in found]
        there = {pid for each in holding for pid, _ in each}
        if at_use or there - seen:  # one that is new may have been started since the last look
            seen, owners = there, {parent: -1}
            for place, pid in enumerate(pids):
                owners.update(dict.fromkeys((pid, *find(pid, without)), place))
        cards = [
            look(nvml, device, each, owners, len(pids), at_use=at_use)
            for device, each in zip(found, holding, strict=True)
        ]
        lines.append([now, cards])
        looked = time.monotonic() if at_use else looked
        write("".join(f"{json.dumps(line)}\n" for line in lines).encode())
        lines.clear()
        if all(read(pid) < 0 for pid in pids):
            return
        due = max(due + INTERVAL, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


def _answer(nvml: Any, ask: Callable[..., Any], *args: Any) -> Any:
    """Return what NVML answers; None where this card or driver has no answer."""
    mismatch = getattr(nvml, "NVMLLibraryMismatchError", nvml.NVMLError)  # of an older driver
    try:
        return ask(*args)
    except (nvml.NVMLError, mismatch):
        return None


def _text(answer: Any) -> str:
    # Until release 11.5 of nvidia-ml-py names came as bytes.
    return answer.decode() if isinstance(answer, bytes) else str(answer or "")


def main(arguments: list[str]) -> None:
    """Sample the processes that are named until the parent is gone."""
    folders, *numbers = arguments
    sys.path += folders.split(os.pathsep)
    import pynvml

    parent, *others = map(int, numbers)
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:  # the driver is not there, or of another version
        return
    sample(
        pynvml,
        [each for each in others if each > 0],
        parent=parent,
        write=lambda lines: os.write(1, lines),
        without=[-each for each in others if each < 0],
    )
    if os.getppid() != parent:
        # Nobody is left to fetch the samples.
        with contextlib.suppress(OSError):
            os.unlink(os.readlink("/proc/self/fd/1"))


if __name__ == "__main__":
    main(sys.argv[1:])
