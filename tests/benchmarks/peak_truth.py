"""The worker's peak against the truth, with payloads of known size: within 2 % in every trial."""

from __future__ import annotations

import argparse
import random
import time

import distributed
import numpy as np

import sdprofile

BOUND = 0.02


def hold(nbytes: int, seconds: float) -> int:
    """Hold a payload for a moment; return what is resident meanwhile, counted page by page."""
    payload = np.ones(nbytes, dtype="u1")
    with open("/proc/self/smaps_rollup") as rollup:
        resident = next(int(line.split()[1]) for line in rollup if line.startswith("Rss:"))
    time.sleep(seconds)
    assert payload[-1] == 1
    return resident * 1024


def main() -> None:
    """Measure the trials in one profile, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=30)
    options = parser.parse_args()
    chosen = random.Random(4)
    payloads = [
        (chosen.randrange(100_000_000, 1_000_000_000), chosen.uniform(0.05, 0.4))
        for _ in range(options.trials)
    ]
    left = iter(payloads)
    truths: list[int] = []

    def work() -> None:
        client = distributed.get_client()
        truths.append(client.submit(hold, *next(left), pure=False).result())

    profile = sdprofile.profile(work, workers=(1,), memory="2GB", repeats=options.trials)
    memory = profile.memory().query("measure == 'process'")
    seen = memory.groupby(["repeat", "source"])["bytes"].max().unstack()
    errors = []
    print("  payload   held    truth   worker peak   20 ms sampler   MemorySampler")
    for run, (nbytes, seconds), truth in zip(profile.runs, payloads, truths, strict=True):
        peak = run.peak_worker or 0
        errors.append(abs(peak / truth - 1))
        sampler, dask = (int(seen.loc[run.repeat, source]) for source in ("sampler", "dask"))
        print(
            f"{nbytes / 1e6:6.0f} MB {seconds * 1e3:3.0f} ms {truth / 1e6:5.0f} MB"
            f"   {peak / truth:10.2%}   {sampler / truth:12.1%}   {dask / truth:12.1%}"
        )
    print(f"largest error of the worker peak {max(errors):.2%} (bound {BOUND:.0%})")


if __name__ == "__main__":
    main()
