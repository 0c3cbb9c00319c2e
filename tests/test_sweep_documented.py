"""A cluster that has `scale` and little else, as those of dask-gateway, can be profiled on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import end, wait_until
from distributed import Client
from distributed.core import Status
from runs import sweep_of

from sdprofile.cluster.parking import can_scale
from sdprofile.cluster.session import shape
from sdprofile.cluster.worker_states import worker_states
from sdprofile.errors import SdprofileError

pytestmark = pytest.mark.usefixtures("few_imports")

QUIET: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Cluster:
    """Has what users are told of a cluster, and nothing that dask's own have beside it.

    Of `distributed.deploy.Cluster` that is `scheduler_address`, `dashboard_link`, `status`,
    `scale`, `close`.
    """

    dashboard_link = ""
    status = Status.running

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        file = folder / "scheduler.json"
        options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self._processes = [self._start("scheduler", *options, "--scheduler-file", str(file))]
        wait_until(file.exists, seconds=60)
        self._client = Client(scheduler_file=str(file), set_as_default=False)

    @property
    def scheduler_address(self) -> str:
        return self._client.scheduler.address  # type: ignore[no-any-return,union-attr]

    def scale(self, n: int) -> None:
        started = [each for each in self._processes[1:] if each.poll() is None]
        for _ in range(n - len(started)):
            # Without a nanny a worker is one process to start instead of two.
            kind = ["--nthreads", "1", "--memory-limit", "700MB", "--no-dashboard", "--no-nanny"]
            self._processes.append(self._start("worker", self.scheduler_address, *kind))
        there = [state.address for state in worker_states(self._client)]
        if n < len(there):
            self._client.retire_workers(there[n:])

    def close(self) -> None:
        self._client.retire_workers()
        self._client.close()
        for process in reversed(self._processes):
            end(process)

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "dask", *command], cwd=self._folder, **QUIET)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


@pytest.fixture
def documented(cluster: Cluster) -> Iterator[Client]:
    with Client(cluster) as client:  # type: ignore[arg-type]
        yield client


def work() -> None:
    from distributed import get_client

    assert sum(get_client().gather(get_client().map(abs, range(-4, 0), pure=False))) == 10


def test_a_profile_scales_it_and_gives_it_back(documented: Client) -> None:
    assert can_scale(documented)
    assert shape(documented).workers == 0
    sweep = sweep_of(work, workers="2,1", repeats=1)
    runs = list(sweep)
    assert [(run.workers, run.status) for run in runs] == [(2, "ok"), (1, "ok")]
    assert {(run.threads, run.memory_limit) for run in runs} == {(1, 700_000_000)}
    assert all(len(run.memory.worker_peaks) == run.workers for run in runs)
    assert worker_states(documented) == ()


def test_workers_of_another_kind_are_refused_in_one_line(documented: Client) -> None:
    sweep = sweep_of(work, workers="1", memory="500MB", repeats=1)
    with pytest.raises(SdprofileError) as caught:
        list(sweep)
    assert str(caught.value) == (
        "the session's cluster: expected one whose workers can be replaced, got a Cluster"
        " (leave --memory and --threads out)"
    )
    assert worker_states(documented) == ()


def test_a_cluster_whose_scale_does_nothing_is_run_on_as_it_is(documented: Client) -> None:
    documented.cluster._supports_scaling = False  # type: ignore[union-attr]
    try:
        assert not can_scale(documented)
    finally:
        del documented.cluster._supports_scaling  # type: ignore[union-attr]
