"""A saved profile of 10,000 tasks on 1, 2 and 4 workers: its size, and how long loading it takes.

Loading is held against what the json module takes for the same file in the same process.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dask.array as da

import sdprofile

SIZE_BOUND, SECONDS_BOUND = 1_000_000, 0.2


def work() -> float:
    """Run some 10,000 tasks."""
    return float(da.ones((4000, 1), chunks=1).map_blocks(abs).rechunk((2, 1)).sum().compute())


def seconds(call: Callable[[], object]) -> float:
    """Return the median wall time of a call."""
    times = []
    for _ in range(9):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Profile, save, load, and print every figure."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "profile.json"
        profile = sdprofile.profile(work, workers=(1, 2, 4), memory="1GB", save=str(path))
        print(
            f"{profile.runs[0].work.tasks} tasks, {sum(run.seconds for run in profile.runs):.0f} s"
        )
        print(f"{path.stat().st_size / 1e6:.3f} MB (bound {SIZE_BOUND / 1e6:g})")
        whole = seconds(lambda: sdprofile.load(path))
        text = seconds(lambda: json.loads(path.read_bytes()))
        print(f"load {whole:.3f} s (bound {SECONDS_BOUND}), json alone {text:.3f} s")
        print(f"ratio {whole / text:.1f}")


if __name__ == "__main__":
    main()
