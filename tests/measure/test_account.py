"""The account of cells of which it is known what takes their time, on real workers."""

from __future__ import annotations

import contextlib
import ctypes
import inspect
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import numpy as np
import pytest
from distributed import Client, wait
from runs import MIB, measure

from sdprofile.cluster.own import close_cluster, start_cluster
from sdprofile.cluster.resize import resize
from sdprofile.cluster.workers import fast_start
from sdprofile.explain.account import account
from sdprofile.model.account import Cause

pytestmark = pytest.mark.quiet


@pytest.fixture(scope="module")
def four_threads() -> Iterator[Client]:
    """One worker with four threads."""
    yield start_cluster(workers=1, threads=4, memory_limit=1_000_000_000)
    close_cluster()


def shares(
    work: Callable[[], object], client: Client, *, workers: int = 1, threads: int = 1
) -> dict[Cause, float]:
    """Run a cell, and return the share of each cause."""
    with fast_start():
        resize(client, workers)
    run, error = measure(work, client, workers=workers, threads=threads)
    assert error is None
    parts = account(run)
    assert sum(part.seconds for part in parts) == pytest.approx(run.seconds, rel=0.01)
    assert sum(part.share for part in parts) == pytest.approx(1.0)
    return dict.fromkeys(Cause, 0.0) | {part.cause: part.share for part in parts}


def largest(found: dict[Cause, float]) -> Cause:
    """Return the cause with the largest share."""
    return max(found, key=found.__getitem__)


@dask.delayed(pure=False)
def nap(seconds: float, *_: object) -> float:
    """Sleep."""
    time.sleep(seconds)
    return seconds


def spin(seconds: float, *_: object) -> float:
    """Hold the GIL for so much CPU time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
    return seconds


def spin_elsewhere(seconds: float) -> None:
    """Use two CPUs beside the thread of the task, as a pool of BLAS does, without the GIL."""
    code = f"import time\nwhile time.process_time() < {seconds}: pass"
    others = [subprocess.Popen([sys.executable, "-I", "-S", "-c", code]) for _ in range(2)]
    for other in others:
        other.wait()


def set_blas_threads(number: int) -> None:
    """Let NumPy's OpenBLAS use so many threads, as the variable that a nanny sets to 1 would."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    for path in {line.split()[-1] for line in maps if "openblas" in line}:
        for name in ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads"):
            with contextlib.suppress(AttributeError):
                getattr(ctypes.CDLL(path), name)(number)


def multiply(seconds: float) -> None:
    """Multiply matrices with two threads of OpenBLAS."""
    matrix = np.ones((1000, 1000))
    set_blas_threads(2)
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        matrix @ matrix
    set_blas_threads(1)


def test_a_chain_of_sleeps_leaves_the_second_worker_without_work(client: Client) -> None:
    def work() -> None:
        last = nap(0.4)
        for _ in range(3):
            last = nap(0.4, last)
        last.compute()

    found = shares(work, client, workers=2)

    # Four sleeps in a row; at the last one nothing waits any more.
    assert found[Cause.WAITING] > 0.25
    assert found[Cause.CHAIN] > 0.2
    assert found[Cause.CHAIN] > found[Cause.NO_MORE] > 0.05
    assert found[Cause.COMPUTING] < 0.1


def test_a_straggler_leaves_the_other_worker_without_tasks(client: Client) -> None:
    found = shares(lambda: dask.compute(nap(0.1), nap(1.6)), client, workers=2)
    assert found[Cause.NO_MORE] > 0.25
    assert {largest(found), Cause.NO_MORE} <= {Cause.WAITING, Cause.NO_MORE}
    assert found[Cause.CHAIN] < 0.1


def test_the_kernels_own_work(client: Client) -> None:
    def work() -> None:
        nap(0.2).compute()
        spin(1.0)

    found = shares(work, client)
    assert largest(found) == Cause.KERNEL


def test_the_kernels_own_work_has_its_line(client: Client) -> None:
    def work() -> None:
        nap(0.7).compute()
        for _ in range(3):
            spin(0.2)

    with fast_start():
        resize(client, 1)
    run, _ = measure(work, client)
    first = inspect.getsourcelines(work)[1]
    longest = run.steps.lines[0]
    assert longest.line == first + 3
    assert longest.seconds > 0.4
    waited = [each.seconds for each in run.steps.lines if each.line == first + 1]
    assert sum(waited) < 0.7  # which the wait alone would take


def test_a_large_result_on_its_way(client: Client) -> None:
    @dask.delayed(pure=False)
    def large() -> list[bytes]:
        return [bytes([each]) * MIB for each in range(150)]  # each has to be copied

    found = shares(lambda: large().compute(), client)
    within_tasks = {Cause.COMPUTING, Cause.WAITING, Cause.CPU}
    assert max(found.keys() - within_tasks, key=found.__getitem__) == Cause.RESULT


def test_a_large_array_in_the_graph(client: Client) -> None:
    data = np.random.default_rng(0).random(40 * MIB // 8)

    @dask.delayed(pure=False)
    def small(_: object) -> int:
        return 1

    with pytest.warns(UserWarning, match="Sending large graph"):
        found = shares(lambda: small(data).compute(), client)
    assert found[Cause.SENDING] > 0.1


def test_empty_tasks_are_mostly_overhead(client: Client) -> None:
    @dask.delayed(pure=False)
    def nothing(index: int) -> int:
        return index

    found = shares(lambda: dask.compute([nothing(index) for index in range(500)]), client)
    assert largest(found) == Cause.OVERHEAD


def test_fetching_from_the_other_worker(client: Client) -> None:
    def work() -> None:
        resize(client, 2)
        here, there = client.scheduler_info()["workers"]
        blocks = client.map(
            lambda each: [bytes([each]) * MIB for _ in range(40)], range(3), workers=[here]
        )
        counts = [client.submit(len, block, workers=[there]) for block in blocks]
        client.gather(counts)

    found = shares(work, client, workers=2)
    assert found[Cause.FETCHING] > 0.05


@pytest.mark.parametrize("work", [spin_elsewhere, multiply])
def test_more_cores_than_threads(client: Client, work: Callable[[float], None]) -> None:
    with fast_start():
        resize(client, 1)
    run, _ = measure(lambda: client.submit(work, 0.7, pure=False).result(), client)
    assert run.trace is not None
    [cores] = run.trace.cores
    taken = {part.cause: part.seconds for part in account(run)}
    # They get no two CPUs where others are at work: no step shows them then.
    steps = [used >= 1.55 for used in cores.used]
    within = cores.step * max(0, sum(steps) - 2)  # the task may begin or end within a step
    assert taken.get(Cause.MORE_CORES, 0.0) >= 0.8 * within
    assert taken.get(Cause.GIL, 0.0) == 0


def test_results_that_go_to_disk_and_back(client: Client) -> None:
    def work() -> None:
        blocks = client.map(lambda each: bytes([each]) * (100 * MIB), range(7), pure=False)
        wait(blocks)  # of which not all have room
        client.gather([client.submit(len, block, pure=False) for block in blocks])

    found = shares(work, client)
    assert found[Cause.SPILL] > 0.05


def test_a_run_that_fails_is_accounted_for_as_far_as_it_got(client: Client) -> None:
    @dask.delayed(pure=False)
    def fail(_: object) -> None:
        raise ValueError("of the cell")

    with fast_start():
        resize(client, 1)
    run, error = measure(lambda: fail(nap(0.5)).compute(), client)

    assert isinstance(error, ValueError)
    parts = account(run)
    assert sum(part.seconds for part in parts) == pytest.approx(run.seconds)
    # How much was CPU time comes with a heartbeat, for which a run that fails may be too short.
    of_tasks = (Cause.WAITING, Cause.COMPUTING, Cause.CPU)
    assert sum(part.seconds for part in parts if part.cause in of_tasks) > 0.45


def test_threads_that_hold_the_gil(four_threads: Client) -> None:
    found = shares(
        lambda: dask.compute([dask.delayed(spin, pure=False)(0.5) for _ in range(4)]),
        four_threads,
        threads=4,
    )
    # On a machine that is full otherwise they wait for a CPU as well.
    assert largest(found) in (Cause.GIL, Cause.CPU)


def test_sleeping_threads_hold_no_gil(four_threads: Client) -> None:
    found = shares(lambda: dask.compute([nap(1.0) for _ in range(4)]), four_threads, threads=4)
    assert largest(found) in (Cause.WAITING, Cause.CPU)
    assert found[Cause.GIL] < 0.1


def test_tasks_that_wait_for_a_thread_of_their_own_keep_all_busy(four_threads: Client) -> None:
    found = shares(lambda: dask.compute([nap(0.25) for _ in range(16)]), four_threads, threads=4)
    within_tasks = found[Cause.WAITING] + found[Cause.COMPUTING] + found[Cause.CPU]
    assert within_tasks > 0.6
