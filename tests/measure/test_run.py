"""Each instrument on a real cluster, with work whose answer is known by thought."""

from __future__ import annotations

import copy
import os
import time
from typing import Any

import dask
import dask.array as da
import pytest
from distributed import Client
from runs import LIMIT, MIB, curves, hold, measure

from sdprofile.cluster.clean import clean_slate
from sdprofile.cluster.resize import resize
from sdprofile.cluster.worker_states import worker_states
from sdprofile.cluster.workers import fast_start
from sdprofile.errors import SdprofileError
from sdprofile.spatial.lazy import held_names
from sdprofile.spatial.scope import Scope


@pytest.mark.quiet
def test_the_clock_holds_the_work_and_nothing_else(one_worker: Client) -> None:
    inside: list[float] = []

    def work() -> None:
        start = time.perf_counter()
        one_worker.submit(hold, 1, 0.3, pure=False).result()
        inside.append(time.perf_counter() - start)

    run, _ = measure(work, one_worker)
    assert run.seconds >= inside[0] >= 0.3
    assert run.seconds - inside[0] < 0.01


def test_names_that_hold_results_before_a_run_with_tasks_are_known(one_worker: Client) -> None:
    kept = one_worker.persist(da.ones(4, chunks=2))
    fresh = da.zeros(4, chunks=2)

    def work() -> None:
        later = (kept + fresh).persist()
        later.sum().compute()

    run, _ = measure(work, one_worker)
    assert run.work.tasks
    assert run.data.held == ("kept",)
    found = {(each.name, each.kind, each.parts, each.chunks) for each in run.data.partitioned}
    assert found == {("kept", "array", 2, (2,)), ("fresh", "array", 2, (2,))}


def test_results_that_are_held_make_a_run_without_tasks(one_worker: Client) -> None:
    held = one_worker.submit(abs, -7, key="held")
    assert held.result() == 7
    assert clean_slate(one_worker) == 1
    run, _ = measure(lambda: one_worker.submit(abs, -7, key="held").result(), one_worker)
    assert run.status == "ok"
    assert run.work.tasks == 0
    # The name is not the cell's, but it is what holds the result.
    scope = Scope([compile("pass", "cell", "exec")], {"other": 3, "held": held, "_": held})
    assert held_names(scope) == ("held",)


def test_bytes_between_workers_are_counted(client: Client) -> None:
    with fast_start():
        resize(client, 2)
        here, there = (state.address for state in worker_states(client))

        def work() -> None:
            made = client.submit(os.urandom, 30 * MIB, workers=[here], pure=False)
            client.submit(len, made, workers=[there], pure=False).result()

        run, _ = measure(work, client, workers=2)
        resize(client, 1)
    assert run.transfers.nbytes == pytest.approx(30 * MIB, rel=0.02)
    assert run.transfers.gathered is not None
    assert run.transfers.gathered < MIB


def test_results_that_are_brought_into_the_kernel_are_counted(one_worker: Client) -> None:
    run, _ = measure(
        lambda: one_worker.submit(os.urandom, 30 * MIB, pure=False).result(), one_worker
    )
    assert run.transfers.nbytes == 0
    assert run.transfers.gathered == pytest.approx(30 * MIB, rel=0.02)


def test_what_a_cell_does_to_dasks_config_is_undone(one_worker: Client) -> None:
    before = copy.deepcopy(dask.config.config)

    def work() -> None:
        dask.config.set({"array.slicing.split-large-chunks": True, "no.such.key": 1})

    measure(work, one_worker)
    assert dask.config.config == before


def test_without_fusion_each_step_is_a_task(one_worker: Client) -> None:
    array = (da.ones((4, 100), chunks=(1, 100)) + 1).map_blocks(abs)
    fused, _ = measure(array.compute, one_worker)
    kept, _ = measure(array.compute, one_worker, fuse=False)
    culled, _ = measure(array[:2].compute, one_worker, fuse=False)
    assert kept.work.tasks - fused.work.tasks == 8  # two of three steps were fused into the third
    assert culled.work.tasks < kept.work.tasks


def test_a_worker_killed_for_memory_is_a_result(one_worker: Client) -> None:
    def work() -> None:
        one_worker.submit(hold, 1500, 5.0, key="too-much").result()

    run, error = measure(work, one_worker)
    resize(one_worker, 1)
    assert error is not None
    assert run.status == "killed"
    assert run.failure is not None
    assert run.failure.tasks == ("too-much",)
    assert run.memory_limit == LIMIT
    assert run.failure.nbytes is not None
    assert run.failure.nbytes > 0.95 * LIMIT
    assert run.failure.worker.startswith("tcp://127.0.0.1:")
    assert run.peak_worker is not None
    assert run.peak_worker >= run.failure.nbytes
    (sampled,) = curves(run, "sampler")
    assert max(sampled.nbytes) > 0.5 * LIMIT  # up to the kill, as far as there was a CPU for it
    (dask,) = curves(run, "dask")
    assert all(nbytes > 100 * MIB for nbytes in dask.nbytes)  # none without the dead
    again, _ = measure(lambda: one_worker.submit(hold, 1, pure=False).result(), one_worker)
    assert again.status == "ok"


def test_what_the_user_holds_lives_through_a_kill(client: Client) -> None:
    with fast_start():
        resize(client, 2)
        here, there = (state.address for state in worker_states(client))
        held = client.submit(os.urandom, 100, workers=[here], pure=False)
        value = held.result()
        run, _ = measure(
            lambda: client.submit(hold, 1500, 5.0, workers=[there], pure=False).result(),
            client,
            workers=2,
        )
        assert run.status == "killed"
        assert held.result() == value
        resize(client, 1)


@pytest.mark.parametrize("where", ["worker", "kernel"])
def test_a_run_is_given_up_when_its_time_is_over(one_worker: Client, where: str) -> None:
    def work() -> None:
        if where == "worker":
            one_worker.submit(time.sleep, 3.0, pure=False).result()
        else:
            time.sleep(10)

    run, error = measure(work, one_worker, timeout=0.3)
    assert error is not None
    assert run.status == "stuck"
    assert run.seconds < 3.0
    assert run.failure is not None
    assert "(--timeout)" in run.failure.message


def test_what_the_work_raises_is_a_failed_run(one_worker: Client) -> None:
    def work() -> None:
        raise LookupError("nothing here\nsecond line")

    run, error = measure(work, one_worker)
    assert isinstance(error, LookupError)
    assert run.status == "failed"
    assert run.failure is not None
    assert run.failure.message == "LookupError: nothing here"


def test_an_interrupt_cancels_what_was_submitted(one_worker: Client) -> None:
    futures: list[Any] = []

    def work() -> None:
        futures.append(one_worker.submit(time.sleep, 0.5, pure=False))
        raise KeyboardInterrupt

    run, error = measure(work, one_worker)
    assert isinstance(error, KeyboardInterrupt)
    assert run.status == "interrupted"
    assert futures[0].cancelled()


def test_results_that_a_failing_cell_has_made_are_left_to_the_user(one_worker: Client) -> None:
    made: list[Any] = []

    def work() -> None:
        made.append(one_worker.submit(abs, -8, pure=False))
        made[0].result()
        raise LookupError

    measure(work, one_worker)
    assert made[0].result() == 8


def test_a_cell_that_closes_the_client_is_told_so(user_client: Client) -> None:
    with pytest.raises(SdprofileError, match="expected its dask client to be there at the end"):
        measure(user_client.close, user_client, workers=2)
    assert dask.config.get("scheduler", None) is None  # which would ask for a client
