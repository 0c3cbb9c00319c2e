"""All tasks and all thread time of the cell are accounted for, in every repeat."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask
import dask.array as da
import dask.dataframe as dd
import distributed
import numpy as np
import pandas as pd
import pytest
from conftest import wait_until
from distributed import Client
from runs import MIB, measure

from sdprofile.cluster.resize import resize
from sdprofile.cluster.workers import fast_start
from sdprofile.internals.distributed import scheduler
from sdprofile.model.run import Run


def seconds(run: Run, activity: str) -> float:
    return sum(part.seconds for part in run.work.spans if part.activity == activity)


def test_all_tasks_of_the_cell_are_counted(one_worker: Client) -> None:
    run, _ = measure(lambda: one_worker.gather(one_worker.map(abs, range(7))), one_worker)
    assert run.work.tasks == 7


def test_repeats_that_read_the_same_zarr_neither_merge_nor_vanish(
    one_worker: Client, tmp_path: Path
) -> None:
    da.from_array(np.ones((4, 1000)), chunks=(1, 1000)).to_zarr(tmp_path / "ones.zarr")

    def work() -> None:
        da.from_zarr(tmp_path / "ones.zarr").map_blocks(slowly).sum().compute()

    runs = [measure(work, one_worker)[0] for _ in range(4)]
    assert runs[0].work.tasks > 4
    assert {run.work.tasks for run in runs} == {runs[0].work.tasks}
    for run in runs:
        assert seconds(run, "thread-noncpu") == pytest.approx(0.4, abs=0.2)


def slowly(block: np.ndarray) -> np.ndarray:
    time.sleep(0.1)
    return block


@pytest.mark.quiet
@pytest.mark.parametrize("workers", [1, 2])
def test_seconds_add_up_to_the_thread_time(client: Client, workers: int) -> None:
    def work() -> None:
        # 64 MiB move between two workers, and a quarter of the result to the kernel.
        array = da.random.random((4, 4 * MIB // 2), chunks=(1, MIB))
        (array + array.mean(axis=0)).sum(axis=1).compute()
        client.gather(client.map(time.sleep, [0.1, 0.11, 0.12, 0.13]))

    with fast_start():
        resize(client, workers)
        run, _ = measure(work, client, workers=workers)
        resize(client, 1)
    thread_seconds = workers * run.seconds
    assert sum(part.seconds for part in run.work.spans) == pytest.approx(thread_seconds, rel=0.05)
    assert all(part.seconds >= 0 for part in run.work.spans)
    assert run.work.cpu_seconds == seconds(run, "thread-cpu") > 0
    assert seconds(run, "network") > 0


def test_a_worker_without_a_task_is_idle(client: Client) -> None:
    with fast_start():
        resize(client, 2)
        run, _ = measure(
            lambda: client.submit(time.sleep, 0.5, pure=False).result(), client, workers=2
        )
        resize(client, 1)
    # The one for all of the run, the other but for the task, however long a busy machine makes it.
    assert run.seconds - 0.1 <= seconds(run, "idle") <= 2 * run.seconds - 0.4


def test_time_of_sleeping_tasks_is_theirs_and_not_cpu_time(one_worker: Client) -> None:
    run, _ = measure(
        lambda: one_worker.gather(one_worker.map(time.sleep, [0.1, 0.11, 0.12])), one_worker
    )
    assert 0.32 <= seconds(run, "thread-noncpu") <= run.seconds
    assert run.work.cpu_seconds < 0.1


def test_inner_spans_nest_in_the_cell_and_know_their_tasks(one_worker: Client) -> None:
    def work() -> None:
        with distributed.span("read"):
            with distributed.span("decode"):
                one_worker.submit(time.sleep, 0.05, key="decode-1").result()
            one_worker.submit(time.sleep, 0.06, key="read-1").result()

    run, _ = measure(work, one_worker)
    slept = {
        (part.span, part.prefix) for part in run.work.spans if part.activity == "thread-noncpu"
    }
    assert slept == {("cell/read/decode", "decode"), ("cell/read", "read")}
    assert {part.span for part in run.work.spans if part.context != "execute"} == {"cell"}


def test_tasks_that_the_cell_adds_to_those_of_before_are_its_own(one_worker: Client) -> None:
    def work() -> None:
        one_worker.submit(time.sleep, 0.05, key="nap-3").result()

    with distributed.span("before"):
        held = one_worker.map(time.sleep, [0.2, 0.2], key=["nap-1", "nap-2"])
    one_worker.gather(held)
    run, _ = measure(work, one_worker)
    assert run.work.tasks == 1
    assert 0.05 <= seconds(run, "thread-noncpu") < 0.15


def test_each_run_has_what_was_counted_in_it_in_a_span_of_the_users(one_worker: Client) -> None:
    def work() -> None:
        with distributed.span("mine"):
            one_worker.submit(time.sleep, 0.1, pure=False).result()

    for _ in range(3):
        run, _ = measure(work, one_worker)
        slept = [part for part in run.work.spans if part.activity == "thread-noncpu"]
        assert {part.span for part in slept} == {"cell/mine"}
        assert 0.1 <= seconds(run, "thread-noncpu") < 0.18
    # Nothing is asked of the spans of earlier runs.
    wait_until(lambda: one_worker.run_on_scheduler(spans_with_tasks) == [], seconds=5)


def spans_with_tasks(dask_scheduler: distributed.Scheduler) -> list[str]:
    return scheduler.spans_with_tasks(dask_scheduler)


def test_tasks_that_a_thread_of_the_cell_sends_are_its_own(one_worker: Client) -> None:
    def work() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: one_worker.submit(time.sleep, 0.06, pure=False).result()).result()

    run, _ = measure(work, one_worker)
    assert run.work.tasks == 1
    assert seconds(run, "thread-noncpu") >= 0.06


def test_no_task_is_given_an_annotation_and_no_span_holds_what_the_cell_made(
    one_worker: Client,
) -> None:
    def annotations() -> object:
        worker = distributed.get_worker()
        return [task.annotations for task in worker.state.tasks.values()], dask.get_annotations()

    def work() -> None:
        found.append(one_worker.submit(annotations, pure=False).result())
        found.append(dask.get_annotations())

    found: list[object] = []
    before = one_worker.run_on_scheduler(spans_that_hold)
    measure(work, one_worker)
    assert found == [([{}], {}), {}]
    assert one_worker.run_on_scheduler(spans_that_hold) == before


def spans_that_hold(dask_scheduler: distributed.Scheduler) -> list[str]:
    spans = dask_scheduler.extensions["spans"].spans.values()
    return [span.id for span in spans if span.groups or span._cumulative_worker_metrics]


def test_what_a_shuffle_writes_is_not_for_lack_of_memory(one_worker: Client) -> None:
    frame = dd.from_pandas(pd.DataFrame({"key": range(1000), "value": 1.0}), npartitions=4)

    def work() -> None:
        with dask.config.set({"dataframe.shuffle.method": "p2p"}):
            frame.shuffle("key").compute()

    run, error = measure(work, one_worker)
    assert error is None
    assert any(part.context == "p2p" for part in run.work.spans)
    assert run.work.spilled == 0


def test_bytes_written_for_lack_of_memory_are_counted(one_worker: Client) -> None:
    def work() -> None:
        made = one_worker.map(os.urandom, [150 * MIB + i for i in range(6)], pure=False)
        distributed.wait(made)

    run, _ = measure(work, one_worker)
    assert run.status == "ok"
    assert run.work.spilled > 100 * MIB
    assert seconds(run, "disk-write") > 0
