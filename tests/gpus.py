"""A stand-in for GPUs, and tasks that hold a known amount of their memory."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
