"""Time at 4 workers: predicted from 1 and 2 against measured, on 6 workloads.

The median of the errors is to be at most 10 %, none above 25 %.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import dask
import dask.array as da
import numpy as np
import spatialdata as sd

from sdprofile.cluster.own import start_cluster
from sdprofile.cluster.prepare import prepare_workers
from sdprofile.cluster.resize import resize
from sdprofile.interrupts import held_back
from sdprofile.measure.machine import this_machine
from sdprofile.measure.run import run_once
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.plan import Plan
from sdprofile.replay.predictor import Predictor

BOUND, MOST = 0.10, 0.25
LIMIT = 2_000_000_000
KNOWN, ASKED = (1, 2), 4


def image() -> None:
    """Add to an image twice, block by block, as SpatialData users do."""
    data = da.random.default_rng(0).random((3, 8000, 8000), chunks=(1, 1000, 1000))
    parsed = sd.models.Image2DModel.parse(data, dims="cyx")
    once = sd.map_raster(parsed, lambda block: block + 1, blockwise=True)
    sd.map_raster(once, lambda block: block + 2, blockwise=True).mean().compute()


def transpose() -> None:
    """Add a matrix to itself turned over: half of the blocks come from other workers."""
    data = da.random.default_rng(0).random((12_000, 12_000), chunks=(1000, 1000))
    (data + data.T).std().compute()


def python() -> None:
    """Hold the interpreter for 50 ms a task, and add the results up in a tree."""

    @dask.delayed(pure=False)
    def count(_: int) -> int:
        return sum(range(2_000_000))

    parts = [count(index) for index in range(40)]
    while len(parts) > 1:
        parts = [dask.delayed(sum)(parts[at : at + 4]) for at in range(0, len(parts), 4)]
    parts[0].compute()


def waiting() -> None:
    """Wait for a store: each of 60 tasks sleeps, some longer than others."""

    @dask.delayed(pure=False)
    def read(index: int) -> int:
        time.sleep(0.05 + 0.01 * (index % 7))
        return index

    dask.delayed(sum)([read(index) for index in range(60)]).compute()


def tiny() -> None:
    """Keep the scheduler busy with some 2000 tasks that take next to no time."""
    da.ones(1500, chunks=1).sum().compute()


def in_a_row() -> None:
    """Compute one thing after another, and work in the kernel in between."""
    data = da.random.default_rng(0).random((8000, 8000), chunks=(1000, 1000))
    for _ in range(4):
        np.linalg.svd(np.random.default_rng(0).random((300, 300)))
        data.sum().compute()
        time.sleep(0.1)


WORKLOADS: tuple[Callable[[], None], ...] = (image, transpose, python, waiting, tiny, in_a_row)


def main() -> None:
    """Run each workload at all counts by turns, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    client = start_cluster(workers=1, threads=1, memory_limit=LIMIT, secure=False)
    cpus = this_machine().cpus
    errors = []
    for work in WORKLOADS:
        if options.only not in work.__name__:
            continue
        runs: list[Run] = []
        predictor = Predictor(cpus=cpus)
        for repeat in range(options.repeats + 1):
            for count in (*KNOWN, ASKED)[:: 1 if repeat % 2 else -1]:
                setting = Setting(workers=count, threads=1, memory_limit=LIMIT)
                plan = Plan(settings=(setting,), repeats=1)
                resize(client, count)
                prepare_workers(client, in_our_terminal=True)
                # The first round warms up.
                keep = predictor if repeat and count in KNOWN else None
                with held_back():
                    run, error = run_once(
                        work,
                        client,
                        plan,
                        setting=setting,
                        repeat=repeat,
                        predictor=keep,
                    )
                if error is not None:
                    raise error
                if repeat:
                    runs.append(run)
        predictions = predictor.predict((ASKED,), cpus=cpus)
        assert predictions is not None
        for each in (*predictions.measured, *predictions.asked):
            at = [run for run in runs if run.workers == each.workers]
            seconds = statistics.median(run.seconds for run in at)
            peak = max(run.peak_worker or 0 for run in at)
            off = each.seconds / seconds - 1
            print(
                f"{work.__name__:9} {each.workers}: measured {seconds:6.2f} s, predicted"
                f" {each.seconds:6.2f} s, {off:+6.1%}; peak {peak / 1e6:6.0f} MB,"
                f" {(each.peak_worker or 0) / 1e6:6.0f} MB"
            )
            if each.workers == ASKED:
                errors.append(abs(off))
    client.close()
    print(f"median error at {ASKED} workers {statistics.median(errors):.1%} (bound {BOUND:.0%})")
    print(f"largest {max(errors):.1%} (bound {MOST:.0%})")


if __name__ == "__main__":
    main()
