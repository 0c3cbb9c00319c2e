"""A cell of 100,000 tasks under the magic over the same by hand: at most 1.05; file below 5 MB."""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from pathlib import Path

from distributed import Scheduler
from IPython.core.interactiveshell import InteractiveShell
from pairs import median_ratio, timed

BOUND = 1.05
LARGEST = 5_000_000

CELL = "da.ones({tasks} * 3 // 4, chunks=1).sum().compute()"
"""Three tasks of four make a block each, one of four adds four of them up."""


def known_tasks(dask_scheduler: Scheduler) -> int:
    """Return how many tasks the scheduler still knows."""
    return len(dask_scheduler.tasks)


def main() -> None:
    """Measure pairs, the order changing from pair to pair, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "sdprofile")
    shell.ex("import dask.array as da")
    client = shell.run_line_magic("sdcluster", f"--workers {options.workers} --memory 3GB")
    source = CELL.format(tasks=options.tasks)
    path = Path(tempfile.mkdtemp()) / "large.json"

    def by_hand(source: str = source) -> float:
        gc.collect()
        # Else what the scheduler does to forget the tasks of the run before counts with this one.
        while client.run_on_scheduler(known_tasks):
            time.sleep(0.05)
        return timed(source, shell.user_ns)

    def by_magic(source: str = source) -> float:
        line = f"--workers {options.workers} -r 1 --quiet --out found"
        shell.run_cell_magic("sdprofile", line, f"{source};\n")
        return float(shell.user_ns["found"].runs[0].seconds)

    warm = CELL.format(tasks=options.tasks // 20)
    by_hand(warm)  # both start with warm workers
    by_magic(warm)
    ratio = median_ratio(by_hand, by_magic, pairs=options.pairs)
    found = shell.user_ns["found"]
    found.save(path)
    client.close()
    shell.run_line_magic("sdcluster", "--close")
    print(f"{found.runs[0].work.tasks} tasks, file {path.stat().st_size} bytes (bound {LARGEST})")
    print(f"median ratio {ratio:.3f} (bound {BOUND})")


if __name__ == "__main__":
    main()
