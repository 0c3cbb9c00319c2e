"""200,000 tasks predicted for 8, 16 and 64 workers from 1 and 2: within 20 s and 1 GB."""

from __future__ import annotations

import argparse
import math
import random
import resource
import time
from array import array
from dataclasses import replace

from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.model.trace import Group, Trace
from sdprofile.replay.predictor import Predictor

SECONDS, NBYTES = 20.0, 1e9


def make_trace(tasks: int) -> Trace:
    """Return a tree: half of the tasks need nothing, each of the others adds two up."""
    layers = [list(range(tasks // 2))]
    inputs: list[list[int]] = [[] for _ in layers[0]]
    while len(layers[-1]) > 1:
        pairs = [layers[-1][at : at + 2] for at in range(0, len(layers[-1]), 2)]
        layers.append(list(range(len(inputs), len(inputs) + len(pairs))))
        inputs += pairs
    size = len(inputs)
    begun, ended, now = array("d"), array("d"), 0.05
    for _ in inputs:
        begun.append(now)
        now += random.uniform(0.01, 0.05)
        ended.append(now)
        now += 0.001
    first, flat = array("q", [0]), array("i")
    for each in inputs:
        flat.extend(each)
        first.append(len(flat))
    return Trace(
        workers=1,
        threads=1,
        seconds=now + 0.1,
        scheduler_seconds=0.0003 * size,
        arrivals=(0.05,),
        groups=tuple(
            Group(
                prefix=f"layer{place}",
                tasks=len(layer),
                groups_before=min(place, 1),
                tasks_before=len(layers[place - 1]) if place else 0,
            )
            for place, layer in enumerate(layers)
        ),
        group=array("i", (place for place, layer in enumerate(layers) for _ in layer)),
        graph=array("i", [0] * size),
        order=array("i", range(size)),
        begun=begun,
        ended=ended,
        nbytes=array("q", [8_000_000] * size),
        worker=array("i", [0] * size),
        wanted=array("b", [index == size - 1 for index in range(size)]),
        released=array("d", [math.inf] * size),
        first_input=first,
        inputs=flat,
    )


def main() -> None:
    """Predict, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=200_000)
    tasks = parser.parse_args().tasks
    trace = make_trace(tasks)
    predictor = Predictor(cpus=2)
    for workers in (1, 2):
        setting = Setting(workers=workers, threads=1, memory_limit=None)
        seen = replace(trace, workers=workers)
        predictor.add(Run(setting=setting, repeat=1, seconds=trace.seconds, trace=seen))
    start = time.perf_counter()
    found = predictor.predict((8, 16, 64))
    seconds = time.perf_counter() - start
    nbytes = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for each in found.every if found else ():
        print(f"{each.workers:3} workers: {each.seconds:7.1f} s")
    print(f"{len(trace)} tasks, {seconds:.1f} s (bound {SECONDS:.0f})")
    print(f"{nbytes / 1e6:.0f} MB (bound {NBYTES / 1e6:.0f})")


if __name__ == "__main__":
    main()
