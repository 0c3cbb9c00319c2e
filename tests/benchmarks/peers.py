"""The ways to time a cell and learn its memory, side by side: as a Markdown table.

Each way answers the same question in a process of its own: how long the cell takes on 1 and on 2
workers, three runs each, and the most that a worker has of memory. The truth is what the tasks
themselves see while they hold a payload. Needs dask-memusage and memray beside sdprofile.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pairs import timed

COUNTS, RUNS, LIMIT = (1, 2), 3, "2GB"

HOLD = """
import time
import numpy as np
import dask.array as da
from dask import compute, delayed

def hold(seconds):
    payload = np.ones(400_000_000, dtype="u1")
    with open("/proc/self/smaps_rollup") as rollup:
        resident = next(int(line.split()[1]) for line in rollup if line.startswith("Rss:"))
    time.sleep(seconds)
    return resident * 1024 if payload[-1] == 1 else 0
"""
CELLS = {
    "8 tasks that hold 400 MB for 0.5 s": "max(compute(*[delayed(hold)(0.5)] * 1 + "
    "[delayed(hold)(0.5 + each / 1e6) for each in range(7)]))",
    "8 tasks that hold 400 MB for 20 ms": "max(compute(*[delayed(hold)(0.02 + each / 1e6)"
    " for each in range(8)]))",
    "an array of 16 blocks of 8 MB": "da.random.random((4000, 4000), chunks=1000).std().compute()",
}
TOLD = {
    "by hand": "times",
    "MemorySampler": "times; memory of all workers together over time",
    "timeit and performance_report": "times; a page with the tasks, what the threads did",
    "dask-memusage": "times; the most that each task had, from samples every 10 ms and more",
    "memray": "times; what was allocated on a worker, by line",
    "sdprofile": "count and limit to use, what holds the cell back and how to change it",
}


@contextlib.contextmanager
def cluster() -> Iterator[Any]:
    """Start what everybody starts by hand."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, memory_limit=LIMIT, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def each_count(client: Any, run: Callable[[int], object]) -> None:
    """Do something at each count, once so many workers are there."""
    for workers in COUNTS:
        client.cluster.scale(workers)
        client.wait_for_workers(workers)
        while len(client.scheduler_info(n_workers=-1)["workers"]) != workers:
            time.sleep(0.01)
        run(workers)


def by_hand(code: str, names: dict[str, Any]) -> int | None:
    """Time it."""
    with cluster() as client:
        each_count(client, lambda _: [timed(code, names) for _ in range(RUNS)])
    return None


def memory_sampler(code: str, names: dict[str, Any]) -> int | None:
    """Time it, and sample what all workers have together."""
    from distributed.diagnostics import MemorySampler

    sampler = MemorySampler()
    with cluster() as client:

        def run(workers: int) -> None:
            with sampler.sample(str(workers)):
                for _ in range(RUNS):
                    timed(code, names)

        each_count(client, run)
        return int(sampler.to_pandas()["1"].max())


def performance(code: str, names: dict[str, Any]) -> int | None:
    """Time it, and have dask write its report."""
    from distributed import performance_report

    folder = Path(tempfile.mkdtemp())
    with cluster() as client:

        def run(workers: int) -> None:
            for _ in range(RUNS):
                timed(code, names)
            with performance_report(filename=str(folder / f"{workers}.html")):
                timed(code, names)

        each_count(client, run)
    return None


def memusage(code: str, names: dict[str, Any]) -> int | None:
    """Time it with the plugin that samples the workers between two tasks."""
    from dask_memusage import install

    path = Path(tempfile.mkdtemp(), "memusage.csv")
    with cluster() as client:
        install(client.cluster.scheduler, str(path))
        each_count(client, lambda _: [timed(code, names) for _ in range(RUNS)])
    rows = [line.rsplit(",", 1) for line in path.read_text().splitlines()[1:]]
    return int(max(float(most) for _, most in rows) * 2**20)


def start_memray(folder: str, dask_worker: Any) -> None:
    """Trace all that this worker allocates."""
    import os

    import memray

    dask_worker.tracker = memray.Tracker(f"{folder}/{os.getpid()}-{time.time_ns()}.bin")
    dask_worker.tracker.__enter__()


def stop_memray(dask_worker: Any) -> None:
    """End it."""
    dask_worker.tracker.__exit__(None, None, None)


def by_memray(code: str, names: dict[str, Any]) -> int | None:
    """Time it, and once more with all allocations of the workers traced."""
    import memray

    folder = tempfile.mkdtemp()
    with cluster() as client:

        def run(_: int) -> None:
            for _ in range(RUNS):
                timed(code, names)
            client.run(start_memray, folder)
            timed(code, names)
            client.run(stop_memray)

        each_count(client, run)
    files = Path(folder).glob("*.bin")
    return max(memray.FileReader(each).metadata.peak_memory for each in files)


def by_sdprofile(code: str, names: dict[str, Any]) -> int | None:
    """Profile it."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.user_ns.update(names)
    shell.run_line_magic("load_ext", "sdprofile")
    counts = ",".join(map(str, COUNTS))
    line = f"--workers {counts} --memory {LIMIT} -r {RUNS} --out found"
    shell.run_cell_magic("sdprofile", line, code)
    found = shell.user_ns["found"]
    shell.run_line_magic("sdcluster", "--close")
    return int(found.counts[0].peak_worker)


WAYS: dict[str, Callable[[str, dict[str, Any]], int | None]] = {
    "by hand": by_hand,
    "MemorySampler": memory_sampler,
    "timeit and performance_report": performance,
    "dask-memusage": memusage,
    "memray": by_memray,
    "sdprofile": by_sdprofile,
}


def measure(way: str, cell: str) -> None:
    """Print the seconds that a way takes, the peak that it tells, and what the tasks saw."""
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(HOLD, names)
    code = f"seen = {CELLS[cell]}\nseen"
    if way != "sdprofile":
        names["seen"] = 0
    start = time.perf_counter()
    peak = WAYS[way](code, names)
    seconds = time.perf_counter() - start
    if way == "sdprofile":
        from IPython.core.interactiveshell import InteractiveShell

        names = InteractiveShell.instance().user_ns
    print(json.dumps([seconds, peak, int(names["seen"])]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(*options.one)
        return
    print("| cell | way | time to the answer | peak of a worker / truth | it tells |")
    print("|---|---|---|---|---|")
    for cell in CELLS:
        for way, told in TOLD.items():
            command = [sys.executable, __file__, "--one", way, cell]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds, peak, truth = json.loads(done.stdout.splitlines()[-1])
            known = "–" if peak is None else f"{peak / truth:.0%}" if truth > 1e6 else "?"
            known = f"{peak / 1e6:.0f} MB" if known == "?" else known
            print(f"| {cell} | {way} | {seconds:.1f} s | {known} | {told} |", flush=True)


if __name__ == "__main__":
    main()
