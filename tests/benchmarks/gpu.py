"""What is said of a GPU, against a real one: curves, others, a full one, and 1, 2, 4 workers.

It needs a card with 8 GB free, torch or cupy, and ``sdprofile[gpu]``, and takes below five minutes.
Each check is a line that begins with ``ok`` or ``NOT``, and a row of the table at the end; what
could not be tried says so. It ends with 1 if something does not hold.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from itertools import pairwise

import dask.array as da
import distributed
import numpy as np
import psutil

import sdprofile
from sdprofile.measure.memory import start_samplers, stop_samplers
from sdprofile.model.failure import NO_GPU_MEMORY
from sdprofile.model.gpu import Card

GIB = 2**30
CLOSE = 64 * 2**20
"""Bytes by which what NVML tells may be off: allocators take whole blocks."""

LONGEST = 285.0
"""Seconds after which no other check begins; somewhat later all is given up."""

MEMORY = f"{min(8, int(0.2 * psutil.virtual_memory().total / 1e9)) or 1}GB"
"""Of each worker: a library and its context take 1 GB of resident memory."""

results: list[tuple[str, str, str]] = []
"""Of each check whether it holds, its name and what was seen."""


def check(name: str, holds: bool, seen: object = "") -> None:
    """Print whether something holds, and what was seen."""
    results.append(("ok" if holds else "NOT", name, str(seen)))
    print(f"{'ok ' if holds else 'NOT'} {name}  {seen}", flush=True)


def not_tried(name: str, why: str) -> None:
    """Print that something could not be tried."""
    results.append(("-", name, why))
    print(f"-   {name}: {why}", flush=True)


def the_library() -> str:
    """Return which of torch and cupy there is and finds a card; empty for neither."""
    for name, finds in (
        ("torch", lambda module: module.cuda.is_available()),
        ("cupy", lambda module: module.cuda.runtime.getDeviceCount() > 0),
    ):
        if importlib.util.find_spec(name) is not None:
            try:
                if finds(importlib.import_module(name)):
                    return name
            except Exception as error:  # noqa: BLE001 - of CUDA, or of an installation
                print(f"{name}: {error}")
    return ""


LIBRARY = the_library()


def hold(nbytes: int, seconds: float, library: str) -> int:
    """Hold memory of the card for a moment; return what the library's allocator had of it."""
    import importlib
    import time

    module = importlib.import_module(library)
    if library == "torch":
        payload = module.empty(nbytes, dtype=module.uint8, device="cuda")
        module.cuda.synchronize()
        had = module.cuda.memory_reserved()
    else:
        payload = module.empty(nbytes, dtype=module.uint8)
        module.cuda.get_current_stream().synchronize()
        had = module.get_default_memory_pool().total_bytes()
    time.sleep(seconds)
    del payload
    if library == "torch":
        module.cuda.empty_cache()
    else:
        module.get_default_memory_pool().free_all_blocks()
    return int(had)


def blur(block: np.ndarray, library: str, width: int = 31) -> np.ndarray:
    """Return a block of planes, convolved four times on the card."""
    import importlib

    import numpy as np

    module = importlib.import_module(library)
    if library == "torch":
        image = module.from_numpy(np.ascontiguousarray(block, dtype="f4")).cuda()[:, None]
        kernel = module.full((1, 1, width, width), 1 / width**2, device="cuda")
        for _ in range(4):
            image = module.nn.functional.conv2d(image, kernel, padding=width // 2)
        return np.asarray(image[:, 0].cpu().numpy())
    from cupyx.scipy.ndimage import convolve

    image = module.asarray(block, dtype="f4")
    kernel = module.full((1, width, width), 1 / width**2, dtype="f4")
    for _ in range(4):
        image = convolve(image, kernel, mode="constant")
    return np.asarray(module.asnumpy(image))


def with_model(number: int, path: str, size: int) -> float:
    """Load a model, and use it once."""
    import torch

    model = torch.nn.Linear(size, size)
    model.load_state_dict(torch.load(path, weights_only=True))
    model = model.cuda()
    with torch.no_grad():
        return float(model(torch.full((1, size), float(number), device="cuda")).sum())


def prepare(number: int, library: str) -> float:
    """Work on the CPU for half a second, and for a moment on the card."""
    import time

    until = time.thread_time() + 0.5
    while time.thread_time() < until:
        pass
    return float(blur(np.full((1, 64, 64), number, "f4"), library).sum())


def on_each(nbytes: int, seconds: float) -> list[int]:
    """Hold so much on each worker at the same time; return what each had."""
    client = distributed.get_client()
    workers = sorted(client.nthreads())
    tasks = [
        client.submit(hold, nbytes, seconds, LIBRARY, workers=[worker], pure=False)
        for worker in workers
    ]
    return list(client.gather(tasks))


def profiled(work: Callable[[], object], *workers: int, **options: object) -> sdprofile.Profile:
    """Return a profile of a function, of one run with each count unless told otherwise."""
    kwargs = {"workers": workers, "memory": MEMORY, "repeats": 1} | options
    return sdprofile.profile(work, **kwargs)  # type: ignore[arg-type]


def the_card(profile: sdprofile.Profile, run: int = -1) -> Card:
    """Return the card that a run used."""
    cards = profile.runs[run].memory.used_cards
    assert len(cards) == 1, f"{len(cards)} cards were used in run {run}: {profile.failures}"
    return cards[0]


def nvml() -> None:
    """Print what NVML answers here."""
    import pynvml

    pynvml.nvmlInit()
    print(f"driver {pynvml.nvmlSystemGetDriverVersion()}, with {LIBRARY}, memory {MEMORY}")
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
    sleeper.communicate(b"\n", timeout=10)
    times = [json.loads(line)[0] for line in written.splitlines()[1:]]
    steps = [later - earlier for earlier, later in pairwise(times)]
    step = statistics.median(steps) if steps else 0.0
    seen = f"{1e3 * step:.1f} ms, longest {1e3 * max(steps, default=0):.1f}, first {first:.2f} s"
    check("samples come every 20 ms", 0.019 < step < 0.025, seen)


def no_card() -> None:
    """Check that a cell without the card says nothing of it."""
    profile = profiled(lambda: time.sleep(0.1), 1)
    check("a cell without a GPU has no word of it", "gpu" not in str(profile).lower())


def allocations() -> None:
    """Check what a worker holds against allocations of known size."""
    left = [(2**20, 0.4), *((size * GIB, seconds) for size in (1, 4) for seconds in (0.05, 0.4))]
    had: list[int] = []
    queue = iter(left)
    profile = profiled(lambda: had.extend(on_each(*next(queue))), 1, repeats=len(left))
    context = the_card(profile, 0).most - had[0]
    print(f"    a context takes {context / GIB:.2f} GiB of the card")
    check("a context takes 0.2 to 1.5 GiB", 0.2 < context / GIB < 1.5, f"{context / GIB:.2f}")
    for place, (nbytes, seconds) in enumerate(left):
        seen = the_card(profile, place).most - context
        check(
            f"{nbytes / GIB:.3f} GiB held for {seconds} s are seen",
            abs(seen - had[place]) < CLOSE,
            f"{seen / GIB:.3f} GiB, {LIBRARY} had {had[place] / GIB:.3f}",
        )
    curves = [curve for curve in profile.runs[-1].memory.curves if curve.source == "nvml"]
    highest = max((max(curve.nbytes) for curve in curves if curve.worker), default=0)
    check("the curve has the same peak", highest == the_card(profile).most, len(curves))
    if LIBRARY == "torch":
        own = [the_card(profile, place).torch for place in range(len(left))]
        seen = [f"{(each or 0) / GIB:.3f}" for each in own]
        check("torch's own peaks are those of each run", own == [each for each, _ in left], seen)
    grown = [each.fact for each in profile.notices if "At rest each worker" in each.fact]
    check("what using the card takes of a worker is told", len(grown) == 1, grown)


def kept() -> None:
    """Check that what an allocator keeps is told apart from what is in use."""

    def work() -> None:
        distributed.get_client().submit(keep, 2 * GIB, LIBRARY, pure=False).result()

    profile = profiled(work, 1)
    card = the_card(profile)
    own = card.torch_reserved if LIBRARY == "torch" else card.cupy
    seen = f"{LIBRARY} kept {(own or 0) / GIB:.2f} GiB, in use {(card.torch or 0) / GIB:.2f}"
    check("what the allocator kept is known", own is not None and own >= 2 * GIB, seen)
    close = own is not None and 0 < card.most - own < 1.5 * GIB
    check("the rest of what NVML tells is a context", close, f"{card.most / GIB:.2f} GiB")
    print(f"    {profile.advice}")


def keep(nbytes: int, library: str) -> None:
    """Hold memory in four parts, and let the allocator keep them."""
    import importlib

    module = importlib.import_module(library)
    where = {"device": "cuda"} if library == "torch" else {}
    for _ in range(4):
        payload = module.empty(nbytes, dtype=module.uint8, **where)
        del payload


def who() -> None:
    """Check that what others, child processes and the kernel hold is told apart."""
    empty = f"empty(2**30, dtype=m.uint8{', device=' + repr('cuda') if LIBRARY == 'torch' else ''})"
    code = f"import {LIBRARY} as m; x = m.{empty}; print(flush=True); input()"
    pipe = subprocess.PIPE
    other = subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe)
    assert other.stdout is not None
    other.stdout.readline()
    module = importlib.import_module(LIBRARY)
    own = eval(f"m.{empty}", {"m": module})
    try:
        profile = profiled(lambda: on_each(GIB, 0.3), 2)
    finally:
        other.communicate(b"\n", timeout=30)
        del own
        if LIBRARY == "torch":
            module.cuda.empty_cache()
        else:
            module.get_default_memory_pool().free_all_blocks()
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


def without_cluster() -> None:
    """Check that a run without a cluster tells what the kernel holds."""
    profile = profiled(lambda: hold(2 * GIB, 0.3, LIBRARY), 0)
    status = profile.runs[0].status
    check("a run without a cluster ends well", status == "ok", profile.failures)
    card = the_card(profile)
    holds = [each.worker for each in card.workers] == ["kernel"] and card.most > 2 * GIB
    check("what the kernel holds there is known", holds, card.workers)


def full() -> None:
    """Check that a full card is a row, that the sweep goes on, and what fits."""
    import pynvml

    memory = pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(0))
    profile = profiled(lambda: on_each(int(0.4 * memory.free), 0.5), 3, 1, 2, order="grouped")
    statuses = {run.workers: run.status for run in profile.runs}
    check("3 x 40 % run out", statuses == {1: "ok", 2: "ok", 3: NO_GPU_MEMORY}, statuses)
    check("the answer tells what fits", "2 workers of up to" in profile.advice, profile.advice)
    print(profile)


def scaling() -> None:
    """Print what 1, 2 and 4 workers take of a real convolution."""
    image = da.random.random((4, 6000, 6000), chunks=(1, 2000, 2000)).astype("f4")
    blurred = image.map_blocks(blur, library=LIBRARY, dtype="f4")
    profile = profiled(lambda: float(blurred.sum().compute()), 1, 2, 4, repeats=3)
    check("all counts finished", all(run.status == "ok" for run in profile.runs))
    busy = [count.gpu_busy for count in profile.counts]
    check("the card was busy for some of it", any(busy), busy)
    print(profile)
    for cause in profile.causes:
        print(f"    {cause.name}: {cause.fact}")


def idle() -> None:
    """Check that a card that waits for the CPU is told."""
    profile = profiled(
        lambda: distributed.get_client().gather(
            distributed.get_client().map(prepare, range(8), library=LIBRARY, pure=False)
        ),
        1,
        repeats=2,
    )
    causes = {cause.name: cause.fact for cause in profile.causes}
    check("an idle card is told", "idle GPU" in causes, causes)


def loads() -> None:
    """Check that a model that is loaded anew in each task is told."""
    if LIBRARY != "torch":
        not_tried("a model that is loaded in each task is told", "it needs torch")
        return
    import torch

    size = 6000  # 144 MB of weights
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "weights.pt")
        torch.save(torch.nn.Linear(size, size).state_dict(), path)
        options = {"path": path, "size": size, "pure": False}
        profile = profiled(
            lambda: distributed.get_client().gather(
                distributed.get_client().map(with_model, range(24), **options)
            ),
            1,
            repeats=2,
        )
    causes = {cause.name: cause.fact for cause in profile.causes}
    check("a model that is loaded in each task is told", "loads a model again" in causes, causes)
    print(profile.calls().to_string(max_rows=40))


def one_for_each() -> None:
    """Check that a cluster with a worker for each card keeps to them."""
    if importlib.util.find_spec("dask_cuda") is None:
        not_tried("a LocalCUDACluster", "dask-cuda is not installed")
        return
    from dask_cuda import LocalCUDACluster

    with LocalCUDACluster() as cluster, distributed.Client(cluster):
        cards = len(cluster.cuda_visible_devices)
        profile = sdprofile.profile(lambda: on_each(GIB, 0.3), repeats=1)
        there = len(cluster.workers)
    counts = [count.workers for count in profile.counts]
    check("a LocalCUDACluster has no more workers than cards", max(counts) <= cards, counts)
    check("and is given back", there == cards, there)
    used = [len(run.memory.used_cards) for run in profile.runs]
    check("each worker uses a card of its own", used == counts, used)


CHECKS: list[Callable[[], None]] = [
    *(nvml, samples, no_card, allocations, who, full, scaling),
    *(kept, without_cluster, idle, loads, one_for_each),
]
"""The most important first, for where the time does not suffice."""


def main() -> None:
    """Run all checks, and go on after one that fails."""
    if not LIBRARY:
        sys.exit("neither torch nor cupy finds a card (nvidia-smi; pip install torch or cupy)")
    faulthandler.dump_traceback_later(LONGEST + 15, exit=True)
    start = time.perf_counter()
    for each in CHECKS:
        print(f"\n{each.__name__}: {each.__doc__}", flush=True)
        began = time.perf_counter()
        if began - start > LONGEST - 30:
            not_tried(each.__name__, "there was no time left")
            continue
        try:
            each()
        except Exception as error:  # noqa: BLE001 - the next check tells something all the same
            traceback.print_exc()
            check(f"{each.__name__} comes to its end", False, repr(error))
        print(f"    {time.perf_counter() - began:.0f} s", flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s in all\n\n|   | check | seen |\n|---|---|---|")
    for held, name, seen in results:
        print(f"| {held} | {name} | {' '.join(seen.split())[:160]} |")
    held = [each for each, *_ in results]
    print(f"\n{held.count('ok')} hold, {held.count('NOT')} do not, {held.count('-')} not tried")
    faulthandler.cancel_dump_traceback_later()
    sys.exit("NOT" in held)


if __name__ == "__main__":
    main()
