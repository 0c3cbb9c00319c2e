"""200 profiles in one kernel, each fourth of its own kind: no lost run, nothing left, no growth.

Before them each of these kinds (faults, sessions without a cluster, with await, with clients of
other kinds) is made once, so that the kernel has imported and cached what it will.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import queue
import time
from dataclasses import dataclass
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

BOUND = 50
"""MB by which the kernel may grow."""

PRESSED = 5.0
"""Seconds after which a cell is interrupted that is to be."""

SETUP = """
%load_ext sdprofile
import os, threading, time
import dask, dask.array as da, psutil
from distributed import Client, LocalCluster, get_client

def on_a_worker(function, *args):
    return get_client().submit(function, *args, pure=False).result()

def too_much():
    payload = b"x" * (900 << 20)
    time.sleep(5)
"""

CELL = "da.random.random((2000, 2000), chunks=500).mean().compute()"

ON_2, ALONE_TOO = "--workers 1,2", "--workers 0,1"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A cell that is not the usual one."""

    code: str
    """What it does."""

    found: tuple[str, ...] | None
    """The statuses of its runs; None where no run was through."""

    options: str = ON_2
    """Counts, and what else is asked."""

    before: str = ""
    """A cell that is run before it, not profiled."""

    after: str = ""
    """A cell that is run after it."""


OWN = "n_workers=1, threads_per_worker=1, memory_limit='600MB', dashboard_address=None"
CASES = {
    "killed for memory": Case(code="on_a_worker(too_much)", found=("killed",) * 2),
    "a worker exits": Case(code="on_a_worker(os._exit, 3)", found=("killed",) * 2),
    "kill -9": Case(
        code="os.kill(on_a_worker(os.getpid), 9); on_a_worker(time.sleep, 60)",
        found=("killed",) * 2,
    ),
    "an error of the cell": Case(code="on_a_worker(int, 'x')", found=("failed",)),
    "interrupted": Case(code="on_a_worker(time.sleep, 60)", found=("interrupted",)),
    "out of time": Case(
        code="while True: pass", found=("stuck",) * 2, options=f"{ON_2} --timeout 2"
    ),
    "workers restarted": Case(code="get_client().restart()", found=("killed",) * 2),
    "cannot be pickled": Case(code="on_a_worker(threading.Lock)", found=("failed",)),
    "SystemExit": Case(code="raise SystemExit", found=("failed",)),
    "dask.config": Case(code=f"dask.config.set(scheduler='sync'); {CELL}", found=("ok",) * 2),
    "much output": Case(code=f"print('x' * 20_000_000); {CELL}", found=("ok",) * 2),
    "client closed": Case(code="get_client().close()", found=None),
    "syntax": Case(code="x = = 1", found=None),
    "without a cluster": Case(code=CELL, found=("ok",) * 2, options=ALONE_TOO),
    "without the client it needs": Case(
        code="on_a_worker(abs, -1)", found=("failed", "ok"), options=ALONE_TOO
    ),
    "without the memory it needs": Case(
        code="da.random.random(10**13, chunks=10**13).sum().compute()",
        found=("failed",),
        options="--workers 0",
    ),
    "without a cluster, out of time": Case(
        code="time.sleep(60)", found=("stuck",), options="--workers 0 --timeout 2"
    ),
    "in processes": Case(
        code=CELL, found=("ok",) * 2, options=f"{ALONE_TOO} --scheduler processes"
    ),
    "in processes, out of time": Case(
        code="dask.delayed(time.sleep)(60).compute()",
        found=("stuck",),
        options="--workers 0 --scheduler processes --timeout 3",
    ),
    "awaits": Case(code=f"import asyncio; await asyncio.sleep(0.1); {CELL}", found=("ok",) * 2),
    "an asynchronous client": Case(
        before=f"cluster = await LocalCluster({OWN}, asynchronous=True)\n"
        "client = await Client(cluster, asynchronous=True)",
        code="await client.submit(abs, -1, pure=False)",
        found=("ok",) * 2,
        after="await client.close()\nawait cluster.close()\ndel client, cluster",
    ),
    "a cluster that adapts": Case(
        before=f"client = Client(LocalCluster({OWN}))\nclient.cluster.adapt(minimum=1, maximum=2)",
        code=CELL,
        found=("ok",) * 2,
        after="client.cluster.close()\nclient.close()\ndel client",
    ),
    "workers in the kernel": Case(
        before="client = Client(n_workers=1, processes=False, dashboard_address=None)",
        code=CELL,
        found=None,
        after="client.cluster.close()\nclient.close()\ndel client",
    ),
    "a bag": Case(
        code="import dask.bag as db; db.range(100, npartitions=4).map(abs).sum().compute()",
        found=("ok",) * 2,
    ),
    "a data frame": Case(
        code="import dask\n"
        "dask.datasets.timeseries(end='2000-01-05').groupby('name').x.mean().compute()",
        found=("ok",) * 2,
    ),
    "futures, a lock, a queue, a variable": Case(
        code="from distributed import Lock, Queue, Variable, as_completed\n"
        "found = get_client().map(abs, range(-9, 0), pure=False)\n"
        "list(as_completed(found))\n"
        "with Lock('soak'):\n"
        "    queue, variable = Queue('soak'), Variable('soak')\n"
        "    queue.put(1); queue.get(); variable.set(2); variable.get(); variable.delete()\n"
        "queue.close(); del found",
        found=("ok",) * 2,
    ),
    "an actor": Case(
        code="class Counter:\n"
        "    def count(self):\n"
        "        return 1\n"
        "counter = get_client().submit(Counter, actor=True, pure=False).result()\n"
        "counter.count().result()\n"
        "del counter",
        found=("ok",) * 2,
    ),
    "a figure": Case(
        code=f"import matplotlib.pyplot as plt; plt.plot([{CELL}] * 2); plt.close('all')",
        found=("ok",) * 2,
    ),
    "joblib": Case(
        code="import joblib\n"
        "with joblib.parallel_backend('dask'):\n"
        "    joblib.Parallel()(joblib.delayed(abs)(each) for each in range(20))",
        found=("ok",) * 2,
        options=f"{ON_2} --threads 2",
    ),
}

LINE = "%%sdprofile --memory 600MB -r 1 --out kept"

LOOK = """(
    [run.status for run in kept.runs] if kept else None,
    psutil.Process().memory_info().rss,
    psutil.Process().num_fds(),
    sorted(t.name for t in threading.enumerate()),
    [p.pid for p in psutil.Process().children(True) if "resource_tracker" not in str(p.cmdline())],
)"""


class Session:
    """A kernel that runs cells."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self._manager = manager
        self._client = client
        self.error = ""

    def run(self, code: str, *, interrupt: bool = False) -> None:
        """Run a cell to its end; what it shows is taken and dropped, as a notebook takes it."""
        message = self._client.execute(code)
        pressed = time.monotonic() + PRESSED
        while True:
            if interrupt and time.monotonic() > pressed:
                self._manager.interrupt_kernel()
                interrupt = False
            try:
                found = self._client.get_iopub_msg(timeout=0.5)
            except queue.Empty:
                continue
            ours = found["parent_header"].get("msg_id") == message
            if ours and found["msg_type"] == "error":
                self.error = f"{found['content']['ename']}: {found['content']['evalue']}"
            if ours and found["content"].get("execution_state") == "idle":
                return

    def look(self) -> tuple[list[str] | None, int, int, list[str], list[int]]:
        """Return the statuses of the last profile, and what the kernel holds."""
        # As each run does before it starts.
        self.run("from sdprofile.cluster.garbage import free_memory; free_memory()")
        message = self._client.execute("", user_expressions={"found": LOOK}, silent=True)
        while True:
            reply: dict[str, Any] = self._client.get_shell_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == message:
                text = reply["content"]["user_expressions"]["found"]["data"]["text/plain"]
                found: tuple[list[str] | None, int, int, list[str], list[int]]
                found = ast.literal_eval(text)
                return found


def main() -> None:
    """Make the profiles, print a line for each tenth, and what is left at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=200)
    profiles = parser.parse_args().profiles
    manager, client = start_new_kernel(kernel_name="python3")
    session = Session(manager, client)
    session.run(SETUP)
    session.run("kept = None")
    session.run(f"{LINE} {ON_2}\n{CELL}")
    session.run("print('x' * 1_000_000)")  # pyzmq's thread for large messages
    usual = Case(code=CELL, found=("ok",) * 2)
    cases = itertools.cycle(CASES.items())
    lost = 0
    warm = rss = files = 0
    threads: list[str] = []
    children: list[int] = []
    start = time.monotonic()
    for number in range(1 - len(CASES), profiles + 1):
        name, case = next(cases) if number < 1 or number % 4 == 0 else ("", usual)
        session.run(f"kept = None\n{case.before}")
        session.run(f"{LINE} {case.options}\n{case.code}", interrupt=name == "interrupted")
        found, rss, *_ = session.look()
        session.run(case.after)
        if found != (None if case.found is None else list(case.found)):
            lost += 1
            print(f"profile {number} ({name or 'usual'}): expected {case.found}, got {found}")
            print(f"the last error: {session.error}")
        if number == 0:
            # Of clusters that the cells start themselves dask leaves the threads of its loop.
            session.run("%sdcluster --close")
            _, warm, files, threads, children = session.look()
        if number % 10 == 0:
            seconds = time.monotonic() - start
            print(f"{number:4} profiles, {seconds:5.0f} s, {rss / 1e6:.0f} MB", flush=True)
    session.run("%sdcluster --close")
    _, _, files_after, threads_after, children_after = session.look()
    print(f"{lost} of {profiles} profiles with other runs than expected")
    print(f"kernel: {(rss - warm) / 1e6:+.0f} MB (bound {BOUND})")
    print(f"processes: {len(children)} before, {len(children_after)} after")
    print(f"threads: {threads} before, {threads_after} after")
    print(f"file handles: {files} before, {files_after} after")
    client.stop_channels()
    manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
