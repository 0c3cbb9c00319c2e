"""Dask work that does not go to the profiled workers is noted, and none that does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dask
import dask.array as da
import pytest
from distributed import Client, LocalCluster, default_client, get_client
from runs import measure

from sdprofile.internals.distributed.client import default_clients
from sdprofile.model.elsewhere import Elsewhere


def add() -> int:
    return int(da.ones((4,), chunks=2).sum().compute())


def other_cluster() -> LocalCluster:
    # In this process: what it is made of does not matter to who computes where.
    return LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address="127.0.0.1:0"
    )


@pytest.fixture(scope="module")
def other() -> Iterator[Client]:
    """A client of another cluster, which is not the session's default."""
    with other_cluster() as cluster, Client(cluster, set_as_default=False) as client:
        yield client


def seen(work: Any, client: Client) -> tuple[Elsewhere, ...]:
    run, error = measure(work, client)
    assert error is None
    return run.elsewhere


def test_a_cluster_that_the_cell_starts_is_noted_with_its_address(one_worker: Client) -> None:
    addresses = []

    def work() -> None:
        with other_cluster() as cluster, Client(cluster):
            addresses.append(cluster.scheduler_address)
            assert add() == 4

    [place] = seen(work, one_worker)
    assert (place.scheduler, place.workers, place.graphs) == (addresses[0], 1, 1)
    assert (place.started, place.connected, place.left) == (True, True, False)


def test_a_cluster_without_a_client_is_noted(one_worker: Client) -> None:
    made = []
    [place] = seen(lambda: made.append(other_cluster()), one_worker)
    made[0].close()
    assert (place.workers, place.graphs, place.started, place.left) == (1, 0, True, True)


def test_a_client_that_the_cell_leaves_is_not_the_sessions_default(one_worker: Client) -> None:
    made: list[Client] = []
    before = dask.config.get("scheduler", None)
    [place] = seen(lambda: made.append(Client(processes=False, dashboard_address=":0")), one_worker)
    assert place.left
    with pytest.raises(ValueError, match="No clients found"):
        default_client()
    made[0].close()
    made[0].cluster.close()
    assert dask.config.get("scheduler", None) == before


def compute_by(client: Client) -> None:
    assert client.compute(da.ones(4, chunks=2).sum()).result() == 4


def compute_as_current(client: Client) -> None:
    with client.as_current():
        assert add() == 4


@pytest.mark.parametrize("work", [compute_by, compute_as_current])
def test_a_client_of_another_cluster_is_noted(work: Any, one_worker: Client, other: Client) -> None:
    [place] = seen(lambda: work(other), one_worker)
    assert (place.scheduler, place.graphs) == (other.scheduler.address, 1)
    assert (place.started, place.connected) == (False, False)


def test_other_clients_of_the_same_cluster_are_nothing_to_note(
    one_worker: Client, other: Client
) -> None:
    port = one_worker.scheduler.address.rpartition(":")[2]

    def work() -> None:
        assert other.status == "running"
        assert get_client().submit(abs, -1, pure=False).result() == 1
        with Client(f"tcp://localhost:{port}") as client:
            assert client.submit(abs, -1, pure=False).result() == 1

    assert seen(work, one_worker) == ()


@pytest.mark.parametrize("scheduler", ["threads", "synchronous", "executor"])
@pytest.mark.parametrize("how", ["argument", "setting"])
def test_schedulers_in_the_kernel_are_noted_by_name(
    scheduler: str, how: str, one_worker: Client
) -> None:
    with ThreadPoolExecutor(1) as executor:
        asked = executor if scheduler == "executor" else scheduler

        def work() -> None:
            array = da.ones(4, chunks=2).sum()
            if how == "argument":
                array.compute(scheduler=asked)
            else:
                with dask.config.set(scheduler=asked):
                    array.compute()

        [place] = seen(work, one_worker)
    assert (place.scheduler, place.graphs, place.workers) == (scheduler, 1, None)
    assert place.seconds > 0


def test_dask_is_as_it_was(one_worker: Client) -> None:
    codes = (Client.__init__.__code__, Client._graph_to_futures.__code__)
    callbacks = set(dask.callbacks.Callback.active)
    measure(add, one_worker)
    assert (Client.__init__.__code__, Client._graph_to_futures.__code__) == codes
    assert dask.callbacks.Callback.active == callbacks


def test_threads_of_the_cell_compute_on_the_profiled_workers_too(other: Client) -> None:
    def work() -> None:
        with ThreadPoolExecutor(2) as pool:
            assert [each.result() for each in [pool.submit(add), pool.submit(add)]] == [4, 4]

    before = default_clients()
    run, error = measure(work, other)
    assert (error, run.elsewhere, default_clients()) == (None, (), before)
    assert run.trace is not None
    assert run.work.tasks == len(run.trace) > 0
