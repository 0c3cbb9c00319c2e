"""torch and cupy are asked what they have of GPUs, where they are loaded and have used one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from gpus import GIB, Torch
from profiles import make_card, make_run

from sdprofile.measure import gpu_libraries
from sdprofile.measure.gpu_libraries import OwnCounts, _has_opened_card, free_kept, own_counts


class Broken(Torch):
    """Torch after an error of CUDA that stays."""

    def max_memory_allocated(self, device: int) -> int:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


def test_what_torch_has_is_asked_where_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert own_counts() == OwnCounts()
    for torch in (Torch(), Broken(1), object()):
        monkeypatch.setitem(sys.modules, "torch", torch)
        assert own_counts(reset=True) == OwnCounts()
    monkeypatch.setitem(sys.modules, "torch", Torch(1, 3))
    assert own_counts(reset=True) == OwnCounts(torch=3 * GIB, torch_reserved=4 * GIB)
    assert own_counts() == OwnCounts(torch=0, torch_reserved=GIB)


class Cupy:
    """What is asked of cupy, whose pool has some GiB; None of a driver that is not there."""

    def __init__(self, gib: int | None) -> None:
        self.gib = gib

    def get_default_memory_pool(self) -> Cupy:
        return self

    def free_all_blocks(self) -> None:
        self.gib = 0

    def total_bytes(self) -> int:
        if self.gib is None:
            raise RuntimeError("cudaErrorInsufficientDriver")
        return self.gib * GIB


def test_cupy_is_asked_where_it_is_loaded_and_has_used_a_card(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    monkeypatch.setattr(gpu_libraries, "_has_opened_card", lambda: True)
    assert own_counts() == OwnCounts()
    for cupy in (Cupy(None), object()):
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        assert own_counts() == OwnCounts()
    monkeypatch.setitem(sys.modules, "cupy", Cupy(2))
    assert own_counts() == OwnCounts(cupy=2 * GIB)
    free_kept([make_run(cards=(make_card(),))])
    assert own_counts() == OwnCounts(cupy=2 * GIB)
    free_kept([make_run(cards=(make_card(GIB),))])
    assert own_counts() == OwnCounts(cupy=0)
    monkeypatch.setattr(gpu_libraries, "_has_opened_card", lambda: False)
    assert own_counts() == OwnCounts()


def test_a_process_that_uses_a_card_has_its_memory_open(tmp_path: Path) -> None:
    assert not _has_opened_card(str(tmp_path / "none"))
    (tmp_path / "0").symlink_to("/dev/nvidiactl")  # as NVML has it
    (tmp_path / "1").touch()
    assert not _has_opened_card(str(tmp_path))
    (tmp_path / "2").symlink_to("/dev/nvidia-uvm")
    assert _has_opened_card(str(tmp_path))
    assert not _has_opened_card()
