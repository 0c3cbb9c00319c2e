"""A cluster that cannot be scaled runs the cell on n of its workers, and the others wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dask
import dask.array as da
import dask.dataframe as dd
import distributed
import pandas as pd
import pytest
from conftest import end, wait_until
from distributed import Client
from runs import MIB, hold, sweep_of, where

import sdprofile
from sdprofile.cluster import parking
from sdprofile.cluster.parking import choose, keep_awake, wake_all
from sdprofile.cluster.worker_states import worker_states
from sdprofile.errors import SdprofileError
from sdprofile.model.tasks import task_prefix

pytestmark = pytest.mark.usefixtures("few_imports")

HERE = Path(__file__).parent
NANNIES = {"a-1": "--nanny", "a-2": "--no-nanny", "a-10": "--no-nanny"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a scheduler and three workers as people do by hand; return the address."""
    folder = tmp_path_factory.mktemp("cluster")
    paths = [str(HERE), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": env, "cwd": folder}
    dask = [sys.executable, "-m", "dask"]
    file = folder / "scheduler.json"
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    each = ["--nthreads", "1", "--memory-limit", "700MB", "--scheduler-file", str(file)]
    started = [subprocess.Popen([*scheduler, "--scheduler-file", str(file)], **quiet)]  # type: ignore[call-overload]
    try:
        wait_until(file.exists, seconds=60)
        for name, nanny in NANNIES.items():
            worker = [*dask, "worker", *each, "--name", name, nanny, "--no-dashboard"]
            started.append(subprocess.Popen(worker, **quiet))  # type: ignore[call-overload]
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(len(NANNIES), timeout=60)
            yield client.scheduler.address  # type: ignore[union-attr]
    finally:
        for process in reversed(started):
            end(process)


@pytest.fixture
def bare(address: str) -> Iterator[Client]:
    """The client of an address, which knows no cluster; all its workers work at the end."""
    with Client(address) as client:
        yield client
        assert statuses(client) == {"running"}
        assert set(client.run(heeds_interrupts).values()) == {True}
        ours = client.run_on_scheduler(
            lambda dask_scheduler: getattr(dask_scheduler.plugins.get("sdprofile"), "started", None)
        )
        assert ours is None


def statuses(client: Client) -> set[str]:
    return {state.status for state in worker_states(client, parked=True)}


def heeds_interrupts() -> bool:
    return signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def test_each_count_runs_on_the_first_so_many_workers(bare: Client) -> None:
    used: list[set[str]] = []

    def work() -> None:
        used.append(set(bare.gather(bare.map(where, range(12), pure=False))))

    profile = sdprofile.profile(work, workers=(1, 3, 2), repeats=1)

    assert profile.to_frame()["workers"].tolist() == [1, 3, 2]
    assert used == [{"a-1"}, set(NANNIES), {"a-1", "a-2"}]
    assert [len(run.memory.worker_peaks) for run in profile.runs] == [1, 3, 2]
    assert {run.memory_limit for run in profile.runs} == {700_000_000}
    (fact,) = [notice.fact for notice in profile.notices if "parked" in notice.fact]
    assert fact.startswith("Run on workers a-1, a-2 and a-10 of the session's cluster")


def test_by_default_the_counts_go_up_to_the_workers_there_are(bare: Client) -> None:
    assert [run.workers for run in sweep_of(lambda: None, repeats=1)] == [1, 2]


def test_finalize_nested_tasks_held_data_and_shuffles_stay_there(bare: Client) -> None:
    held = bare.persist(da.ones((6, 1000), chunks=(1, 1000)))
    distributed.wait(held)
    frame = pd.DataFrame({"key": range(300), "value": 1.0})
    shuffled = dd.from_pandas(frame, npartitions=6).shuffle("key")
    ran: dict[str, set[str]] = {}

    def work() -> None:
        with distributed.get_task_stream(bare) as stream:
            (held + 1).compute()
            bare.submit(_nested, pure=False).result()
            with dask.config.set({"dataframe.shuffle.method": "p2p"}):
                shuffled.compute()
        for record in stream.data:
            ran.setdefault(record["worker"], set()).add(task_prefix(str(record["key"])))

    profile = sdprofile.profile(work, workers=(2,), repeats=1)

    assert profile.to_frame()["status"].tolist() == ["ok"]
    used = [state.address for state in worker_states(bare) if state.name in ("a-1", "a-2")]
    assert set(ran) <= set(used)
    assert {"add", "abs", "shuffle-transfer", "shuffle-barrier"} <= set.union(*ran.values())
    assert float(held.sum().compute()) == 6000


def _nested() -> int:
    with distributed.worker_client() as client:
        return sum(client.gather(client.map(abs, range(9), pure=False)))


def test_only_those_that_were_named_are_used(bare: Client) -> None:
    used: set[str] = set()

    def work() -> None:
        used.update(bare.gather(bare.map(where, range(9), pure=False)))

    profile = sdprofile.profile(work, on="a-10,a-2", repeats=1)
    assert used == {"a-2", "a-10"}
    assert [run.workers for run in profile.runs] == [1, 2]
    by_host = sdprofile.profile(work, on="localhost", workers=3, repeats=1)
    assert [run.workers for run in by_host.runs] == [3]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": 4}, "--workers: expected at most 3, got 4"),
        ({"workers": 1, "memory": "500MB"}, "--memory: expected none"),
        ({"workers": 1, "threads": 2}, "--threads: expected none"),
        ({"on": "nobody"}, r"--on: expected names, .* got 'nobody' \(names: a-1, a-2, a-10\)"),
    ],
)
def test_what_it_cannot_be_is_told_before_the_first_run(
    bare: Client, options: dict[str, object], said: str
) -> None:
    with pytest.raises(SdprofileError, match=said):
        list(sweep_of(lambda: None, **options))


def test_a_cluster_that_can_scale_keeps_its_size_for_some_of_its_workers(
    user_client: Client,
) -> None:
    sizes: list[int] = []

    def work() -> None:
        sizes.append(len(user_client.cluster.workers))
        user_client.submit(hold, 1, pure=False).result()

    profile = sdprofile.profile(work, on=("1",), repeats=1)
    assert [run.workers for run in profile.runs] == [1]
    assert sizes == [2]
    assert statuses(user_client) == {"running"}


def test_no_cluster_to_choose_from_is_told() -> None:
    with pytest.raises(SdprofileError, match="^--on: expected a dask cluster in the session"):
        sdprofile.profile(lambda: None, on="a")


def test_a_killed_run_is_a_row_and_its_worker_comes_back(bare: Client) -> None:
    def work() -> None:
        if len(worker_states(bare)) == 1:
            bare.submit(hold, 900, 3.0, pure=False).result()

    profile = sdprofile.profile(work, workers=(1, 2), repeats=1)
    assert profile.to_frame()["status"].tolist() == ["killed", "ok"]
    wait_until(lambda: len(worker_states(bare, parked=True)) == 3, seconds=30)


def test_a_kernel_that_dies_leaves_a_usable_cluster(bare: Client, tmp_path: Path) -> None:
    script = tmp_path / "dies.py"
    script.write_text(f"""
import os, signal, sdprofile
from distributed import Client
client = Client({bare.scheduler.address!r})  # what parks goes with it
sdprofile.profile(lambda: os.kill(os.getpid(), signal.SIGKILL), workers=1, repeats=1)
""")
    ended = subprocess.run([sys.executable, str(script)], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    wait_until(lambda: statuses(bare) == {"running"}, seconds=10)
    assert set(bare.gather(bare.map(where, range(30), pure=False))) == set(NANNIES)


def test_two_profiles_do_not_park_each_others_workers(bare: Client, address: str) -> None:
    first, *_ = choose(bare)
    keep_awake(bare, [first.address])
    with Client(address, set_as_default=False) as other:
        with pytest.raises(SdprofileError, match="expected nobody else to profile on it"):
            keep_awake(other, [first.address])
        assert len(worker_states(other)) == 1
    wake_all(bare)


def test_the_peak_is_that_of_so_many_workers(bare: Client) -> None:
    def work() -> None:
        bare.gather(bare.map(hold, [100] * 4, seconds=0.2, pure=False))

    bare.run(hold, 0)  # whose imports are no payload
    profile = sdprofile.profile(work, workers=(1, 2), repeats=1)
    for run in profile.runs:
        assert run.memory.baseline is not None
        for peak in run.memory.worker_peaks:
            assert peak.peak - peak.baseline == pytest.approx(100 * MIB, rel=0.25)


def test_workers_that_do_not_come_back_are_a_row(
    bare: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "START_TIMEOUT", 1.0)
    (state,) = (each for each in worker_states(bare) if each.name == "a-2")  # has no nanny
    sweep = sweep_of(lambda: None, workers=(2, 3), repeats=1)
    runs = iter(sweep)
    assert next(runs).status == "ok"
    bare.retire_workers([state.address], close_workers=True)
    assert [run.status for run in runs] == ["stuck"]
    facts = [notice.fact for notice in sweep.profile().notices]
    assert any("only 2 of 3 workers are there after 1 s" in fact for fact in facts)


def test_a_worker_that_comes_back_in_place_of_another_is_no_one_too_many(
    bare: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, *_ = worker_states(bare)
    gone = replace(one, address="tcp://127.0.0.1:1", status="closing")
    came = replace(one, address="tcp://127.0.0.1:2")  # in its place
    looks = [(one, gone), (one, came)]
    monkeypatch.setattr(parking, "worker_states", lambda client, parked: looks.pop(0))
    monkeypatch.setattr(parking, "_wake_all", lambda dask_scheduler: True)
    wake_all(bare)
    assert looks == []
