"""What grows with workers, tasks, repeats and time: overhead a run, the kernel's memory, the file.

Prints a Markdown table; nothing may grow faster than what it counts. Each row is a process of its
own. A run of an hour is one of two minutes whose memory is read thirty times as often.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SLEEPING = (
    "import time\nfrom dask import compute, delayed\n"
    "compute(*[delayed(time.sleep)({seconds}) for _ in range({tasks})]);"
)
BLOCKS = "import dask.array as da\nda.ones({tasks} * 3 // 4, chunks=1).sum().compute();"

ROWS = {
    **{
        f"{workers} workers": (
            f"--workers {workers} --memory 300MB -r 2 --oversubscribe",
            SLEEPING.format(seconds=0.2, tasks=64),
        )
        for workers in (1, 4, 16, 64)
    },
    **{
        f"{tasks:,} tasks": ("--workers 2 --memory 2GB -r 1", BLOCKS.format(tasks=tasks))
        for tasks in (2_000, 20_000, 200_000)
    },
    **{
        f"{repeats} repeats": (
            f"--workers 1 --memory 1GB -r {repeats}",
            SLEEPING.format(seconds=0.01, tasks=1),
        )
        for repeats in (20, 200, 2000)
    },
    **{
        f"{seconds} s": ("--workers 2 --memory 1GB -r 1", SLEEPING.format(seconds=seconds, tasks=2))
        for seconds in (4, 40, 120)
    },
    "1 h": ("--workers 2 --memory 1GB -r 1", SLEEPING.format(seconds=120, tasks=2)),
}
OFTEN = {"1 h": 30}
"""How many times as often memory is read."""


def read_more_often(times: int) -> None:
    """Let the process that reads the workers' memory do so more often than every 20 ms."""
    from sdprofile.measure import sampling

    source = Path(sampling.__file__).read_text()
    before = f"INTERVAL = {sampling.INTERVAL}\n"
    assert before in source
    often = Path(tempfile.mkdtemp(), "sampling.py")
    often.write_text(source.replace(before, f"INTERVAL = {sampling.INTERVAL / times}\n"))
    sampling.__file__ = str(often)


def resident() -> float:
    """Return this process's memory in MB, once what nobody holds is given back."""
    import psutil

    gc.collect()
    return psutil.Process().memory_info().rss / 1e6


def measure(name: str) -> None:
    """Make one row."""
    from IPython.core.interactiveshell import InteractiveShell

    line, cell = ROWS[name]
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "sdprofile")
    shell.run_cell_magic(
        "sdprofile", "--workers 1 --memory 1GB -r 1 --quiet", SLEEPING.format(seconds=0.1, tasks=1)
    )
    if name in OFTEN:
        read_more_often(OFTEN[name])
    ends: list[float] = []
    from sdprofile import sweep

    once = sweep.run_once

    def timed(*args: object, **kwargs: object) -> object:
        start = time.perf_counter()
        run, error = once(*args, **kwargs)  # type: ignore[arg-type]
        ends.append(time.perf_counter() - start - run.seconds)
        return run, error

    sweep.run_once = timed  # type: ignore[assignment]
    before = resident()
    start = time.perf_counter()
    shell.run_cell_magic("sdprofile", f"{line} --quiet --out found", cell)
    whole = time.perf_counter() - start
    found = shell.user_ns["found"]
    more = resident() - before
    path = Path(tempfile.mkdtemp(), "found.json")
    found.save(path)
    runs = [run.seconds for run in found.runs]
    assert not found.failures, found.failures
    a_tenth = max(1, len(ends) // 10)
    first, last = statistics.median(ends[:a_tenth]), statistics.median(ends[-a_tenth:])
    start = time.perf_counter()
    told = str(found)
    telling = time.perf_counter() - start
    assert told
    print(
        f"| {name} | {sum(runs) / len(runs):.2f} s | {(whole - sum(runs)) / len(runs):.2f} s"
        f" | {first:.2f} s | {last:.2f} s | {telling:.2f} s | {more:.0f} MB"
        f" | {path.stat().st_size / 1000:.0f} kB |"
    )
    shell.run_line_magic("sdcluster", "--close")


def main() -> None:
    """Make all rows, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", choices=list(ROWS))
    options = parser.parse_args()
    if options.row:
        measure(options.row)
        return
    print(
        "| | a run | sweep beyond it, a run | around the first runs | around the last"
        " | to report | kernel | file |\n|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    for name in ROWS:
        command = [sys.executable, __file__, "--row", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(done.stdout.strip().splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
