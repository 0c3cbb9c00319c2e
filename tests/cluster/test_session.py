"""The session's cluster is found, started, and given back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import warnings
from types import SimpleNamespace
from typing import Any, cast

import distributed
import pytest
from distributed import Client, LocalCluster
from runs import sweep_of

from sdprofile.cluster import own, session
from sdprofile.cluster.lease import Lease
from sdprofile.cluster.lost import told_if_lost
from sdprofile.cluster.own import close_cluster, default_client, start_cluster
from sdprofile.cluster.resize import resize
from sdprofile.cluster.session import find_client, is_lost, lent, reshape, shape
from sdprofile.errors import LostError, SdprofileError
from sdprofile.internals.distributed.cluster import adaptive, adapts
from sdprofile.notebook.cluster import session_cluster
from sdprofile.options.options import ClusterOptions
from sdprofile.plan import Shape

FOUND = Shape(workers=2, threads=1, memory_limit=700_000_000)


def test_users_client_is_borrowed_and_given_back_with_other_counts(user_client: Client) -> None:
    assert find_client() is user_client
    with lent(user_client):
        for workers in (1, 3):
            reshape(user_client, workers=workers, threads=1, memory_limit=700_000_000)
            assert shape(user_client).workers == workers
    assert shape(user_client) == FOUND


def test_other_limit_and_threads_are_given_back_also_after_an_error(user_client: Client) -> None:
    def fail_meanwhile() -> None:
        with lent(user_client):
            reshape(user_client, workers=1, threads=2, memory_limit=900_000_000)
            assert shape(user_client) == Shape(workers=1, threads=2, memory_limit=900_000_000)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_meanwhile()
    assert shape(user_client) == FOUND
    assert user_client.submit(sum, (1, 2)).result() == 3


def test_workers_are_not_replaced_while_results_are_held(user_client: Client) -> None:
    held = user_client.submit(sum, (1, 2))
    held.result()
    with pytest.raises(SdprofileError, match="expected no results on its workers.*got 1 result "):
        reshape(user_client, workers=1, threads=1, memory_limit=900_000_000)
    assert shape(user_client) == FOUND
    assert held.result() == 3


def test_results_made_meanwhile_live_through_giving_back(user_client: Client) -> None:
    with lent(user_client):
        reshape(user_client, workers=1, threads=1, memory_limit=900_000_000)
        made = user_client.submit(bytes, 1000, pure=False)
        distributed.wait(made)
    assert shape(user_client) == FOUND
    assert len(made.result()) == 1000


class SilentScheduler:
    """What a client sees of a scheduler that does not answer."""

    address = "tcp://127.0.0.1:1"

    async def identity(self) -> None:
        await asyncio.sleep(3600)


def test_a_client_that_gets_no_answer_is_told_so_and_left_as_it_is(
    user_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_lost(user_client)
    lease = cast("Lease", SimpleNamespace(client=user_client))

    def fail() -> None:
        with told_if_lost(lease):
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()
    monkeypatch.setattr(session, "ANSWER_TIMEOUT", 0.1)
    with monkeypatch.context() as silence:
        silence.setattr(user_client, "scheduler", SilentScheduler())
        assert is_lost(user_client)
        with pytest.raises(LostError, match="got no answer .close its client, and start a new"):
            fail()
        with pytest.raises(SdprofileError, match="client: expected its scheduler to answer"):
            find_client()
    assert user_client.status == "running"
    assert find_client() is user_client
    assert user_client.submit(sum, (1, 2)).result() == 3


def test_nothing_is_asked_of_a_cluster_that_is_lost(user_client: Client) -> None:
    def lose() -> None:
        with lent(user_client):
            reshape(user_client, workers=1, threads=1, memory_limit=700_000_000)
            raise LostError

    with pytest.raises(LostError):
        lose()
    assert shape(user_client).workers == 1


@pytest.mark.parametrize("protocol", ["tcp://", "inproc://"])
def test_threads_of_this_process_are_refused_and_processes_like_them_offered(protocol: str) -> None:
    with LocalCluster(
        n_workers=2,
        threads_per_worker=3,
        memory_limit="600MB",
        processes=False,
        protocol=protocol,
        dashboard_address="127.0.0.1:0",
    ) as cluster:
        by_address = protocol == "inproc://"
        with (
            Client(cluster.scheduler_address if by_address else cluster),
            pytest.raises(SdprofileError, match="got threads of this process") as caught,
        ):
            find_client()
    assert str(caught.value).endswith(
        "client.close(), then %%sdprofile --workers 2 --threads 3 --memory 600MB)"
    )


def test_the_client_that_is_the_default_is_borrowed_of_several(user_client: Client) -> None:
    with Client(user_client.cluster, set_as_default=False):
        assert find_client() is user_client
        with Client(user_client.cluster) as newest:
            assert find_client() is newest
    assert find_client() is user_client


def test_workers_to_come_tell_what_limit_they_have(user_client: Client) -> None:
    with lent(user_client):
        user_client.cluster.new_spec["options"]["memory_limit"] = "650MB"
        resize(user_client, 0)
        [run] = sweep_of(lambda: None, workers="1", repeats=1)
    assert run.setting.memory_limit == 650_000_000


@pytest.mark.parametrize("error", [None, ZeroDivisionError, KeyboardInterrupt])
def test_an_adaptive_cluster_stays_at_each_count_and_adapts_again(
    user_client: Client, error: type[BaseException] | None
) -> None:
    cluster = user_client.cluster
    # With nothing to do it would keep two, and look for that all the time.
    cluster.adapt(minimum=2, maximum=4, interval="10ms", wait_count=1).maximum = 5

    def work() -> None:
        assert not adapts(cluster)
        assert shape(user_client).workers == 1
        assert user_client.submit(abs, -1, pure=False).result() == 1
        if error is not None:
            raise error

    sweep = sweep_of(work, workers="1", repeats=2)
    with contextlib.nullcontext() if error is None else pytest.raises(error):
        list(sweep)
    assert {run.workers for run in sweep.runs} == {1}
    assert adapts(cluster)
    now = adaptive(cluster)
    assert (now.minimum, now.maximum, now.interval, now.wait_count) == (2, 5, 0.01, 1)
    assert shape(user_client) == FOUND


def test_an_adaptive_cluster_is_shown_and_not_changed(user_client: Client) -> None:
    user_client.cluster.adapt(minimum=2, maximum=2)
    assert session_cluster(ClusterOptions()) is user_client
    with pytest.raises(SdprofileError, match="own, which adapts by itself .leave the options out"):
        session_cluster(ClusterOptions(workers=1))
    assert adapts(user_client.cluster)


def test_own_cluster_listens_here_only_and_is_not_the_default() -> None:
    client = start_cluster(workers=1, threads=1, memory_limit=500_000_000)
    try:
        assert client.scheduler.address.startswith("tcp://127.0.0.1:")
        with pytest.raises(ValueError, match="No client"):
            distributed.default_client()
        assert find_client() is client
        default = default_client(client)
        assert distributed.default_client() is default is default_client(client)
        assert find_client() is default
        assert shape(default) == Shape(workers=1, threads=1, memory_limit=500_000_000)
    finally:
        assert close_cluster()
    assert find_client() is None
    assert not close_cluster()


# Dask leaves the socket that could not be bound to the garbage collector.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)
def test_dashboard_takes_another_port_without_a_warning() -> None:
    with socket.socket() as taken, warnings.catch_warnings():
        warnings.simplefilter("error")
        taken.bind((own.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        session_port = own.DASHBOARD_PORT
        own.DASHBOARD_PORT = port
        try:
            client = start_cluster(workers=1, threads=1, memory_limit=500_000_000)
            assert f":{port}/" not in client.dashboard_link
        finally:
            own.DASHBOARD_PORT = session_port
            close_cluster()


def test_a_cluster_that_does_not_start_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: Any, **__: Any) -> None:
        raise RuntimeError("Cluster failed to start: no room for the port")

    monkeypatch.setattr(distributed, "LocalCluster", no_room)
    with pytest.raises(SdprofileError, match=r"^could not start a cluster on 127.0.0.1: .*no room"):
        start_cluster(workers=1, threads=1, memory_limit=500_000_000)
