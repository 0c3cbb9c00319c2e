"""Ctrl-C at any instant leaves a cluster that is idle, of its old size, and can be used."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import distributed
import pytest
from conftest import child_processes, wait_until
from distributed import Client
from runs import sweep_of, wait_for

from sdprofile.cluster.clean import busy_workers
from sdprofile.cluster.own import close_cluster, start_cluster, started_client
from sdprofile.cluster.session import shape

TOO_LONG = 25.0
"""Seconds after which nobody would wait any more; dask's own time limits are from 30 up."""

STILL_STARTING = 60.0
"""Seconds after which nobody would wait any more, also on a busy machine."""


@contextmanager
def pressed_when(holds: Callable[[], bool]) -> Iterator[list[float]]:
    """Send Ctrl-C once something holds; yield the times at which it was sent."""
    sent: list[float] = []
    main = threading.main_thread().ident
    assert main is not None

    def press() -> None:
        wait_until(holds, seconds=60)
        sent.append(time.perf_counter())
        signal.pthread_kill(main, signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    try:
        yield sent
    finally:
        presser.join()


@contextmanager
def pressed(*instants: float) -> Iterator[list[float]]:
    """Send Ctrl-C at these seconds; yield the times at which it was sent."""
    sent: list[float] = []
    main = threading.main_thread().ident
    assert main is not None

    def press() -> None:
        sent.append(time.perf_counter())
        signal.pthread_kill(main, signal.SIGINT)

    timers = [threading.Timer(seconds, press) for seconds in instants]
    for timer in timers:
        timer.start()
    try:
        yield sent
    finally:
        for timer in timers:
            timer.cancel()
            timer.join()


def sleep_on_a_worker() -> None:
    distributed.get_client().submit(time.sleep, 120, pure=False).result()


def assert_usable(client: Client) -> None:
    """Assert that nothing of the sweep goes on, and that the cluster works."""
    assert busy_workers(client) == ()
    assert client.submit(sum, (1, 2), pure=False).result(timeout=5) == 3


@pytest.mark.parametrize("instants", [(0.02,), (0.1,), (0.3,), (0.6, 0.7), (1.0, 1.3), (1.5, 2.2)])
def test_interrupt_at_any_instant_is_obeyed_at_once(
    client: Client, instants: tuple[float, ...]
) -> None:
    before, handler = shape(client), signal.getsignal(signal.SIGINT)
    sweep = sweep_of(sleep_on_a_worker, workers="2,1", repeats=1)

    with pytest.raises(KeyboardInterrupt), pressed(*instants) as sent:
        for _ in sweep:
            pass

    assert time.perf_counter() - sent[0] < TOO_LONG
    assert signal.getsignal(signal.SIGINT) is handler
    assert shape(client) == before
    assert_usable(client)


def test_finished_runs_and_the_interrupted_one_are_kept(client: Client) -> None:
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        if len(calls) > 1:
            with pressed(0.5):
                sleep_on_a_worker()

    sweep = sweep_of(work, workers="1", repeats=3)
    with pytest.raises(KeyboardInterrupt):
        for _ in sweep:
            pass

    assert [run.status for run in sweep.runs] == ["ok", "interrupted"]
    assert_usable(client)


def test_borrowed_cluster_is_given_back_also_when_pressed_twice(user_client: Client) -> None:
    before = shape(user_client)
    sweep = sweep_of(sleep_on_a_worker, workers="1", memory="600MB", repeats=1)

    with pytest.raises(KeyboardInterrupt), pressed(3.0, 3.4, 3.8):
        for _ in sweep:
            pass

    assert shape(user_client) == before
    assert_usable(user_client)


def test_results_on_a_busy_worker_are_not_lost(client: Client, tmp_path: Path) -> None:
    held = client.submit(sum, (4, 5), pure=False)
    assert held.result() == 9

    def work() -> None:
        at_work = distributed.get_client().submit(wait_for, tmp_path / "end", pure=False)
        with pressed(0.5):
            at_work.result()

    sweep = sweep_of(work, workers="1", repeats=1)
    with pytest.raises(KeyboardInterrupt):
        for _ in sweep:
            pass

    (tmp_path / "end").touch()
    assert held.result(timeout=5) == 9
    assert any("goes on" in notice.fact for notice in sweep.profile().notices)


CROWD = 30
"""Workers on this machine, which take longer to start than anybody waits."""


def crowd_of(client: Client) -> int:
    """Return how many workers of a cluster start or run, whatever its scheduler knows."""
    cluster: Any = client.cluster
    return sum(nanny.is_alive() for nanny in list(cluster._created))


def test_an_interrupt_ends_the_workers_that_an_own_cluster_starts(client: Client) -> None:
    before = shape(client)
    sweep = sweep_of(sleep_on_a_worker, workers=str(CROWD), oversubscribe=True, repeats=1)

    some_start = pressed_when(lambda: crowd_of(client) > 1)
    with pytest.raises(KeyboardInterrupt), some_start as sent:
        for _ in sweep:
            pass

    assert time.perf_counter() - sent[0] < STILL_STARTING
    assert crowd_of(client) == 1
    assert shape(client) == before
    assert_usable(client)


def test_an_interrupt_ends_the_workers_that_a_borrowed_cluster_spawns(user_client: Client) -> None:
    before = shape(user_client)
    sweep = sweep_of(sleep_on_a_worker, workers=str(CROWD), oversubscribe=True, repeats=1)

    some_start = pressed_when(lambda: crowd_of(user_client) > 2)
    with pytest.raises(KeyboardInterrupt), some_start as sent:
        for _ in sweep:
            pass

    assert time.perf_counter() - sent[0] < STILL_STARTING
    assert crowd_of(user_client) == 2
    assert shape(user_client) == before
    assert_usable(user_client)


def test_an_interrupt_leaves_nothing_of_a_cluster_that_was_to_start() -> None:
    close_cluster()  # that of the tests above
    before = child_processes()
    some_start = pressed_when(lambda: len(child_processes()) > len(before))
    with pytest.raises(KeyboardInterrupt), some_start as sent:
        start_cluster(workers=CROWD, threads=1, memory_limit=100_000_000)

    assert time.perf_counter() - sent[0] < STILL_STARTING
    assert started_client() is None
    assert child_processes() == before
