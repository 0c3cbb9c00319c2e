"""Only what may be used here is counted."""

from __future__ import annotations

import psutil
import pytest

from sdprofile.measure.machine import slurm_memory, this_machine


def test_machine_is_no_larger_than_it_is() -> None:
    machine = this_machine()
    assert 1 <= machine.cpus <= (psutil.cpu_count() or 1)
    assert 0 < machine.memory_free <= machine.memory <= psutil.virtual_memory().total


def test_a_slurm_job_bounds_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "512")
    machine = this_machine()
    assert machine.memory == 512 * 2**20
    assert machine.memory_free <= machine.memory
    assert machine.bounded_by == "the Slurm job"


@pytest.mark.parametrize("environ", [{}, {"SLURM_MEM_PER_NODE": "0"}, {"SLURM_MEM_PER_CPU": "5"}])
def test_outside_of_a_slurm_job_nothing_is_bounded(environ: dict[str, str]) -> None:
    assert slurm_memory(environ) is None
