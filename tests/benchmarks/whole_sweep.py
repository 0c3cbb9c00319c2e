"""The whole profile over the same procedure by hand, each in a process of its own: 0.8 is the aim.

By hand: a spawned LocalCluster; at 1, 2 and 4 workers scale, wait_for_workers, three timed runs,
and one more under a MemorySampler.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from pairs import timed
from seed import IMPORTS, cell

AIM = 0.8


def by_hand(source: str) -> float:
    """Return the seconds that the procedure takes by hand."""
    from distributed import Client, LocalCluster
    from distributed.diagnostics import MemorySampler

    names: dict[str, object] = {"__name__": "__main__"}
    exec(IMPORTS, names)
    start = time.perf_counter()
    cluster = LocalCluster(
        n_workers=1, threads_per_worker=1, memory_limit="3GB", dashboard_address="127.0.0.1:0"
    )
    client = Client(cluster)
    sampler = MemorySampler()
    for workers in (1, 2, 4):
        cluster.scale(workers)
        client.wait_for_workers(workers)
        for _ in range(3):
            timed(source, names)
        with sampler.sample(str(workers)):
            timed(source, names)
    seconds = time.perf_counter() - start
    client.close()
    cluster.close()
    return seconds


def by_magic(source: str) -> float:
    """Return the seconds that ``%%sdprofile --workers 1,2,4 -r 3`` takes."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "sdprofile")
    shell.ex(IMPORTS)
    start = time.perf_counter()
    line = "--workers 1,2,4 --memory 3GB -r 3 --quiet --out found"
    shell.run_cell_magic("sdprofile", line, source.strip() + ";\n")
    seconds = time.perf_counter() - start
    assert len(shell.user_ns["found"].runs) == 9
    shell.run_line_magic("sdcluster", "--close")
    return seconds


def main() -> None:
    """Measure pairs and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--size", type=int, default=4000)
    parser.add_argument("--one", choices=["by_hand", "by_magic"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(globals()[options.one](cell(options.size)))
        return

    def one(name: str) -> float:
        command = [sys.executable, __file__, "--size", str(options.size), "--one", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(done.stdout.split()[-1])

    ratios = []
    for pair in range(options.pairs):
        order = ("by_hand", "by_magic") if pair % 2 == 0 else ("by_magic", "by_hand")
        seconds = {name: one(name) for name in order}
        ratios.append(seconds["by_magic"] / seconds["by_hand"])
        print(
            f"pair {pair + 1}: by hand {seconds['by_hand']:.1f} s,"
            f" magic {seconds['by_magic']:.1f} s, {ratios[-1]:.2f}"
        )
    print(f"median ratio {statistics.median(ratios):.2f} (aim {AIM})")


if __name__ == "__main__":
    main()
