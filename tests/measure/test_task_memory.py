"""Tasks that are said to need memory run side by side only as far as it goes."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import distributed
import pytest
from conftest import wait_until
from distributed import Client, get_worker
from runs import LIMIT, MIB, hold_beside_others, measure, wait_for

import sdprofile
from sdprofile.cluster.clean import busy_workers
from sdprofile.cluster.resources import RESOURCE, take_memory_back
from sdprofile.cluster.session import reshape
from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.cluster.workers import fast_start

MB = 1_000_000


def resources(dask_worker: Any) -> dict[str, float]:
    return dict(dask_worker.state.total_resources)


def together(index: int) -> int:
    """Return how many tasks run now on the worker that runs this."""
    time.sleep(0.3)
    return len(get_worker().state.executing)


def most_together(client: Client, **plan: Any) -> tuple[int, Any]:
    found: list[int] = []

    def work() -> None:
        futures = client.map(together, range(8), pure=False)
        found.extend(client.gather(futures))

    run, error = measure(work, client, threads=4, **plan)
    assert error is None
    return max(found), run


@pytest.fixture
def four_threads(client: Client) -> Client:
    with fast_start():
        reshape(client, workers=1, threads=4, memory_limit=LIMIT)
    return client


def test_as_many_run_side_by_side_as_fit(four_threads: Client) -> None:
    assert most_together(four_threads)[0] == 4
    most, run = most_together(four_threads, task_memory=(("together", 400 * MB),))
    assert most == 2
    assert [(held.prefix, held.nbytes, held.tasks) for held in run.throttled] == [
        ("together", 400 * MB, 8)
    ]
    assert most_together(four_threads, task_memory=(("other", 400 * MB),))[0] == 4


def test_workers_lose_what_they_were_given(four_threads: Client) -> None:
    most_together(four_threads, task_memory=(("together", LIMIT),))
    take_memory_back(four_threads)
    assert list(ask_workers(four_threads, resources).values()) == [{}]
    resource = four_threads.run_on_scheduler(
        lambda dask_scheduler: [
            dask_scheduler.resources.get(RESOURCE),
            *(dict(each.resources) for each in dask_scheduler.workers.values()),
        ]
    )
    assert resource == [{}, {}]
    assert most_together(four_threads)[0] == 4


def test_merged_tasks_are_held_by_the_prefix_of_any_part(four_threads: Client) -> None:
    def work() -> float:
        array = da.ones((8, 1000), chunks=(1, 1000)).map_blocks(negated).map_blocks(abs)
        return float(array.sum().compute())

    run, _ = measure(work, four_threads, threads=4, task_memory=(("negated", LIMIT),))
    assert run.throttled[0].tasks == 8
    with dask.config.set({"optimization.fuse.active": False}):
        run, _ = measure(
            work, four_threads, threads=4, fuse=False, task_memory=(("negated", LIMIT),)
        )
    assert run.throttled[0].tasks == 8


def negated(block: Any) -> Any:
    return -block


def test_what_a_run_that_was_given_up_has_taken_comes_back(
    four_threads: Client, tmp_path: Path
) -> None:
    def work() -> None:
        futures = four_threads.map(wait_for, [tmp_path / "end"] * 4, pure=False)
        four_threads.gather(futures)

    held = (("wait_for", 600 * MB),)
    run, _ = measure(work, four_threads, threads=4, timeout=1.0, task_memory=held)
    assert run.status == "stuck"
    take_memory_back(four_threads)
    (tmp_path / "end").touch()
    wait_until(lambda: not busy_workers(four_threads))
    take_memory_back(four_threads)
    assert list(ask_workers(four_threads, resources).values()) == [{}]
    assert most_together(four_threads, task_memory=(("together", 400 * MB),))[0] == 2
    take_memory_back(four_threads)


def test_a_resource_of_the_users_own_is_kept(four_threads: Client) -> None:
    async def give(dask_worker: Any) -> None:
        await dask_worker.set_resources(**{RESOURCE: 500.0 * MB})

    ask_workers(four_threads, give)
    most, _ = most_together(four_threads, task_memory=(("together", 400 * MB),))
    assert most == 1
    take_memory_back(four_threads)
    assert list(ask_workers(four_threads, resources).values()) == [{RESOURCE: 500.0 * MB}]
    reshape(four_threads, workers=0, threads=4, memory_limit=LIMIT)  # the next test has new ones


def test_the_line_that_a_notice_gives_does_the_same(four_threads: Client) -> None:
    async def give(dask_worker: Any) -> None:
        await dask_worker.set_resources(**{RESOURCE: float(LIMIT)})

    ask_workers(four_threads, give)
    lazy = [dask.delayed(together)(index) for index in range(8)]
    with four_threads.as_current(), dask.annotate(resources={RESOURCE: 400.0 * MB}):
        assert max(dask.compute(*lazy)) == 2
    reshape(four_threads, workers=0, threads=4, memory_limit=LIMIT)


@pytest.mark.usefixtures("client")
def test_a_cell_that_4_threads_kill_finishes_with_what_is_advised() -> None:
    def work() -> None:
        client = distributed.get_client()
        client.gather(client.map(hold_beside_others, [600] * 5, key="hold", pure=False))

    both = sdprofile.profile(work, workers=1, threads=(1, 4), memory="2GB", repeats=1)
    assert both.to_frame()[["threads", "status"]].values.tolist() == [[1, "ok"], [4, "killed"]]
    (advice,) = (each.advice for each in both.notices if "side by side" in each.fact)
    found = re.search(r"--task-memory (hold=[\d.]+[MG]B)", advice)
    assert found is not None

    held = sdprofile.profile(
        work, workers=1, threads=4, memory="2GB", repeats=1, task_memory=found[1]
    )
    assert held.to_frame()["status"].tolist() == ["ok"]
    assert held.runs[0].throttled[0].tasks == 5
    # Two fit side by side.
    assert held.runs[0].peak_worker is not None
    assert held.runs[0].peak_worker > 2 * 600 * MIB
    assert f"hold held to {found[1].partition('=')[2][:-2]}" in str(held)
