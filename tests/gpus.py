"""A stand-in for GPUs, and tasks that hold a known amount of their memory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from sdprofile.measure import gpu

GIB = 2**30
H200 = {"name": "NVIDIA H200", "uuid": "GPU-1a2b", "total": 80 * GIB, "busy": 50}
"""A card of 80 GiB that computes half of the time."""

FOLDER = Path(__file__).parent / "nvml"


def make_cards(patch: pytest.MonkeyPatch, folder: Path, *cards: dict[str, Any]) -> Path:
    """Let the sampler find cards; return the folder where processes write what they hold."""
    (folder / "cards.json").write_text(json.dumps(cards or [H200]))
    patch.setenv("NVML_ANSWERS", str(folder))
    patch.syspath_prepend(FOLDER)
    patch.delitem(sys.modules, "pynvml", raising=False)  # distributed may have imported it
    patch.setattr(gpu, "_DEVICES", (str(folder),))
    return folder


@contextlib.contextmanager
def held(folder: Path, *, pid: int | None = None, **nbytes: int) -> Iterator[None]:
    """Hold memory of cards in this context, as this process or another: ``_0=GIB``."""
    file, new = folder / str(pid or os.getpid()), folder / f"new-{pid or os.getpid()}"
    new.write_text(json.dumps({name[1:].replace("_", "."): each for name, each in nbytes.items()}))
    new.replace(file)  # whole or not at all
    try:
        yield
    finally:
        file.unlink()


def hold_on_card(folder: Path, nbytes: int, seconds: float = 0.3, card: int = 0) -> int:
    """Hold memory of a card for a moment; return the process that did."""
    with held(folder, **{f"_{card}": nbytes}):
        time.sleep(seconds)
    return os.getpid()


def hold_in_child(folder: Path, nbytes: int, seconds: float = 0.4) -> None:
    """Hold memory of a card in a child process."""
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", f"import time; time.sleep({seconds})"]
    )
    with held(folder, pid=child.pid, _0=nbytes):
        child.wait()


class Torch:
    """What is asked of torch, which has used some GiB of cards and kept one more of each."""

    def __init__(self, *gib: int) -> None:
        self.cuda = self
        self.peaks = [each * GIB for each in gib]
        self.emptied = 0

    def is_initialized(self) -> bool:
        return bool(self.peaks)

    def device_count(self) -> int:
        return len(self.peaks)

    def max_memory_allocated(self, device: int) -> int:
        return self.peaks[device]

    def max_memory_reserved(self, device: int) -> int:
        return self.peaks[device] + GIB

    def reset_peak_memory_stats(self, device: int) -> None:
        self.peaks[device] = 0

    def empty_cache(self) -> None:
        self.emptied += 1


def load_model(seconds: float) -> None:
    """Take the time that it takes to load one."""
    time.sleep(seconds)


def segment(number: int, folder: Path) -> int:
    """Load a model, work on the CPU, and hold 4 GiB of a card, of which torch has 3 in use."""
    sys.modules["torch"] = Torch(3)  # type: ignore[assignment]
    load_model(0.2)
    until = time.thread_time() + 0.1
    while time.thread_time() < until:
        pass
    return number + hold_on_card(folder, 4 * GIB, 0.05)


def hold_on_own_card(folder: Path, nbytes: int) -> None:
    """Hold memory of the card that this process sees first."""
    hold_on_card(folder, nbytes, card=int(os.environ["CUDA_VISIBLE_DEVICES"][0]))


class OneForEachCard(LocalCluster):
    """A worker for each card, which that sees first, as of dask-cuda's `LocalCUDACluster`."""

    def __init__(self, cards: int, **kwargs: Any) -> None:
        self.cuda_visible_devices = list(range(cards))
        super().__init__(n_workers=0, **kwargs)
        self.scale(cards)
        self.sync(self._correct_state)

    def new_worker_spec(self) -> dict[int, Any]:
        free = sorted(set(self.cuda_visible_devices) - set(self.worker_spec))
        if not free:
            raise ValueError("Can not scale beyond visible devices", self.cuda_visible_devices)
        env = sees_first(free[0], self.cuda_visible_devices)
        options = {**self.new_spec["options"], "env": env}
        return {free[0]: {**self.new_spec, "options": options}}


def sees_first(card: int, cards: Sequence[int]) -> dict[str, str]:
    """Return the environment of a worker that sees all cards, one of them first."""
    seen = [*cards[card:], *cards[:card]]
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, seen))}


class OutOfMemoryError(RuntimeError):
    """As torch raises where a card is full."""


OutOfMemoryError.__module__ = "torch"


def run_out(folder: Path, nbytes: int, seconds: float = 0.3) -> None:
    """Hold memory of a card, and ask for more than there is."""
    with held(folder, _0=nbytes):
        time.sleep(seconds)
        raise RuntimeError(
            "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of"
            " 80.00 GiB of which 12.00 GiB is free."
        )
