"""A cluster has exactly as many workers as asked for."""

from __future__ import annotations

import dask
import pytest
from conftest import wait_until
from distributed import Client

from sdprofile.cluster.resize import held_results, resize
from sdprofile.cluster.worker_states import worker_states
from sdprofile.cluster.workers import fast_start
from sdprofile.errors import SdprofileError
from sdprofile.units import plural


def test_exactly_so_many_workers_up_and_down(client: Client) -> None:
    with fast_start():
        for workers in (1, 2, 4, 2, 1, 4, 1):
            resize(client, workers)
            states = worker_states(client)
            assert len(states) == len(client.cluster.workers) == workers
            assert {(s.status, s.threads, s.memory_limit) for s in states} == {
                ("running", 1, 1_000_000_000)
            }


def test_a_worker_that_is_still_starting_for_an_earlier_wish_is_waited_for(client: Client) -> None:
    with fast_start():
        resize(client, 1)
        client.cluster.scale(2)
        wait_until(client.cluster._lock.locked)
        resize(client, 1)

        assert {worker.status.name for worker in client.cluster._created} <= {"running", "closed"}
        assert len(worker_states(client)) == 1


def test_says_how_many_workers_are_there_when_the_time_is_over(client: Client) -> None:
    with fast_start():
        resize(client, 1)
        with pytest.raises(SdprofileError, match=r"^only 1 of 2 workers started in 0 s .try fewer"):
            resize(client, 2, timeout=0.0)
        resize(client, 2)
        with pytest.raises(SdprofileError, match="^expected 1 worker, got 2 after 0 s"):
            resize(client, 1, timeout=0.0)
        resize(client, 1)


def test_a_worker_that_the_cluster_has_given_up_is_started_again(client: Client) -> None:
    with fast_start(), dask.config.set({"distributed.deploy.lost-worker-timeout": "100ms"}):
        resize(client, 2)
        lost = client.cluster.workers[next(iter(client.cluster.workers))]
        client.sync(lost.close)
        resize(client, 2)
        assert len(worker_states(client)) == 2


def test_a_result_counts_as_held_from_the_moment_of_its_submission(client: Client) -> None:
    held = []
    for number in range(1, 21):
        held.append(client.submit(abs, number, pure=False))
        assert held_results(client) == plural(number, "result")
