"""Runs without a cluster: what dask does in the kernel, measured there."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.pool import ThreadPool
from typing import Any

import dask
import dask.array as da
import dask.bag as db
import numpy as np
import pytest
import spatialdata as sd
from conftest import wait_until
from dask import delayed
from dask.threaded import get as get_in_threads
from distributed import Client, LocalCluster, get_client, span
from images import FUNCTIONS, image
from profiles import make_profile
from runs import MIB, curves, hold_in_child

from sdprofile.explain.account import account
from sdprofile.explain.notices.elsewhere import elsewhere_notices
from sdprofile.internals.dask import cpu_count
from sdprofile.measure import alone
from sdprofile.measure.alone import bounded_memory, run_alone
from sdprofile.measure.clock import Clock
from sdprofile.measure.kernel_lines import KernelLines
from sdprofile.model.account import Cause
from sdprofile.model.machine import Machine
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.plan import Plan
from sdprofile.spatial.scope import scope_of


def measure(work: Callable[[], object], **plan: Any) -> tuple[Run, BaseException | None]:
    setting = Setting(workers=0, threads=1, memory_limit=None)
    made = Plan(settings=(), alone=setting, repeats=1, **plan)
    return run_alone(work, made, setting=setting, repeat=1, scope=scope_of(work))


def take(mib: int) -> int:
    return len(b"x" * (mib * MIB))


def spin(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_each_task_is_recorded_with_its_inputs() -> None:
    def work() -> None:
        da.ones((4, 100), chunks=(1, 100)).sum(axis=1).sum().compute()

    run, error = measure(work, fuse=False)
    assert error is None
    assert run.status == "ok"
    trace = run.trace
    assert trace is not None
    assert run.work.tasks == len(trace) > 5
    assert trace.addresses == ("kernel",)
    assert (trace.workers, trace.threads) == (1, cpu_count())
    assert len(trace.arrivals) == 1
    assert all(0 <= begun <= ended <= run.seconds for begun, ended in zip(*times(run), strict=True))
    ends = list(trace.ended)
    for task, inputs in enumerate(trace.inputs_of):
        assert all(ends[each] <= trace.begun[task] for each in inputs)
    assert sum(map(len, trace.inputs_of)) > 0
    assert sum(trace.wanted) == 1


def times(run: Run) -> tuple[list[float], list[float]]:
    assert run.trace is not None
    return list(run.trace.begun), list(run.trace.ended)


def test_tasks_that_sleep_are_accounted_as_waiting() -> None:
    def work() -> None:
        dask.compute(*[delayed(time.sleep)(0.2) for _ in range(2 * cpu_count())])

    run, _ = measure(work)
    assert run.seconds >= 0.4
    parts = {part.cause: part.seconds for part in account(run)}
    assert sum(parts.values()) == pytest.approx(run.seconds)
    # Beside other work it is not known whether they slept or waited for a CPU.
    assert parts[Cause.WAITING] + parts.get(Cause.CPU, 0.0) >= 0.4 * 0.9
    assert run.work.cpu_seconds < 0.2


@pytest.mark.parametrize("scheduler", ["threads", "synchronous", "processes"])
def test_cpu_time_of_tasks_is_that_of_their_threads(scheduler: str) -> None:
    def work() -> None:
        dask.compute(*[delayed(spin)(0.1) for _ in range(4)], scheduler=scheduler)

    run, error = measure(work)
    assert error is None
    # That of a process comes in steps of 10 ms, and holds what it does around its tasks: imports.
    most = 1.1 * cpu_count() * run.seconds if scheduler == "processes" else 0.6
    assert 0.35 < run.work.cpu_seconds < most
    assert run.threads == (1 if scheduler == "synchronous" else cpu_count())
    assert replace(run, trace=None).threads == run.threads
    seconds = sum(part.seconds for part in run.work.spans)
    assert seconds == pytest.approx(max(run.threads * run.seconds, run.work.task_seconds))


def test_peak_of_the_kernel_is_exact() -> None:
    run, _ = measure(lambda: delayed(take)(300).compute())
    [peak] = run.memory.worker_peaks
    assert peak.exact
    assert peak.worker == "kernel"
    assert 295 * MIB <= peak.peak - peak.baseline < 330 * MIB  # some of it was there, unused
    assert run.peak_worker == peak.peak


def test_children_that_the_cell_starts_count_and_others_do_not(client: Client) -> None:
    run, _ = measure(lambda: hold_in_child(200, 0.5))
    assert 200 * MIB <= run.memory.children < 260 * MIB  # less than with the workers that are there
    [curve] = curves(run, "sampler", "children")
    assert max(curve.nbytes) == run.memory.children


def test_kernels_own_work_is_its_lines() -> None:
    def work() -> int:
        return sum(i % 7 for i in range(8_000_000))

    run, _ = measure(work)
    assert run.work.tasks == 0
    [part] = account(run)
    assert part.cause is Cause.KERNEL
    [line] = run.steps.lines
    assert line.line == work.__code__.co_firstlineno + 1
    assert line.seconds <= run.seconds


def test_what_is_done_around_the_cell_is_no_line_of_it() -> None:
    clock = Clock()
    with KernelLines(None, clock) as lines:
        time.sleep(0.2)
        with clock:
            pass
        time.sleep(0.2)
    assert lines.reading == ()


def test_no_client_is_found_and_all_is_as_before(user_client: Client) -> None:
    found: list[object] = []

    def work() -> None:
        found.append(dask.base.get_scheduler(cls=da.Array))
        with pytest.raises(ValueError, match="No global client"):
            get_client()
        dask.config.set({"array.chunk-size": "1MiB"})
        da.ones(10, chunks=5).sum().compute()

    before = dask.config.get("scheduler"), dask.config.get("array.chunk-size")
    run, error = measure(work)
    assert error is None
    assert found == [get_in_threads]
    assert run.work.tasks
    assert Client.current() is user_client
    assert (dask.config.get("scheduler"), dask.config.get("array.chunk-size")) == before
    assert user_client.submit(abs, -1, pure=False).result() == 1


def test_a_scheduler_that_the_session_has_set_stays() -> None:
    with dask.config.set(scheduler="synchronous"):
        run, _ = measure(lambda: da.ones(10, chunks=5).sum().compute())
    assert run.threads == 1


def test_threads_that_dask_starts_go_again() -> None:
    dask.threaded.default_pool = None
    before = threading.active_count()
    run, _ = measure(lambda: dask.compute(*[delayed(time.sleep)(0.05) for _ in range(8)]))
    assert run.work.tasks == 8
    assert dask.threaded.default_pool is None
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_a_pool_of_the_session_stays() -> None:
    da.ones(10, chunks=5).sum().compute()
    pool = dask.threaded.default_pool
    measure(lambda: da.ones(10, chunks=5).sum().compute())
    assert pool is not None
    assert dask.threaded.default_pool is pool


def test_what_is_more_than_the_free_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    free = 400 * MIB
    machine = Machine(cpus=2, memory=2**40, memory_free=free, bounded_by="the machine")
    monkeypatch.setattr(alone, "this_machine", lambda: machine)
    run, error = measure(
        lambda: da.ones((1000, 1000, 200), chunks=(1000, 1000, 2)).compute(), decimal=True
    )
    assert error is None  # the run is the answer
    assert run.status == "failed"
    assert run.failure is not None
    assert run.failure.message == "it asked for more than the 419 MB of memory that were free"
    assert "workers" in run.failure.advice
    assert len(np.ones(60_000_000)) == 60_000_000  # the limit is gone


def test_a_bound_of_the_users_own_that_is_tighter_stays() -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    mine = 4 * 2**30
    resource.setrlimit(resource.RLIMIT_DATA, (mine, hard))
    try:
        with bounded_memory(2**50):
            assert resource.getrlimit(resource.RLIMIT_DATA)[0] == mine
        with bounded_memory(2**20), pytest.raises(MemoryError):
            np.ones(10_000_000)
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] == mine
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (-1, hard))


def test_a_run_that_takes_too_long_is_given_up() -> None:
    run, error = measure(lambda: time.sleep(30), timeout=0.2)
    assert error is None
    assert run.status == "stuck"
    assert run.failure is not None
    assert run.failure.message == "not finished after 200 ms (--timeout)"
    assert run.seconds < 10


def test_processes_of_a_run_that_takes_too_long_are_ended() -> None:
    def work() -> None:
        dask.compute(*[delayed(time.sleep)(600) for _ in range(4)], scheduler="processes")

    run, error = measure(work, timeout=0.5)
    assert error is None
    assert run.status == "stuck"
    assert run.seconds < 300
    assert run.work.schedulers == ("processes",)


def test_what_the_work_raises_comes_back() -> None:
    run, error = measure(lambda: delayed(int)("x").compute())
    assert isinstance(error, ValueError)
    assert run.status == "failed"
    assert run.work.tasks == 1
    assert sum(part.share for part in account(run)) == pytest.approx(1.0)


def test_an_interrupt_of_the_users_is_one() -> None:
    def work() -> None:
        raise KeyboardInterrupt

    run, error = measure(work)
    assert run.status == "interrupted"
    assert isinstance(error, KeyboardInterrupt)


@pytest.mark.parametrize("how", ["discard", "persist"])
def test_what_is_lazy_is_computed(how: str) -> None:
    made: list[int] = []

    def block(values: Any) -> Any:
        made.append(1)
        return values

    lazy = da.ones((4, 10), chunks=(1, 10)).map_blocks(block, dtype=float)
    made.clear()
    run, error = measure(lambda: lazy, compute=how)
    assert error is None
    assert len(made) == 4
    assert run.data.lazy is not None


def test_bags_run_in_processes() -> None:
    run, error = measure(lambda: db.range(8, npartitions=4).map(abs).sum().compute())
    assert error is None
    assert run.work.tasks >= 4
    assert run.trace is not None
    assert run.trace.threads == cpu_count()
    assert run.work.schedulers == ("processes",)


def test_time_of_a_batch_is_shared_out_among_its_tasks() -> None:
    # Of four tasks that one process gets at once it is not known which took how long.
    def work() -> None:
        with dask.config.set(num_workers=1):
            dask.compute(*[delayed(spin)(0.05) for _ in range(4)], scheduler="processes")

    run, error = measure(work)
    assert error is None
    assert run.trace is not None
    begun, ended = times(run)
    seconds = [end - begin for begin, end in zip(begun, ended, strict=True)]
    assert len(seconds) == 4
    assert min(seconds) == pytest.approx(max(seconds), abs=0.0002)  # times are kept to 0.1 ms
    assert all(
        end == pytest.approx(begin, abs=0.0002)
        for end, begin in zip(sorted(ended)[:-1], sorted(begun)[1:], strict=True)
    )
    assert sum(seconds) <= run.seconds
    assert sum(seconds) >= 0.2


def seconds_of(run: Run, name: str) -> float:
    return sum(part.seconds for part in run.work.spans if part.span == name)


def slow(block: Any) -> Any:
    time.sleep(0.02)
    return block


def test_tasks_of_a_lazy_step_are_in_its_span() -> None:
    def work() -> None:
        one = image()
        one.data.sum().compute()
        sd.map_raster(one, slow, blockwise=True).data.sum().compute()

    run, error = measure(work, fuse=False)
    assert error is None
    at = inspect.getsourcelines(work)[1]
    step = f"cell/map_raster (line {at + 3})"
    assert [each.span for each in run.steps.calls] == [
        f"cell/Image2DModel.parse (line {at + 1})",
        step,
    ]
    assert seconds_of(run, step) > 48 * 0.02
    assert {part.prefix for part in run.work.spans if part.span == step} == {"slow"}
    assert "sum" in {part.prefix for part in run.work.spans if part.span == "cell"}


def test_elements_are_those_that_were_worked_on() -> None:
    def work() -> None:
        global used, unused
        used, unused = image(), image(size=200)
        used.data.sum().compute()

    run, error = measure(work)
    assert error is None
    assert [each.name for each in run.data.elements] == ["used"]


def test_steps_that_dask_has_fused_are_named() -> None:
    def work() -> None:
        one = sd.map_raster(image(), slow, blockwise=True)
        sd.map_raster(one, np.negative, blockwise=True).compute()

    run, error = measure(work)
    assert error is None
    first, second = (each for each in run.steps.calls if each.name.startswith("map_raster"))
    assert first.name in second.fused
    assert seconds_of(run, second.span) > 48 * 0.02


def test_tasks_are_in_the_span_of_the_users_that_is_open_around_them() -> None:
    def work() -> None:
        with span("mine"):
            da.ones((4, 10), chunks=(1, 10)).map_blocks(slow, dtype=float).compute()
            sd.map_raster(image(), slow, blockwise=True).compute()

    run, error = measure(work)
    assert error is None
    assert seconds_of(run, "cell/mine") >= 4 * 0.02
    inside = [each.span for each in run.steps.calls if "map_raster" in each.span]
    assert [name.rpartition("/")[0] for name in inside] == ["cell/mine"]
    assert seconds_of(run, inside[0]) > 48 * 0.02


def test_what_is_made_again_is_told_with_its_name() -> None:
    data = da.ones((40, 40), chunks=20)

    def work() -> None:
        global filtered
        filtered = data.map_blocks(slow)
        filtered.min().compute()
        filtered.max().compute()

    run, error = measure(work)
    assert error is None
    found = run.steps.recomputed
    assert found is not None
    assert (found.name, found.variable) == ("slow", "filtered")
    assert (found.blocks, found.made, found.graphs) == (4, 8, (0, 1))
    assert 4 * 0.02 <= found.seconds < run.work.task_seconds - 4 * 0.02
    # The second time is what keeping it would save: the kernel waits for one graph, then the other.
    assert run.trace is not None
    assert list(run.trace.wanted) == [
        not any(task in needed for needed in run.trace.inputs_of) for task in range(len(run.trace))
    ]


def test_what_is_held_is_not_made_again() -> None:
    def work() -> None:
        one = da.ones((40, 40), chunks=20).map_blocks(slow).persist()
        one.sum().compute()
        one.max().compute()

    run, error = measure(work)
    assert error is None
    assert run.steps.recomputed is None
    assert run.work.tasks


def test_without_steps_all_tasks_are_of_the_cell() -> None:
    run, _ = measure(lambda: sd.map_raster(image(), slow, blockwise=True).compute(), steps=False)
    assert {part.span for part in run.work.spans} == {"cell"}
    assert FUNCTIONS  # what would be steps


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ThreadPool])
def test_threads_are_those_of_the_sessions_pool(kind: Any) -> None:
    with kind(3) as pool, dask.config.set(pool=pool):
        run, _ = measure(lambda: da.ones(2, chunks=1).sum().compute())
    assert run.work.threads == 3


def test_threads_are_those_that_a_call_asks_for() -> None:
    tasks = [delayed(time.sleep)(0.01) for _ in range(24)]
    run, _ = measure(lambda: dask.compute(*tasks, num_workers=cpu_count() + 4))
    assert run.work.threads == cpu_count() + 4


def test_no_thread_of_a_task_that_computes_something_is_left() -> None:
    before = threading.active_count(), dict(dask.threaded.pools)
    nested = [delayed(lambda: da.ones(4, chunks=1).sum().compute())() for _ in range(4)]
    run, error = measure(lambda: (dask.compute(*nested), dask.compute(*nested, num_workers=3)))
    assert (run.status, error) == ("ok", None)
    assert dict(dask.threaded.pools) == before[1]
    wait_until(lambda: threading.active_count() <= before[0])


def test_a_cluster_that_the_cell_starts_is_noted() -> None:
    def work() -> None:
        options: dict[str, Any] = {"processes": False, "dashboard_address": "127.0.0.1:0"}
        with LocalCluster(n_workers=1, threads_per_worker=1, **options) as cluster, Client(cluster):
            da.ones(2, chunks=1).sum().compute()

    run, error = measure(work)
    assert error is None
    [place] = run.elsewhere
    assert (place.workers, place.graphs, place.started, place.left) == (1, 1, True, False)
    [fact] = [each.fact for each in elsewhere_notices(make_profile(run))]
    assert "its tasks ran there, and none in the kernel" in fact


def test_too_much_for_the_kernel_itself_is_not_for_want_of_workers() -> None:
    run, _ = measure(lambda: np.ones(int(8e12)))
    assert run.failure is not None
    assert run.failure.advice == "Make less at once in the kernel, where workers cannot help"
