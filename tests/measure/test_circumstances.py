"""What goes on besides the tasks is seen: in the kernel, in the workers, on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from distributed import Client
from runs import MIB, hold, measure

from sdprofile.measure.circumstances import hidden_pools
from sdprofile.model.circumstances import ThreadPool


def spin(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def set_variable(name: str, value: str) -> None:
    os.environ[name] = value


@pytest.mark.quiet
def test_work_in_the_kernel_is_the_kernels(one_worker: Client) -> None:
    busy, _ = measure(lambda: spin(0.3), one_worker)
    idle, _ = measure(lambda: one_worker.submit(spin, 0.3, pure=False).result(), one_worker)
    assert busy.circumstances.kernel_cpu_seconds > 0.29
    assert idle.circumstances.kernel_cpu_seconds < 0.2


def test_memory_of_the_kernel_is_marked(one_worker: Client) -> None:
    run, _ = measure(lambda: hold(100), one_worker)
    seen = run.circumstances
    assert seen.kernel_peak is not None
    assert seen.kernel_baseline is not None
    assert seen.kernel_peak - seen.kernel_baseline > 90 * MIB


@pytest.mark.quiet
def test_other_processes_are_told_from_ours(one_worker: Client) -> None:
    code = "import time; end = time.time() + 60\nwhile time.time() < end: pass"
    ours, _ = measure(lambda: one_worker.submit(spin, 1.0, pure=False).result(), one_worker)
    # Not a child of this process for psutil: its parent ends at once.
    shell = f"{sys.executable} -c '{code}' >/dev/null 2>&1 & echo $!"
    other = int(subprocess.run(["sh", "-c", shell], capture_output=True, check=True).stdout)
    try:
        both, _ = measure(lambda: one_worker.submit(spin, 1.0, pure=False).result(), one_worker)
    finally:
        os.kill(other, 9)
    assert ours.circumstances.others_cpu_seconds is not None
    assert both.circumstances.others_cpu_seconds is not None
    assert both.circumstances.others_cpu_seconds > 0.5


def test_a_worker_that_pauses_is_counted(one_worker: Client) -> None:
    def work() -> None:
        one_worker.submit(hold, 650, 0.6, pure=False).result()  # above 80 % of 1 GB

    run, _ = measure(work, one_worker)
    quiet, _ = measure(lambda: one_worker.submit(hold, 1, 0.6, pure=False).result(), one_worker)
    assert run.status == "ok"
    assert run.circumstances.pauses == 1
    assert quiet.circumstances.pauses == 0


def test_a_pool_larger_than_the_worker_is_seen(one_worker: Client) -> None:
    run, _ = measure(lambda: None, one_worker)
    assert run.circumstances.pools == ()
    one_worker.run(set_variable, "OMP_NUM_THREADS", "8")
    try:
        run, _ = measure(lambda: None, one_worker)
        assert run.circumstances.pools == (ThreadPool(name="OMP_NUM_THREADS", threads=8),)
    finally:
        one_worker.run(set_variable, "OMP_NUM_THREADS", "1")


@pytest.mark.quiet
def test_numba_counts_once_it_runs_in_parallel(one_worker: Client) -> None:
    def start_pool() -> None:
        import numba.np.ufunc.parallel

        numba.config.NUMBA_NUM_THREADS = 6
        numba.np.ufunc.parallel._launch_threads()

    one_worker.run(start_pool)
    (pools,) = one_worker.run(hidden_pools).values()
    assert pools == (ThreadPool(name="NUMBA_NUM_THREADS", threads=6),)


def test_what_workers_import_is_told(one_worker: Client, tmp_path: Path) -> None:
    (tmp_path / "large_package").mkdir()
    (tmp_path / "large_package" / "__init__.py").write_text("from large_package import part")
    (tmp_path / "large_package" / "part.py").touch()

    def use() -> None:
        sys.path.insert(0, str(tmp_path))
        try:
            __import__("large_package")
        finally:
            sys.path.remove(str(tmp_path))

    first, _ = measure(lambda: one_worker.submit(use, pure=False).result(), one_worker)
    again, _ = measure(lambda: one_worker.submit(use, pure=False).result(), one_worker)
    assert "large_package" in first.circumstances.imported
    assert "large_package" not in again.circumstances.imported
