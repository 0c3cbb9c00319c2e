"""A cell is not faster or slower than itself, and 20 % slower is "slower": in 19 of 20 trials.

How many of the first come out "the same", and not only "not measurably faster", is up to the noise.
With ``--default``, the sweep takes as many repeats as it needs, and what is compared is one worker
against two: of a chain, which takes the same, and of a cell that is 20 % faster with two.
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
from sdprofile.explain.verdict import (
    FASTER,
    NOT_FASTER,
    NOT_SLOWER,
    SAME,
    SLOWER,
    Verdict,
    compare,
)
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


def by_default(task: Callable[[float], None], seconds: float, parallel: int) -> Verdict:
    """Return the verdict on two workers against one, of a chain and tasks beside each other.

    Parameters
    ----------
    task
        Takes so many seconds.
    seconds
        Of each of ten tasks.
    parallel
        How many of these have no predecessor; the others are a chain.
    """

    def work() -> None:
        client = distributed.get_client()
        before = None
        for _ in range(10 - parallel):
            before = client.submit(lambda _: task(seconds), before, pure=False)
        client.gather([before, *client.map(task, [seconds] * parallel, pure=False)])

    one, two = sdprofile.profile(work, workers=(1, 2)).counts
    assert one.timing is not None
    assert two.timing is not None
    print(f"  {len(one.timing.seconds)} and {len(two.timing.seconds)} repeats", end=", ")
    return compare(one.timing, two.timing)


def default_main(task: Callable[[float], None], seconds: float, trials: int) -> None:
    """Profile a chain, and a cell that two workers do in 1/1.2 of the time, and count."""
    start_cluster(workers=1, threads=1, memory_limit=1_000_000_000)
    found: dict[str, Counter[str]] = {"A/A": Counter(), "faster": Counter()}
    by_default(task, seconds, 0)  # the first one starts with cold workers
    for trial in range(trials):
        # Ten tasks' time on one worker, and a chain of eight's on two: 1.25 with overhead in both.
        for name, parallel in (("A/A", 0), ("faster", 2)):
            verdict = by_default(task, seconds, parallel)
            found[name][verdict.word] += 1
            print(f"trial {trial + 1:2} {name:6}: {verdict.words}, {verdict.ratio:.3f}")
    close_cluster()
    wrong = found["A/A"][FASTER] + found["A/A"][SLOWER]
    print(
        f"A/A: no difference said in {trials - wrong} of {trials}, {SAME!r} in {found['A/A'][SAME]}"
    )
    print(f"faster: {FASTER!r} in {found['faster'][FASTER]} of {trials}")


def main() -> None:
    """Profile three times in each trial (the cell, the cell, the slower cell) and count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.02, help="of each of the ten tasks")
    parser.add_argument("--compute", action="store_true", help="tasks that compute, not wait")
    parser.add_argument("--default", action="store_true", help="as many repeats as are needed")
    options = parser.parse_args()
    task = compute if options.compute else wait
    if options.default:
        default_main(task, options.seconds, options.trials)
        return
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
