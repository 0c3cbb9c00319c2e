"""What dask keeps for ever is let go: messages, and the nannies of workers that have gone."""

from __future__ import annotations

import weakref

from conftest import wait_until
from distributed import Client, Scheduler

from sdprofile.cluster.garbage import collect_garbage, forget_messages
from sdprofile.cluster.resize import resize
from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.cluster.workers import fast_start
from sdprofile.internals.distributed.client import clear_own_log


def nannies(client: Client) -> list[weakref.ref[object]]:
    return [weakref.ref(nanny) for nanny in client.cluster.workers.values()]


def test_nanny_of_a_worker_that_has_gone_is_not_kept(client: Client) -> None:
    with fast_start():
        resize(client, 2)
        answers = ask_workers(client, abs, -1, nanny=True)
        assert list(answers.values()) == [1, 1]
        known = nannies(client)
        resize(client, 1)

    def gone() -> bool:
        collect_garbage()
        return sum(ref() is None for ref in known) == 1

    wait_until(gone)


def test_messages_are_not_kept(client: Client) -> None:
    assert client.submit(len, b"x" * 100_000, pure=False).result() == 100_000
    assert client.run_on_scheduler(messages) > 0
    client.run_on_scheduler(forget_messages)
    clear_own_log(client)
    assert client.run_on_scheduler(messages) <= 1
    assert len(client.scheduler_comm.recent_message_log) <= 1
    assert client.submit(abs, -7, pure=False).result() == 7


def messages(dask_scheduler: Scheduler) -> int:
    return sum(len(comm.recent_message_log) for comm in dask_scheduler.stream_comms.values())
