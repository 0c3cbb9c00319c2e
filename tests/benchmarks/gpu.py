"""What is said of a GPU, against a real one: curves, others, a full one, and 1, 2, 4 workers.

It needs a card with 8 GB free, torch, and ``sdprofile[gpu]``, and takes below five minutes. Each
check is a line that begins with ``ok`` or ``NOT``; it ends with 1 if there is one of the latter.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from itertools import pairwise

import dask.array as da
import distributed
import numpy as np
import pynvml
import torch

import sdprofile
from sdprofile.measure.memory import start_samplers, stop_samplers
from sdprofile.model.failure import NO_GPU_MEMORY
from sdprofile.model.gpu import Card

GIB = 2**30
CLOSE = 64 * 2**20
"""Bytes by which what NVML tells may be off: allocators take whole blocks."""

MEMORY = "8GB"
"""Of each worker: torch and its context take 1 GB of resident memory."""

failed: list[str] = []


def check(name: str, holds: bool, seen: object = "") -> None:
    """Print whether something holds, and what was seen."""
    print(f"{'ok ' if holds else 'NOT'} {name}  {seen}", flush=True)
    if not holds:
        failed.append(name)


def hold(nbytes: int, seconds: float) -> int:
    """Hold memory of the card for a moment; return what torch's allocator had of it."""
    import torch

    payload = torch.empty(nbytes, dtype=torch.uint8, device="cuda")
    torch.cuda.synchronize()
    time.sleep(seconds)
    had = torch.cuda.memory_reserved()
    del payload
    torch.cuda.empty_cache()
    return int(had)


def blur(block: np.ndarray, width: int = 31) -> np.ndarray:
    """Return a block, convolved on the card."""
    import torch

    image = torch.from_numpy(np.ascontiguousarray(block, dtype="f4")).cuda()[:, None]
    kernel = torch.full((1, 1, width, width), 1 / width**2, device="cuda")
    for _ in range(4):
        image = torch.nn.functional.conv2d(image, kernel, padding=width // 2)
    return image[:, 0].cpu().numpy()


def on_each(nbytes: int, seconds: float) -> list[int]:
    """Hold so much on each worker at the same time; return what each had."""
    client = distributed.get_client()
    workers = sorted(client.nthreads())
    tasks = [
        client.submit(hold, nbytes, seconds, workers=[worker], pure=False) for worker in workers
    ]
    return list(client.gather(tasks))


def the_card(profile: sdprofile.Profile, run: int = -1) -> Card:
    """Return the card that a run used."""
    (card,) = profile.runs[run].memory.used_cards
    return card


def nvml() -> None:
    """Print what NVML answers here."""
    pynvml.nvmlInit()
    print(f"driver {pynvml.nvmlSystemGetDriverVersion()}, torch {torch.__version__}")
    for index in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        print(
            f"gpu {index}: {pynvml.nvmlDeviceGetName(handle)},"
            f" {pynvml.nvmlDeviceGetUUID(handle)}, {memory.total / GIB:.1f} GiB,"
            f" {memory.used / GIB:.1f} in use,"
            f" {len(pynvml.nvmlDeviceGetComputeRunningProcesses(handle))} processes"
        )


def samples() -> None:
    """Check that samples come every 20 ms, and print how long the first takes."""
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = time.perf_counter()
    samplers = start_samplers([sleeper.pid])
    first = time.perf_counter() - began
    time.sleep(2)
    _, written = stop_samplers(samplers)
    sleeper.communicate(b"\n")
    times = [json.loads(line)[0] for line in written.splitlines()[1:]]
    steps = [later - earlier for earlier, later in pairwise(times)]
    step = statistics.median(steps) if steps else 0.0
    seen = (
        f"{1e3 * step:.1f} ms, longest {1e3 * max(steps, default=0):.1f}, first after {first:.2f} s"
    )
    check("samples come every 20 ms", 0.019 < step < 0.025, seen)


def no_card() -> None:
    """Check that a cell without the card says nothing of it."""
    profile = sdprofile.profile(lambda: time.sleep(0.1), workers=(1,), memory=MEMORY, repeats=1)
    check("a cell without a GPU has no word of it", "gpu" not in str(profile).lower())


def allocations() -> None:
    """Check what a worker holds against allocations of known size."""
    left = [(2**20, 0.4), *((size * GIB, seconds) for size in (1, 4) for seconds in (0.05, 0.4))]
    had: list[int] = []
    queue = iter(left)
    profile = sdprofile.profile(
        lambda: had.extend(on_each(*next(queue))), workers=(1,), memory=MEMORY, repeats=len(left)
    )
    context = the_card(profile, 0).most - had[0]
    print(f"    a context takes {context / GIB:.2f} GiB of the card")
    for place, (nbytes, seconds) in enumerate(left):
        seen = the_card(profile, place).most - context
        check(
            f"{nbytes / GIB:.3f} GiB held for {seconds} s are seen",
            abs(seen - had[place]) < CLOSE,
            f"{seen / GIB:.3f} GiB, torch had {had[place] / GIB:.3f}",
        )


def who() -> None:
    """Check that what others, child processes and the kernel hold is told apart."""
    code = (
        "import torch; x = torch.empty(2**30, dtype=torch.uint8, device='cuda'); print(); input()"
    )
    pipe = subprocess.PIPE
    other = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe)
    assert other.stdout is not None
    other.stdout.readline()
    own = torch.empty(GIB, dtype=torch.uint8, device="cuda")
    try:
        profile = sdprofile.profile(
            lambda: on_each(GIB, 0.3), workers=(2,), memory=MEMORY, repeats=1
        )
    finally:
        other.communicate(b"\n")
    card = the_card(profile)
    # Not the process of before: its parent is this one, not a worker.
    check("what others hold is told apart", card.others > GIB, f"{card.others / GIB:.2f} GiB")
    check("and what the kernel holds", card.kernel > GIB, f"{card.kernel / GIB:.2f} GiB")
    check("two workers hold some", len(card.workers) == 2, card.workers)
    sums = card.held + card.others + card.kernel
    check(
        "together it is what the card has in use",
        abs(card.peak - sums) < GIB,
        f"{card.peak / GIB:.2f} GiB, all processes {sums / GIB:.2f}",
    )
    for notice in profile.notices:
        print(f"    {notice.fact}")
    del own
    torch.cuda.empty_cache()


def full() -> None:
    """Check that a full card is a row, that the sweep goes on, and what fits."""
    free, _ = torch.cuda.mem_get_info()
    profile = sdprofile.profile(
        lambda: on_each(int(0.4 * free), 0.5),
        workers=(3, 1, 2),
        memory=MEMORY,
        repeats=1,
        order="grouped",
    )
    statuses = {run.workers: run.status for run in profile.runs}
    check("3 x 40 % run out", statuses == {1: "ok", 2: "ok", 3: NO_GPU_MEMORY}, statuses)
    check("the answer tells what fits", "2 workers of up to" in profile.advice)
    print(profile)


def scaling() -> None:
    """Print what 1, 2 and 4 workers take of a real convolution."""
    image = da.random.random((4, 6000, 6000), chunks=(1, 2000, 2000)).astype("f4")
    profile = sdprofile.profile(
        lambda: float(image.map_blocks(blur, dtype="f4").sum().compute()),
        workers=(1, 2, 4),
        memory=MEMORY,
        repeats=3,
    )
    check("all counts finished", all(run.status == "ok" for run in profile.runs))
    busy = [count.gpu_busy for count in profile.counts]
    check("the card was busy for some of it", any(busy), busy)
    print(profile)


def main() -> None:
    """Run all checks, and go on after one that fails."""
    checks: list[Callable[[], None]] = [nvml, samples, no_card, allocations, who, full, scaling]
    for each in checks:
        print(f"\n{each.__name__}: {each.__doc__}", flush=True)
        began = time.perf_counter()
        try:
            each()
        except Exception:  # noqa: BLE001 - the next check tells something all the same
            traceback.print_exc()
            failed.append(each.__name__)
        print(f"    {time.perf_counter() - began:.0f} s", flush=True)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
