"""Each worker's memory is sampled outside of it, with that of its child processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import dask
import pytest
from conftest import wait_until
from distributed import Client, LocalCluster
from runs import LIMIT, MIB, curves, hold, hold_in_child, hold_together, measure, sweep_of

from sdprofile.cluster.resize import resize
from sdprofile.cluster.workers import fast_start
from sdprofile.measure import sampling
from sdprofile.measure.memory import start_sampling, stop_sampling
from sdprofile.measure.samples import cut
from sdprofile.model.memory import Thresholds, highest_sum


def hold_the_gil(mib: int) -> int:
    """Have memory in use while no other thread of this process gets to run."""
    payload = b"x" * (mib * MIB)
    return payload.count(b"y")  # one call into C, which keeps the lock


def test_a_profile_keeps_what_the_workers_are_set_to(client: Client) -> None:
    settings = {"target": False, "spill": False, "pause": 0.6, "terminate": 0.9}
    of_dask = {f"distributed.worker.memory.{name}": each for name, each in settings.items()}
    resize(client, 0)
    with fast_start(), dask.config.set(of_dask):
        resize(client, 1)
        sweep = sweep_of(lambda: client.submit(hold, 10).result(), workers="1", repeats=1)
        assert len(list(sweep)) == 1
    kept = Thresholds(target=None, spill=None, pause=0.6, terminate=0.9)
    assert sweep.profile().thresholds == kept
    resize(client, 0)


@pytest.mark.quiet
def test_samples_come_every_20_ms_and_lie_within_the_run(one_worker: Client) -> None:
    run, _ = measure(lambda: one_worker.submit(hold, 100, 0.5, pure=False).result(), one_worker)
    (curve,) = curves(run, "sampler")
    assert curve.worker == run.memory.worker_peaks[0].worker
    assert 0 == curve.seconds[0] <= curve.seconds[-1] <= run.seconds
    steps = [later - earlier for earlier, later in pairwise(curve.seconds)]
    assert statistics.median(steps) == pytest.approx(0.02, abs=0.005)
    assert run.memory.baseline is not None
    assert max(curve.nbytes) - run.memory.baseline == pytest.approx(100 * MIB, rel=0.05)


@pytest.mark.quiet
def test_a_worker_that_keeps_its_gil_is_sampled(one_worker: Client) -> None:
    run, _ = measure(lambda: one_worker.submit(hold_the_gil, 400).result(), one_worker)
    (curve,) = curves(run, "sampler")
    assert run.memory.baseline is not None
    assert max(curve.nbytes) - run.memory.baseline > 390 * MIB


@pytest.mark.quiet
def test_each_worker_has_a_curve_and_they_add_up(client: Client, tmp_path: Path) -> None:
    with fast_start():
        resize(client, 2)
        run, _ = measure(
            lambda: client.gather(client.map(hold_together, [100, 101], folder=tmp_path, tasks=2)),
            client,
            workers=2,
        )
        resize(client, 1)
    sampled = curves(run, "sampler")
    assert {curve.worker for curve in sampled} == {peak.worker for peak in run.memory.worker_peaks}
    assert run.memory.cluster_peak is not None
    assert highest_sum(sampled) == pytest.approx(run.memory.cluster_peak.high, rel=0.1)


def test_child_processes_are_counted_in_and_shown_apart(one_worker: Client) -> None:
    run, _ = measure(
        lambda: one_worker.submit(hold_in_child, 150, 0.4, pure=False).result(), one_worker
    )
    (children,) = curves(run, "sampler", "children")
    (process,) = curves(run, "sampler")
    assert max(children.nbytes) == pytest.approx(150 * MIB, rel=0.1)
    assert run.memory.children == max(children.nbytes)
    assert run.peak_worker == max(process.nbytes)
    assert not run.memory.worker_peaks[0].exact
    assert run.memory.baseline is not None
    assert run.peak_worker - run.memory.baseline > 150 * MIB


@pytest.mark.quiet
def test_dask_samples_are_kept_beside(one_worker: Client) -> None:
    def work() -> None:
        made = one_worker.submit(os.urandom, 50 * MIB, pure=False)
        one_worker.submit(hold, 1, 1.2, pure=False).result()
        assert made.status == "finished"

    run, _ = measure(work, one_worker)
    (process,), (managed,) = curves(run, "dask"), curves(run, "dask", "managed")
    assert (process.worker, managed.worker) == ("", "")
    assert len(process.seconds) > 3
    assert 0 <= process.seconds[0] <= process.seconds[-1] <= run.seconds
    assert all(100 * MIB < nbytes < LIMIT for nbytes in process.nbytes)
    assert max(managed.nbytes) == pytest.approx(50 * MIB, rel=0.01)
    assert not curves(run, "dask", "spilled")  # for nothing was


OPTIONS = ("--nthreads", "1", "--no-dashboard")
"""Of a worker that is started by hand; a page for people takes a second to import."""


@pytest.mark.parametrize("nanny", ["--nanny", "--no-nanny"])
def test_workers_that_others_started_are_sampled_by_their_nanny_or_themselves(nanny: str) -> None:
    with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster:
        address = cluster.scheduler_address
        worker = subprocess.Popen(
            [sys.executable, "-m", "dask", "worker", address, nanny, *OPTIONS],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            stderr=subprocess.DEVNULL,
        )
        try:
            with Client(address) as client:
                client.wait_for_workers(1, timeout=60)
                # What it imports for a task is no payload.
                client.submit(hold, 0, pure=False).result()
                run, error = measure(
                    lambda: client.submit(hold, 100, 0.5, pure=False).result(), client
                )
        finally:
            worker.terminate()
            worker.wait()
    assert error is None
    (curve,) = curves(run, "sampler")
    assert run.memory.baseline is not None
    assert max(curve.nbytes) - run.memory.baseline == pytest.approx(100 * MIB, rel=0.05)
    assert run.memory.worker_peaks[0].exact
    assert run.memory.children == 0
    assert run.circumstances.others_cpu_seconds is None


def test_no_file_and_no_process_is_left(
    one_worker: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[str] = []
    measure(lambda: seen.extend(os.listdir(tmp_path)), one_worker)
    assert [name for name in seen if name.endswith(".samples")]
    assert os.listdir(tmp_path) == []


def test_sampling_ends_with_what_is_sampled() -> None:
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    path, pid = start_sampling([sleeper.pid])
    assert Path(path).stat().st_size > 0  # a run that begins now has a sample before it
    sleeper.communicate(b"\n")
    wait_until(lambda: sampling.read_resident(pid) < 0)
    assert stop_sampling(path, pid)


def test_neither_a_sampler_nor_its_file_outlives_its_parent() -> None:
    code = (
        "import os, sys; from sdprofile.measure.memory import start_sampling;"
        f"print(*start_sampling([{os.getpid()}]))"
    )
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    path, pid = parent.stdout.decode().split()
    wait_until(lambda: sampling.read_resident(int(pid)) < 0)
    assert not Path(path).exists()


def test_the_last_sample_before_a_stretch_stands_at_its_start() -> None:
    assert cut([1.0, 2.0, 3.0, 4.0], [10, 20, 30, 40], began=2.5, end=4.0) == ((0.0, 0.5), (20, 30))
    assert cut([1.0], [10], began=2.0, end=3.0) == ((0.0,), (10,))
    assert cut([], [], began=2.0, end=3.0) is None
