"""200 profiles in one kernel, a fault in every fourth: no lost run, nothing left, no growth.

Before them each fault is made once, so that the kernel has imported and cached what it will.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import queue
import time
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
from distributed import get_client

def on_a_worker(function, *args):
    return get_client().submit(function, *args, pure=False).result()

def too_much():
    payload = b"x" * (900 << 20)
    time.sleep(5)
"""

CELL = "da.random.random((2000, 2000), chunks=500).mean().compute()"

FAULTS = {
    "killed for memory": ("on_a_worker(too_much)", ["killed"] * 2),
    "a worker exits": ("on_a_worker(os._exit, 3)", ["killed"] * 2),
    "kill -9": ("os.kill(on_a_worker(os.getpid), 9); on_a_worker(time.sleep, 60)", ["killed"] * 2),
    "an error of the cell": ("on_a_worker(int, 'x')", ["failed"]),
    "interrupted": ("on_a_worker(time.sleep, 60)", ["interrupted"]),
    "out of time": ("while True: pass", ["stuck"] * 2),
    "workers restarted": ("get_client().restart()", ["killed"] * 2),
    "cannot be pickled": ("on_a_worker(threading.Lock)", ["failed"]),
    "SystemExit": ("raise SystemExit", ["failed"]),
    "dask.config": (f"dask.config.set(scheduler='sync'); {CELL}", ["ok"] * 2),
    "much output": (f"print('x' * 20_000_000); {CELL}", ["ok"] * 2),
    "client closed": ("get_client().close()", None),
    "syntax": ("x = = 1", None),
}
"""What the cell does, and the statuses of its runs; None where no run was through."""

LINE = "%%sdprofile --workers 1,2 --memory 600MB -r 1 --out kept"

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
    session.run(f"{LINE}\n{CELL}")
    session.run("%sdcluster --close\nprint('x' * 1_000_000)")  # pyzmq's thread for large messages
    _, _, files, threads, children = session.look()
    faults = itertools.cycle(FAULTS.items())
    lost = 0
    warm = rss = 0
    start = time.monotonic()
    for number in range(1 - len(FAULTS), profiles + 1):
        faulty = number < 1 or number % 4 == 0
        name, (code, expected) = next(faults) if faulty else ("", (CELL, ["ok"] * 2))
        limit = " --timeout 2" if name == "out of time" else ""
        session.run("kept = None")
        session.run(f"{LINE}{limit}\n{code}", interrupt=name == "interrupted")
        found, rss, *_ = session.look()
        if found != expected:
            lost += 1
            print(f"profile {number} ({name or 'no fault'}): expected {expected}, got {found}")
        if number == 0:
            warm = rss
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
