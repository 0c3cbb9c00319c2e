"""A borrowed cluster that comes late, or not at all, to the workers that are asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from distributed import Client, LocalCluster, Nanny, get_client
from runs import sweep_of

from sdprofile.cluster import resize as resizing
from sdprofile.cluster.worker_states import worker_states
from sdprofile.cluster.workers import fast_start
from sdprofile.errors import SdprofileError

pytestmark = pytest.mark.usefixtures("few_imports")


class Late(Nanny):
    """A nanny that holds its worker back for as long as it is to."""

    held = False

    async def start_unsafe(self) -> Nanny:
        while Late.held:
            await asyncio.sleep(0.01)
        return await super().start_unsafe()


@pytest.fixture
def late_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A user's cluster of one worker; the next ones may come late."""
    monkeypatch.setattr(Late, "held", False)
    with fast_start():
        cluster = LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            memory_limit="700MB",
            dashboard_address="127.0.0.1:0",
            worker_class=Late,
        )
    with cluster, Client(cluster) as client:
        yield client


def workers_there() -> int:
    return len(worker_states(get_client()))


def test_workers_that_come_late_are_not_counted_for_the_next_count(
    late_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_up, patience = resizing._wrong_number, resizing.START_TIMEOUT
    there: list[int] = []

    def give_up_and_let_go(*what: Any) -> Exception:
        monkeypatch.setattr(resizing, "START_TIMEOUT", patience)
        Late.held = False
        return give_up(*what)

    monkeypatch.setattr(resizing, "_wrong_number", give_up_and_let_go)
    monkeypatch.setattr(resizing, "START_TIMEOUT", 1.0)
    Late.held = True

    def work() -> None:
        there.append(workers_there())
        get_client().submit(time.sleep, 0.1, pure=False).result()
        there.append(workers_there())

    sweep = sweep_of(work, workers="2,1", order="grouped", repeats=2)
    first, *rest = sweep

    assert (first.status, first.workers) == ("stuck", 2)
    assert [(run.status, run.workers) for run in rest] == [("ok", 1), ("ok", 1)]
    assert set(there) == {1}
    assert len(worker_states(late_client)) == 1
    assert "only 1 of 2 workers started in 1 s" in sweep.profile().notices[0].fact


def test_a_cluster_that_does_not_recover_is_told_and_what_was_measured_is_kept(
    late_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resizing, "START_TIMEOUT", 1.0)

    def work() -> None:
        [nanny] = get_client().cluster.workers.values()
        get_client().submit(abs, -1, pure=False).result()
        Late.held = True
        if len(sweep.runs) == 1:
            get_client().sync(nanny.close)

    sweep = sweep_of(work, workers="1", repeats=3)
    with pytest.raises(SdprofileError) as caught:
        list(sweep)

    assert [run.status for run in sweep.runs] == ["ok", "killed"]
    assert str(caught.value) == (
        "the session's cluster: expected it to be given back with 1 worker, but only 0 of 1 worker"
        " started in 1 s (start a new one if it does not recover)"
    )
    assert late_client.status == "running"
