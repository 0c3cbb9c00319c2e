"""Each instrument on a real cluster, with work whose answer is known by thought."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Iterator
from typing import Any

import dask
import dask.array as da
import distributed
import pytest
from distributed import Client

from sdprofile.cluster.resize import resize, worker_states
from sdprofile.cluster.workers import fast_start
from sdprofile.errors import SdprofileError
from sdprofile.measure.clean import clean_slate
from sdprofile.measure.run import run_once
from sdprofile.model.run import Run
from sdprofile.plan import Plan

MIB = 2**20
LIMIT = 1_000_000_000


def measure(work: Any, client: Client, **plan: Any) -> tuple[Run, BaseException | None]:
    plan = {"counts": (1,), "repeats": 1, "threads": 1, "memory_limit": LIMIT, **plan}
    return run_once(
        work, client, Plan(**plan), workers=plan["counts"][0], repeat=1, label=str(time.time())
    )


def hold(mib: int, seconds: float = 0.0) -> int:
    """Have so much memory in use for a moment, every page of it touched."""
    payload = b"x" * (mib * MIB)
    time.sleep(seconds)
    return len(payload)


@pytest.fixture
def one_worker(client: Client) -> Iterator[Client]:
    with fast_start():
        resize(client, 1)
        yield client


def test_a_payload_of_100_mib_raises_the_peak_by_100_mib(one_worker: Client) -> None:
    run, error = measure(lambda: one_worker.submit(hold, 100, pure=False).result(), one_worker)
    assert error is None
    assert run.status == "ok"
    assert run.peak_worker is not None
    assert run.baseline is not None
    assert run.peak_worker - run.baseline == pytest.approx(100 * MIB, rel=0.05)


def test_the_mark_of_an_earlier_run_does_not_count(one_worker: Client) -> None:
    high, _ = measure(lambda: one_worker.submit(hold, 200, pure=False).result(), one_worker)
    low, _ = measure(lambda: one_worker.submit(hold, 1, pure=False).result(), one_worker)
    assert high.peak_worker is not None
    assert low.peak_worker is not None
    assert high.peak_worker - low.peak_worker > 150 * MIB


def test_peak_of_the_cluster_is_bracketed(client: Client) -> None:
    with fast_start():
        resize(client, 2)
        addresses = [state.address for state in worker_states(client)]

        def one_after_the_other() -> None:
            for address in addresses:
                client.submit(hold, 100, workers=[address], pure=False).result()

        run, _ = measure(one_after_the_other, client, counts=(2,))
    assert len(run.worker_peaks) == 2
    assert run.cluster_peak is not None
    baseline = sum(peak.baseline for peak in run.worker_peaks)
    assert run.cluster_peak.high - baseline == pytest.approx(200 * MIB, rel=0.05)
    assert run.cluster_peak.low <= run.cluster_peak.high


def test_the_clock_holds_the_work_and_nothing_else(one_worker: Client) -> None:
    inside: list[float] = []

    def work() -> None:
        start = time.perf_counter()
        one_worker.submit(hold, 1, 0.3, pure=False).result()
        inside.append(time.perf_counter() - start)

    run, _ = measure(work, one_worker)
    assert run.seconds >= inside[0] >= 0.3
    assert run.seconds - inside[0] < 0.01


def test_all_tasks_of_the_cell_are_counted(one_worker: Client) -> None:
    run, _ = measure(lambda: one_worker.gather(one_worker.map(abs, range(7))), one_worker)
    assert run.tasks == 7


def test_deterministic_keys_are_counted_in_every_repeat(one_worker: Client) -> None:
    array = da.ones((4, 100), chunks=(1, 100))
    counts = [measure(lambda: array.sum().compute(), one_worker)[0].tasks for _ in range(4)]
    assert counts[0] > 0
    assert set(counts) == {counts[0]}


def test_results_that_are_held_make_a_run_without_tasks(one_worker: Client) -> None:
    held = one_worker.submit(abs, -7, key="held")
    assert held.result() == 7
    assert clean_slate(one_worker) == 1
    run, _ = measure(lambda: one_worker.submit(abs, -7, key="held").result(), one_worker)
    assert run.status == "ok"
    assert run.tasks == 0


def test_time_of_sleeping_tasks_is_theirs_and_not_cpu_time(one_worker: Client) -> None:
    run, _ = measure(
        lambda: one_worker.gather(one_worker.map(time.sleep, [0.1, 0.11, 0.12])), one_worker
    )
    waited = sum(a.seconds for a in run.spans if a.activity == "thread-noncpu")
    assert waited == pytest.approx(0.33, abs=0.1)
    assert run.cpu_seconds < 0.1


def test_inner_spans_nest_in_the_cell(one_worker: Client) -> None:
    def work() -> None:
        with distributed.span("read"):
            one_worker.submit(time.sleep, 0.05, pure=False).result()

    run, _ = measure(work, one_worker)
    assert {activity.span for activity in run.spans} == {"cell/read"}


def test_bytes_between_workers_are_counted(client: Client) -> None:
    with fast_start():
        resize(client, 2)
        here, there = (state.address for state in worker_states(client))

        def work() -> None:
            made = client.submit(os.urandom, 30 * MIB, workers=[here], pure=False)
            client.submit(len, made, workers=[there], pure=False).result()

        run, _ = measure(work, client, counts=(2,))
        resize(client, 1)
    assert run.transferred == pytest.approx(30 * MIB, rel=0.02)


def test_bytes_written_for_lack_of_memory_are_counted(one_worker: Client) -> None:
    def work() -> None:
        made = one_worker.map(os.urandom, [150 * MIB + i for i in range(6)], pure=False)
        distributed.wait(made)

    run, _ = measure(work, one_worker)
    assert run.status == "ok"
    assert run.spilled > 100 * MIB


def test_dask_samples_lie_within_the_run(one_worker: Client) -> None:
    run, _ = measure(lambda: one_worker.submit(hold, 1, 0.5, pure=False).result(), one_worker)
    (curve,) = run.curves
    assert (curve.source, curve.worker) == ("dask", "")
    assert len(curve.seconds) > 3
    assert 0 <= curve.seconds[0] <= curve.seconds[-1] <= run.seconds
    assert all(100 * MIB < nbytes < LIMIT for nbytes in curve.nbytes)


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
    assert kept.tasks - fused.tasks == 8  # two of the three steps were fused into the third
    assert culled.tasks < kept.tasks


def test_a_worker_killed_for_memory_is_a_result(one_worker: Client) -> None:
    def work() -> None:
        one_worker.submit(hold, 1500, 5.0, key="too-much").result()

    run, error = measure(work, one_worker)
    resize(one_worker, 1)
    assert error is not None
    assert run.status == "killed"
    assert run.failure is not None
    assert run.failure.tasks == ("too-much",)
    assert run.failure.memory_limit == LIMIT
    assert run.failure.nbytes is not None
    assert run.failure.nbytes > 0.95 * LIMIT
    assert run.failure.worker.startswith("tcp://127.0.0.1:")
    assert run.peak_worker == run.failure.nbytes
    assert all(nbytes > 100 * MIB for nbytes in run.curves[0].nbytes)  # none without the dead
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
            counts=(2,),
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


def test_the_client_keeps_no_handler(one_worker: Client) -> None:
    before = dict(one_worker._event_handlers)
    measure(lambda: None, one_worker)
    assert one_worker._event_handlers == before


def test_a_cell_that_closes_the_client_is_told_so(user_client: Client) -> None:
    with pytest.raises(SdprofileError, match="leave the dask client that it runs on open"):
        measure(user_client.close, user_client, counts=(2,))
