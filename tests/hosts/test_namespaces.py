"""Workers on other hosts are chosen by their host, and their memory is read there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import end, wait_until
from distributed import Client
from hosts.namespaces import (
    CLOCK_AHEAD,
    HERE,
    HOSTS,
    on_host,
    two_hosts,
    with_its_clock_off,
)
from runs import MIB, curves, hold

import sdprofile
from sdprofile.cluster.worker_states import worker_states
from sdprofile.model.account import Cause

CLOCK_OFF = "sdp-b"
"""The host whose clock is off."""

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler here and a worker on each of the other hosts, as people start them by hand."""
    folder = tmp_path_factory.mktemp("hosts")
    file = folder / "scheduler.json"
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    env = {**os.environ, "PYTHONPATH": path}
    dask = [sys.executable, "-m", "dask"]
    each = ["--nthreads", "1", "--memory-limit", "700MB", "--no-dashboard"]
    commands = [[*dask, "scheduler", "--host", HERE, "--port", "0", "--no-dashboard"]]
    for host in HOSTS:
        worker = [*dask, "worker", *each, "--name", host]
        off = host == CLOCK_OFF
        commands.append(on_host(host, *(with_its_clock_off(folder, *worker) if off else worker)))
    started: list[subprocess.Popen[bytes]] = []
    with two_hosts():
        try:
            for command in commands:
                full = [*command, "--scheduler-file", str(file)]
                quiet = subprocess.DEVNULL
                started.append(
                    subprocess.Popen(full, env=env, cwd=folder, stdout=quiet, stderr=quiet)
                )
                wait_until(file.exists, seconds=60)
            with Client(scheduler_file=str(file), set_as_default=False) as client:
                client.wait_for_workers(len(HOSTS), timeout=60)
                yield f"{client.scheduler.address}"  # type: ignore[union-attr] # it is connected
        finally:
            for process in reversed(started):
                end(process)


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address) as client:
        client.run(hold, 0)  # whose imports are no payload
        yield client
        assert {state.status for state in worker_states(client, parked=True)} == {"running"}


def test_both_hosts_are_swept_and_their_memory_is_read_there(client: Client) -> None:
    def work() -> None:
        client.gather(client.map(hold, [100] * 4, seconds=0.3, pure=False))

    profile = sdprofile.profile(work, workers=(1, 2), repeats=1)

    assert profile.to_frame()["status"].tolist() == ["ok", "ok"]
    hosts = {peak.worker.split(":")[1].strip("/") for peak in profile.runs[1].memory.worker_peaks}
    assert hosts == set(HOSTS.values())
    for run in profile.runs:
        assert len(curves(run, "sampler")) == run.workers
        for peak in run.memory.worker_peaks:
            assert peak.exact
            assert peak.peak - peak.baseline == pytest.approx(100 * MIB, rel=0.25)


def test_curves_of_a_host_whose_clock_is_off_lie_within_the_run(client: Client) -> None:
    (worker,) = (each.address for each in worker_states(client) if each.name == CLOCK_OFF)
    ahead = client.run(time.time, workers=[worker])[worker] - time.time()
    assert ahead == pytest.approx(CLOCK_AHEAD, abs=5)

    def work() -> None:
        client.gather(client.map(hold, [100] * 4, seconds=0.5, pure=False))

    (run,) = sdprofile.profile(work, workers=(2,), repeats=1).runs
    peaks = {}
    for curve in curves(run, "sampler"):
        assert 0 == curve.seconds[0] <= curve.seconds[-1] <= run.seconds
        assert len(curve.seconds) > 0.5 / 0.02 / 4
        peaks[curve.worker] = curve.seconds[curve.nbytes.index(max(curve.nbytes))]
    assert len(peaks) == 2
    assert 0 < peaks[worker] < run.seconds


def test_time_on_other_hosts_is_accounted_for(client: Client) -> None:
    def work() -> None:
        client.gather(client.map(hold, [1] * 4, seconds=0.5, pure=False))

    profile = sdprofile.profile(work, workers=(2,), repeats=1)
    (run,) = profile.runs
    account = profile.account().set_index("cause")["seconds"]
    assert account.sum() == pytest.approx(run.seconds, rel=0.01)
    # Two threads sleep for 2 s together; where others want a CPU, that may be what they wait for.
    slept = account.reindex([str(Cause.WAITING), str(Cause.CPU)], fill_value=0.0).sum()
    assert slept == pytest.approx(1.0, rel=0.25)


@pytest.mark.parametrize("host", HOSTS.values())
def test_a_host_is_chosen_by_its_address(client: Client, host: str) -> None:
    seen: set[str] = set()

    def work() -> None:
        futures = client.map(hold, [1] * 6, pure=False)
        client.gather(futures)
        seen.update(worker for workers in client.who_has(futures).values() for worker in workers)

    sdprofile.profile(work, on=host, repeats=1)
    assert {worker.split(":")[1].strip("/") for worker in seen} == {host}
