"""A cell is not faster or slower than itself, and 20 % slower is "slower": in 19 of 20 trials.

How many of the first come out "the same", and not only "not measurably faster", is up to the noise.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable

import distributed
import numpy as np

import sdprofile
from sdprofile.cluster.own import close_cluster, start_cluster
from sdprofile.explain.verdict import NOT_FASTER, NOT_SLOWER, SAME, SLOWER, compare
from sdprofile.model.timing import Timing

FACTOR = 1.2
REPEATS = 8


def wait(seconds: float) -> None:
    """Take so much time, whatever else the machine does."""
    time.sleep(seconds)


def compute(seconds: float) -> None:
    """Take about so much CPU time: 1 ms for each sum of a million numbers."""
    numbers = np.ones(1_000_000)
    for _ in range(int(seconds * 2000)):
        numbers.sum()


def profiled(task: Callable[[float], None], seconds: float) -> Timing:
    """Return the times of a cell of ten tasks on one worker."""

    def work() -> None:
        client = distributed.get_client()
        client.gather(client.map(task, [seconds] * 10, pure=False))

    profile = sdprofile.profile(work, workers=(1,), repeats=REPEATS)
    return Timing(seconds=tuple(run.seconds for run in profile.runs))


def main() -> None:
    """Profile three times in each trial (the cell, the cell, the slower cell) and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.02, help="of each of the ten tasks")
    parser.add_argument("--compute", action="store_true", help="tasks that compute, not wait")
    options = parser.parse_args()
    task = compute if options.compute else wait
    start_cluster(workers=1, threads=1, memory_limit=1_000_000_000)
    found: dict[str, Counter[str]] = {"A/A": Counter(), "slower": Counter()}
    profiled(task, options.seconds)  # the first one starts with a cold worker
    for trial in range(options.trials):
        first, second = profiled(task, options.seconds), profiled(task, options.seconds)
        slower = profiled(task, FACTOR * options.seconds)
        for name, other in (("A/A", second), ("slower", slower)):
            verdict = compare(first, other)
            found[name][verdict.word] += 1
            print(f"trial {trial + 1:2} {name:6}: {verdict.words}, {1 / verdict.ratio:.3f}")
    close_cluster()
    same, none = found["A/A"][SAME], found["A/A"][NOT_FASTER] + found["A/A"][NOT_SLOWER]
    print(f"A/A: no difference in {same + none} of {options.trials}, {SAME!r} in {same}")
    print(f"slower: {SLOWER!r} in {found['slower'][SLOWER]} of {options.trials}")


if __name__ == "__main__":
    main()
