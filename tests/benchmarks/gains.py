"""The gain that was said of a change over the gain that it has: 12 cells with one defect each.

And 10 cells without, of which nothing is to be named. A gain is right if it lies within the range
that was said, or 15 % of it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from IPython.core.interactiveshell import InteractiveShell

SETUP = """
import time
import dask, dask.array as da, dask.bag as db, dask.dataframe as dd
import distributed, numpy as np, pandas as pd
from dask import delayed

def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

def batch(function, inputs):
    return [function(each) for each in inputs]

def roots(block):
    for _ in range(20):
        block = np.sqrt(block * block + 1)
    return block

def part(number):
    values = np.random.default_rng(number).random(1_500_000)
    return pd.DataFrame({"key": (values * 100).astype(int), "value": values})

def spun(number):
    spin(0.15)
    return number

frame = pd.DataFrame({"a": range(100_000), "b": 1})
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A cell with a defect, and without."""

    cause: str
    """What is to be named; empty for a cell without a defect."""

    cell: str
    """The cell."""

    changed: str = ""
    """The cell as the report says to write it; the same by default."""

    workers: int = 2
    """Worker count."""

    options: str = ""
    """Options of the first profile."""

    changed_options: str = ""
    """Options of the second."""


CASES = {
    "array in small chunks": Case(
        cause="small tasks",
        cell="da.ones((4000, 4000), chunks=(100, 100)).map_blocks(roots).sum().compute()",
        changed="da.ones((4000, 4000), chunks=(1400, 1400)).map_blocks(roots).sum().compute()",
    ),
    "small delayed calls": Case(
        cause="small tasks",
        cell="sum(dask.compute(*[delayed(abs)(i) for i in range(1500)]))",
        changed="sum(map(sum, dask.compute(*[delayed(batch)(abs, range(i, i + 187))"
        " for i in range(0, 1500, 187)])))",
    ),
    "bag of many partitions": Case(
        cause="small tasks",
        cell="db.from_sequence(range(2000), npartitions=800).map(abs).sum().compute()",
        changed="db.from_sequence(range(2000), npartitions=4).map(abs).sum().compute()",
    ),
    "frame of many partitions": Case(
        cause="small tasks",
        cell="dd.from_pandas(frame, npartitions=500).assign(c=1).a.sum().compute()",
        changed="dd.from_pandas(frame, npartitions=4).assign(c=1).a.sum().compute()",
    ),
    "one chunk": Case(
        cause="few tasks",
        cell="da.ones((4000, 4000), chunks=4000).map_blocks(roots).sum().compute()",
        changed="da.ones((4000, 4000), chunks=1400).map_blocks(roots).sum().compute()",
    ),
    "a straggler": Case(
        cause="straggler",
        cell="dask.compute(*[delayed(spin)(0.1) for _ in range(9)], delayed(spin)(1.5));",
        changed="dask.compute(*[delayed(spin)(0.1) for _ in range(24)]);",
    ),
    "a chain": Case(
        cause="chain",
        cell="x = delayed(spin)(0.1)\nfor _ in range(15):\n"
        "    x = delayed(lambda before: spin(0.1))(x)\nx.compute()",
        changed="dask.compute(*[delayed(spin)(0.1) for _ in range(16)]);",
    ),
    "the GIL": Case(
        cause="GIL",
        cell="dask.compute(*[delayed(spin)(0.1) for _ in range(20)]);",
        workers=1,
        options="--workers 1 --threads 2",
        changed_options="--workers 2 --threads 1",
    ),
    "sleep": Case(
        cause="waiting",
        cell="dask.compute(*[delayed(time.sleep)(0.1) for _ in range(32)]);",
        options="--workers 2 --threads 1",
        changed_options="--workers 2 --threads 4",
    ),
    "the kernel": Case(
        cause="kernel's own work",
        cell="spin(1.5)\ndask.compute(*[delayed(spin)(0.1) for _ in range(8)]);",
        changed="dask.compute(*[delayed(spin)(0.1) for _ in range(23)]);",
    ),
    "many graphs": Case(
        cause="sending the graph",
        cell="[da.ones((400, 400), chunks=200).sum().compute() for _ in range(60)];",
        changed="dask.compute(*[da.ones((400, 400), chunks=200).sum() for _ in range(60)]);",
    ),
    "a large result": Case(
        cause="bringing the result",
        cell="da.ones((7000, 7000), chunks=1000).compute();",
        changed="da.ones((7000, 7000), chunks=1000).sum().compute();",
    ),
    "an even array": Case(
        cause="",
        cell="da.random.random((6000, 6000), chunks=1500).map_blocks(roots).mean().compute()",
    ),
    "even calls": Case(cause="", cell="dask.compute(*[delayed(spin)(0.15) for _ in range(24)]);"),
    "an array with borders": Case(
        cause="",
        cell="x = da.random.random((6000, 6000), chunks=1500)\n"
        "x.map_overlap(roots, depth=8).mean().compute()",
    ),
    "an array that is kept": Case(
        cause="",
        cell="x = da.random.random((6000, 6000), chunks=1500).map_blocks(roots).persist()\n"
        "dask.compute(x.mean(), x.std());",
    ),
    "a grouped frame": Case(
        cause="",
        cell="dd.from_map(part, range(16)).groupby('key').value.mean().compute();",
    ),
    "a bag": Case(
        cause="", cell="db.from_sequence(range(24), npartitions=24).map(spun).sum().compute()"
    ),
    "a tree of calls": Case(
        cause="",
        cell="delayed(sum)([delayed(sum)([delayed(spun)(4 * i + j) for j in range(4)])"
        " for i in range(6)]).compute()",
    ),
    "calls on one worker": Case(
        cause="", cell="dask.compute(*[delayed(spun)(i) for i in range(12)]);", workers=1
    ),
    "futures": Case(
        cause="",
        cell="client = distributed.get_client()\n"
        "client.gather(client.map(spun, range(24), pure=False));",
    ),
    "two threads that release the GIL": Case(
        cause="",
        cell="da.random.random((6000, 6000), chunks=1000).map_blocks(roots).mean().compute()",
        workers=1,
        options="--workers 1 --threads 2",
    ),
}


def main() -> None:
    """Profile each cell before and after its change, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="parts of the names of cells, with commas")
    options = parser.parse_args()
    shell = InteractiveShell.instance()
    shell.ex(SETUP)
    shell.run_line_magic("load_ext", "sdprofile")

    def profile(cell: str, line: str) -> object:
        line = f"{line} -r {options.repeats} --memory 2GB --quiet --out found"
        shell.run_cell_magic("sdprofile", line, cell)
        return shell.user_ns["found"]

    named = right = healthy = 0
    cases = {
        name: case
        for name, case in CASES.items()
        if any(part in name for part in options.only.split(","))
    }
    for name, case in cases.items():
        line = case.options or f"--workers {case.workers}"
        before = profile(case.cell, line)
        first = before.causes[0] if before.causes else None
        found = first.name if first else ""
        named += found == case.cause
        if not case.cause:
            healthy += first is None
            print(f"{name}: named {found or 'nothing'}", flush=True)
            shell.user_ns.pop("x", None)  # held results would be in the way of other threads
            continue
        after = profile(case.changed or case.cell, case.changed_options or line)
        gain = before.counts[0].timing.median / after.counts[0].timing.median
        low, high = first.gain if first and first.gain else (1.0, 1.05)
        inside = 0.85 * low <= gain <= 1.15 * high
        right += inside
        print(
            f"{name}: named {found or 'nothing'}, said {low:.2f} to {high:.2f}, measured {gain:.2f}"
            f" ({'right' if inside else 'wrong'})",
            flush=True,
        )
    shell.run_line_magic("sdcluster", "--close")
    defects = sum(bool(case.cause) for case in cases.values())
    print(f"named {named} of {len(cases)}; gain right for {right} of {defects} (bound: 8 of 10);")
    print(f"nothing said of {healthy} of {len(cases) - defects} healthy cells (bound: all)")


if __name__ == "__main__":
    main()
