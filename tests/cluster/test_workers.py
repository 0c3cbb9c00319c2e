"""Workers start fast and alike, and outlive the user's Ctrl-C."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dask
import psutil
import pytest
import spatialdata.models  # noqa: F401 - what workers are to have, too
from distributed import Client
from distributed.comm import CommClosedError

from sdprofile.cluster import workers
from sdprofile.cluster.prepare import _is_news, _prepare, prepare_workers, release_workers
from sdprofile.cluster.resize import resize
from sdprofile.cluster.worker_states import worker_states
from sdprofile.cluster.workers import fast_start, imported_here
from sdprofile.internals.python import forkserver_pid


def _imports_and_threads() -> tuple[bool, str | None]:
    return "spatialdata.models" in sys.modules, os.environ.get("OMP_NUM_THREADS")


def _ignores_interrupts() -> bool:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_workers_have_the_imports_and_the_thread_settings_of_a_spawned_worker(
    client: Client,
) -> None:
    with fast_start():
        resize(client, 2)
    for imported, threads in client.run(_imports_and_threads).values():
        assert imported
        assert threads == "1"


def test_fork_server_itself_was_started_with_the_thread_settings(client: Client) -> None:
    pid = forkserver_pid()
    environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert b"OMP_NUM_THREADS=1" in environ


def test_what_the_fork_server_has_imported_is_not_looked_through_for_garbage(
    client: Client,
) -> None:
    for frozen in client.run(gc.get_freeze_count).values():
        assert frozen > 100_000


def test_environment_and_config_are_as_before(client: Client) -> None:
    environ, config = dict(os.environ), dask.config.get("distributed.worker")
    with fast_start():
        resize(client, 1)
        resize(client, 2)
    assert dict(os.environ) == environ
    assert dask.config.get("distributed.worker") == config


def test_modules_that_a_worker_cannot_import_are_left_out(client: Client) -> None:
    answers = client.run(_prepare, ("json", "no_such_module_anywhere"), in_our_terminal=True)
    release_workers(client)
    assert set(answers.values()) == {1}


def test_workers_live_through_an_interrupt_of_the_terminal(client: Client) -> None:
    before = worker_states(client)
    prepare_workers(client)
    prepare_workers(client)
    assert set(client.run(_ignores_interrupts).values()) == {True}
    for pid in client.run(os.getpid).values():
        os.kill(pid, signal.SIGINT)
    assert client.submit(sum, (1, 2)).result() == 3
    assert worker_states(client) == before
    release_workers(client)
    assert set(client.run(_ignores_interrupts).values()) == {False}


def test_only_packages_that_are_safe_to_fork_are_named() -> None:
    names = imported_here()
    assert "spatialdata.models" in names
    assert "pytest" not in names


def test_a_fork_server_that_others_started_is_not_used() -> None:
    code = """
import multiprocessing.forkserver
from sdprofile.cluster.workers import fast_start
import dask
key = "distributed.worker.multiprocessing-method"
import distributed
with fast_start():
    print(dask.config.get(key))
multiprocessing.forkserver.ensure_running()
with fast_start():
    print(dask.config.get(key))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["forkserver", "spawn"]


def test_the_fork_server_stays_while_a_process_of_others_came_from_it(client: Client) -> None:
    context = multiprocessing.get_context("forkserver")
    other = context.Process(target=time.sleep, args=(60,))
    other.start()
    assert client.status == "running"
    workers.stop_forkserver()  # which would wait for the other
    assert other.is_alive()
    assert psutil.pid_exists(workers._ours.pid or 0)
    other.kill()
    other.join()


SCRIPT = """
print("script")
import sys
from sdprofile.cluster.own import close_cluster, start_cluster
from sdprofile.cluster.resize import resize
from sdprofile.cluster.workers import fast_start, imported_here

client = start_cluster(workers=1, threads=1, memory_limit=500_000_000)
print(len(client.run(abs, 1)), "__spec__" in globals())
if __name__ == "__main__":
    with fast_start():
        resize(client, 2)
    left = lambda names: [name for name in names if name not in sys.modules]
    names, _ = client.run(left, imported_here()).values()
    scheduler, _ = client.run(lambda: "bokeh" in sys.modules).values()
    print(len(names), scheduler, "pandas" in imported_here())
del __spec__  # as IPython's %reset does it; multiprocessing alone then starts no process
with fast_start():
    resize(client, 3)
print(len(client.run(abs, 1)), "__spec__" in globals())
close_cluster()
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a script prints that starts workers with a guard, without, and with no spec.

    It has a process of its own, for here the fork server may have been started by an earlier test.
    """
    path = tmp_path_factory.mktemp("script") / "script.py"
    path.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.splitlines()


def test_a_script_is_not_run_again_with_a_guard_or_without(printed: list[str]) -> None:
    assert len(printed) == 4
    assert printed[:2] == ["script", "1 True"]


def test_workers_are_left_with_next_to_nothing_to_import(printed: list[str]) -> None:
    left, scheduler, pandas = printed[2].split()
    assert int(left) < 5
    assert (scheduler, pandas) == ("False", "True")


def test_workers_start_where_the_names_of_the_main_module_were_deleted(printed: list[str]) -> None:
    assert printed[3] == "3 False"


@pytest.mark.parametrize(
    ("error", "kept"), [(None, True), (ValueError(), True), (CommClosedError(), False)]
)
def test_only_tracebacks_of_connections_that_end_are_kept_back(
    error: Exception | None, *, kept: bool
) -> None:
    told = (type(error), error, None) if error is not None else None
    record = logging.LogRecord("distributed.worker", logging.ERROR, "", 0, "", (), told)
    assert _is_news(record) == kept
