"""Whatever a cell does to its cluster gives a row or one clear line, and then a usable session."""

from __future__ import annotations

import copy
import os
import signal
import threading
import time
from collections.abc import Callable

import dask
import pytest
from conftest import wait_until
from distributed import Client, Status, get_client
from distributed.deploy.subprocess import SubprocessCluster
from runs import sweep_of

from sdprofile.cluster.clean import busy_workers
from sdprofile.errors import SdprofileError
from sdprofile.model.run import Run


def runs_of(work: Callable[[], object], **options: object) -> list[Run]:
    return list(sweep_of(work, **{"repeats": 1, **options}))


def add_on_a_worker() -> None:
    assert get_client().submit(sum, (1, 2), pure=False).result() == 3


def assert_usable(client: Client) -> None:
    """Assert that the same cluster gives an ordinary cell an ordinary row."""
    assert [run.status for run in runs_of(add_on_a_worker, workers="1")] == ["ok"]
    assert busy_workers(client) == ()


def restart() -> None:
    get_client().restart()


def scale_to_none() -> None:
    get_client().cluster.scale(0)
    # A task that the worker still does while it is told to go would end the run before it goes.
    wait_until(lambda: not get_client().scheduler_info(n_workers=-1)["workers"])
    add_on_a_worker()


def retire() -> None:
    get_client().retire_workers()
    add_on_a_worker()


def close_nanny() -> None:
    """End a nanny, and then submit: what was submitted before would be cancelled once."""
    [nanny] = get_client().cluster.workers.values()
    get_client().sync(nanny.close)
    add_on_a_worker()


@pytest.mark.parametrize("work", [restart, scale_to_none, close_nanny, retire])
def test_a_worker_that_the_cell_takes_away_is_a_row(
    client: Client, work: Callable[[], object]
) -> None:
    # After this time a cluster replaces a worker that was lost; one that restarts needs longer.
    patience = "15s" if work is restart else "100ms"
    with dask.config.set({"distributed.deploy.lost-worker-timeout": patience}):
        [run] = runs_of(work, workers="1")

        assert run.status == "killed"
        assert run.failure is not None
        assert run.failure.message.startswith("a worker was closed or restarted, as by")
        assert_usable(client)


def scale_up() -> None:
    cluster = get_client().cluster
    cluster.scale(2)
    wait_until(lambda: len(get_client().scheduler_info(n_workers=-1)["workers"]) == 2)


def adapt() -> None:
    get_client().cluster.adapt(minimum=1, maximum=2)


@pytest.mark.parametrize(
    ("work", "got"), [(scale_up, "got 2 workers"), (adapt, "got one that adapts by itself")]
)
def test_a_cell_that_scales_its_cluster_is_told_so(
    client: Client, work: Callable[[], object], got: str
) -> None:
    with pytest.raises(SdprofileError, match=f"leave the cluster at 1 worker, {got} .take what"):
        runs_of(work, workers="1")

    assert_usable(client)


@pytest.mark.usefixtures("few_imports")
def test_a_scheduler_that_dies_is_one_line_and_finished_runs_are_kept() -> None:
    calls: list[int] = []
    each = {"nthreads": 1, "memory_limit": "700MB"}
    with dask.config.set({"distributed.comm.timeouts.connect": "2s"}):
        cluster = SubprocessCluster(n_workers=1, worker_kwargs=each)
        client = Client(cluster)
        client.wait_for_workers(1)

        def work() -> None:
            calls.append(1)
            if len(calls) > 1:
                os.kill(client.run_on_scheduler(os.getpid), signal.SIGKILL)
            add_on_a_worker()

        sweep = sweep_of(work, workers="1", repeats=2)
        with pytest.raises(SdprofileError, match="its scheduler"):
            for _ in sweep:
                pass
        client.close()
        with pytest.raises(OSError, match="Timed out trying to connect"):
            cluster.close()
        cluster.status = Status.closed  # or it warns that it is not, which it cannot be any more

    assert [run.status for run in sweep.runs] == ["ok"]


def test_a_copy_that_the_cell_forks_does_not_go_on_as_the_kernel(client: Client) -> None:
    ends: list[int] = []

    def work() -> None:
        add_on_a_worker()
        if (child := os.fork()) == 0:
            return
        ends.append(os.waitpid(child, 0)[1])

    assert [run.status for run in runs_of(work, workers="1")] == ["ok"]
    assert ends == [0]
    assert_usable(client)


def test_a_result_that_cannot_be_pickled_is_the_cells_own_error(client: Client) -> None:
    with pytest.raises(TypeError, match="[Cc]ould not serialize|cannot pickle"):
        runs_of(lambda: get_client().submit(threading.Lock, pure=False).result(), workers="1")

    assert_usable(client)


def test_a_thread_that_the_cell_leaves_is_left_alone(client: Client) -> None:
    stop = threading.Event()
    names: list[str] = []

    def work() -> None:
        thread = threading.Thread(target=stop.wait, args=(60,), daemon=True)
        thread.start()
        names.append(thread.name)

    assert [run.status for run in runs_of(work, workers="1")] == ["ok"]
    assert names[0] in [thread.name for thread in threading.enumerate()]
    stop.set()
    assert_usable(client)


def test_a_loop_that_waits_for_no_worker_ends_with_its_time(client: Client) -> None:
    def work() -> None:
        while True:
            time.sleep(0)

    [run] = runs_of(work, workers="1", timeout=0.5)

    assert run.status == "stuck"
    assert_usable(client)


def test_an_emptied_dask_config_is_filled_again(client: Client) -> None:
    before = copy.deepcopy(dask.config.config)

    assert [run.status for run in runs_of(dask.config.config.clear, workers="1")] == ["ok"]

    assert dask.config.config == before
    assert_usable(client)
