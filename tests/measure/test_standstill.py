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
from sdprofile.cluster.clean import busy_workers
from sdprofile.cluster.resize import resize
from sdprofile.cluster.worker_states import worker_states
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


def tile(seed: int) -> int:
    return seed


def slide(tiles: int) -> int:
    """Wait for other tasks while it keeps its thread."""
    client = distributed.get_client()
    return sum(client.gather(client.map(tile, range(tiles))))


def slide_that_sleeps(tiles: int, seconds: float) -> int:
    """Submit other tasks, but wait for none."""
    futures = distributed.get_client().map(tile, range(tiles))
    time.sleep(seconds)
    return len(futures)


def slide_without_thread(tiles: int, seconds: float) -> int:
    """Wait for another task, and let it have its thread."""
    with distributed.worker_client() as client:
        result: int = client.submit(slide_that_sleeps, tiles, seconds, pure=False).result()
    return result


@pytest.mark.parametrize("timeout", [None, 5.0])
def test_a_task_that_waits_for_its_own_tasks_without_a_thread_for_them_is_named(
    one_worker: Client, timeout: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if timeout is not None:
        monkeypatch.setattr(standstill, "PATIENCE", 60.0)
    run, error = measure(
        lambda: one_worker.submit(slide, 20, key="slide", pure=False).result(),
        one_worker,
        timeout=timeout,
    )

    assert error is not None
    assert run.status == "stuck"
    assert run.failure is not None
    assert (
        "slide waits for 20 tasks that it has submitted, and holds the thread that those need"
        in run.failure.message
    )
    assert ("(--timeout)" in run.failure.message) == (timeout is not None)
    assert "worker_client()" in run.failure.advice
    assert "--threads" in run.failure.advice
    # At once it holds its thread no more, and what it submitted can be submitted anew.
    assert busy_workers(one_worker, timeout=10) == ()
    again, _ = measure(
        lambda: one_worker.submit(slide_without_thread, 20, 0.0, pure=False).result(), one_worker
    )
    assert again.status == "ok"


def test_tasks_that_sleep_or_wait_for_what_runs_are_no_standstill(one_worker: Client) -> None:
    def work() -> None:
        behind = one_worker.map(tile, range(5), pure=False)
        one_worker.submit(slide_without_thread, 20, 5.0, pure=False).result()
        one_worker.gather(behind)

    run, error = measure(work, one_worker)
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
        fetching=False,
        waiting=3,
        homeless=homeless,
        workers=workers,
        paused=paused,
        state=(),
    )
    assert words in explain(now, seconds=20).message


def test_several_tasks_that_wait_are_counted() -> None:
    now = Look(
        fetching=False,
        waiting=43,
        homeless="",
        workers=1,
        paused=0,
        state=(),
        blocked=("slide-1", "slide-2", "slide-3"),
        waited_for=40,
    )
    assert explain(now, seconds=20).message == (
        "no task made progress for 20 s: slide-1 and 2 other tasks wait for 40 tasks that they have"
        " submitted, and hold the threads that those need"
    )
