"""A run in which nothing can happen any more is given up, with the reason."""

from __future__ import annotations

import ctypes
import math
import time

import distributed
import psutil
import pytest
from conftest import wait_until
from distributed import Client
from runs import measure

import sdprofile
from sdprofile.cluster.resize import resize
from sdprofile.cluster.states import worker_states
from sdprofile.measure import standstill
from sdprofile.measure.standstill import Look, explain


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standstill, "PATIENCE", 3.0)


def leak_up_to(nbytes: int) -> None:
    """Keep memory that dask does not know of until the process has so much in use."""
    taken = nbytes - psutil.Process().memory_info().rss
    math.leaked = bytearray(taken)  # type: ignore[attr-defined]


def hold_the_process(seconds: int) -> None:
    """Sleep without letting any other thread of the process run."""
    ctypes.PyDLL(None).sleep(seconds)


def test_a_task_that_no_worker_may_run_is_named(one_worker: Client) -> None:
    def work() -> None:
        one_worker.submit(abs, -1, resources={"GPU": 1}, key="needs-gpu").result()

    run, error = measure(work, one_worker)

    assert error is not None
    assert run.status == "stuck"
    assert run.failure is not None
    assert "1 task waited: needs-gpu may run on no worker" in run.failure.message
    assert "resources=" in run.failure.advice


def test_paused_workers_are_named_and_replaced() -> None:
    def work() -> None:
        client = distributed.get_client()
        client.submit(leak_up_to, 435_000_000, pure=False).result()
        wait_until(lambda: worker_states(client)[0].status == "paused")
        client.gather(client.map(abs, range(20)))

    profile = sdprofile.profile(work, workers=(1,), memory="500MB", repeats=1)
    assert [run.status for run in profile.runs] == ["stuck"]
    assert "1 of 1 worker paused, with memory above 80% of its limit" in profile.notices[0].fact
    assert "--timeout" not in profile.advice

    def light() -> None:
        distributed.get_client().submit(abs, -1, pure=False).result()

    profile = sdprofile.profile(light, workers=(1,), memory="500MB", repeats=1)
    assert [run.status for run in profile.runs] == ["ok"]


def test_a_task_that_waits_long_is_no_standstill(one_worker: Client) -> None:
    run, error = measure(lambda: one_worker.submit(time.sleep, 6, pure=False).result(), one_worker)
    assert error is None
    assert run.status == "ok"


def test_a_worker_whose_process_is_held_is_replaced(one_worker: Client) -> None:
    def work() -> None:
        one_worker.submit(hold_the_process, 120, pure=False).result()

    start = time.perf_counter()
    run, _ = measure(work, one_worker, timeout=2.0)

    assert run.status == "stuck"
    assert time.perf_counter() - start < 60
    resize(one_worker, 1)
    run, _ = measure(lambda: one_worker.submit(abs, -1, pure=False).result(), one_worker)
    assert run.status == "ok"


@pytest.mark.parametrize(
    ("workers", "paused", "homeless", "words"),
    [
        (0, 0, "", "no worker is left"),
        (2, 1, "x", "1 of 2 workers paused"),
        (2, 0, "x-1", "x-1 may run on no worker that there is"),
        (2, 0, "", "no task ran for 20 s though 3 tasks waited"),
    ],
)
def test_reasons(workers: int, paused: int, homeless: str, words: str) -> None:
    now = Look(
        at_work=False, waiting=3, homeless=homeless, workers=workers, paused=paused, state=()
    )
    assert words in explain(now, seconds=20).message
