"""What all tests share: real clusters, and the proof that nothing of them is left."""

from __future__ import annotations

import fcntl
import gc
import os
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import psutil
import pytest
from distributed import Client, LocalCluster

from sdprofile.cluster import own, prepare, workers
from sdprofile.cluster.own import close_cluster, start_cluster
from sdprofile.cluster.session import reshape

TESTS = Path(__file__).parent

# An example takes as long as the machine is busy.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def wait_until(holds: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Poll until something holds; fail when the time is over."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {holds}"
        time.sleep(0.01)


def end(process: subprocess.Popen[bytes], *, seconds: float = 10.0) -> None:
    """Terminate a process; kill one that goes on, as dask's own programs do now and then."""
    process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def needs_workers(path: Path) -> bool:
    """Whether the tests of a file or folder run on real workers or in a real kernel."""
    below = path.relative_to(TESTS).parts if path.is_relative_to(TESTS) else ()
    return bool(below) and below[0].startswith(("cluster", "measure", "notebook", "test_sweep"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files of which `-m` takes no test, for it takes seconds to import them."""
    expression = config.getoption("markexpr")
    if expression == "not cluster":
        return needs_workers(collection_path) or None
    if expression in ("quiet", "cluster and not quiet") and collection_path.is_file():
        return not needs_workers(collection_path) or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on real workers or in a real kernel, and put the tests in order.

    What waits for workers comes first, what only computes fills the time that is left to other
    processes, and what measures, which runs alone, comes last.
    """
    for item in items:
        if needs_workers(item.path):
            item.add_marker("cluster")
    items.sort(key=lambda item: ("quiet" in item.keywords, "cluster" not in item.keywords))


def pytest_collection_finish() -> None:
    """Keep what is imported by now from being looked through for garbage around every run.

    That takes 0.1 s each time with all that the tests import, a quarter of a run of nothing.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outside of the time limit of a test
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run what measures while no other process of this run, nor of one beside it, runs a test."""
    with turn(alone="quiet" in item.keywords):
        return (yield)


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait until no test of another process is on that runs alone, or none at all if this does."""
    gate, room = (os.open(path, os.O_RDONLY) for path in (__file__, TESTS))
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)  # who waits for all others keeps new ones from starting
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield
    finally:
        os.close(gate)
        os.close(room)


@pytest.fixture(autouse=True, scope="session")
def one_fork_server() -> Iterator[None]:
    """Keep the fork server between clusters: it takes seconds to make its imports.

    That closing the cluster stops it is tested in a kernel, see tests/notebook/test_kernel.py.
    """
    stop = own.stop_forkserver
    own.stop_forkserver = lambda: None
    yield
    own.stop_forkserver = stop
    stop()
    wait_until(lambda: not child_processes())


def child_processes() -> list[psutil.Process]:
    """Return this process's children, but for those that are to stay until the tests are over.

    These are the fork server and the tracker that multiprocessing keeps to the end.
    """
    children = []
    for child in psutil.Process().children(recursive=True):
        try:
            tracker = "resource_tracker" in " ".join(child.cmdline())
        except psutil.NoSuchProcess:
            continue
        if not tracker and child.pid != workers._ours.pid:
            children.append(child)
    return children


def open_clients() -> list[Client]:
    """Return the dask clients of this process that are not closed."""
    return [client for client in list(Client._instances) if client.status != "closed"]


@pytest.fixture(autouse=True, scope="module")
def nothing_left_running() -> Iterator[None]:
    """No worker, client or process outlives the tests of a file."""
    yield
    wait_until(lambda: not child_processes())
    assert not open_clients()


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A cluster that sdprofile started: one worker of 1 GB with one thread."""
    yield start_cluster(workers=1, threads=1, memory_limit=1_000_000_000)
    close_cluster()


@pytest.fixture(scope="module")
def few_imports() -> Iterator[None]:
    """Workers that are not forked make no imports before they are needed, which takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare, "imported_here", tuple)
        yield


@pytest.fixture(scope="module")
def users_cluster() -> Iterator[LocalCluster]:
    """A cluster that the user started: two workers of 700 MB with one thread each.

    All its workers are forked, which saves seconds for each. That those which a profile starts on a
    user's cluster are spawned as dask does it is tested in a kernel, see tests/notebook.
    """
    with workers.fast_start():
        cluster = LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            memory_limit="700MB",
            dashboard_address="127.0.0.1:0",
        )
    with cluster:
        yield cluster


@pytest.fixture
def user_client(users_cluster: LocalCluster) -> Iterator[Client]:
    """The user's client of that cluster, which is as it was, whatever the test before has left."""
    with Client(users_cluster) as client, workers.fast_start():
        reshape(client, workers=2, threads=1, memory_limit=700_000_000)
        yield client
