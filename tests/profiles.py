"""Made-up profiles whose numbers are round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sdprofile.model.disk import StoreReads
from sdprofile.model.elements import Data, Element
from sdprofile.model.failure import Failure
from sdprofile.model.gpu import Card, Held
from sdprofile.model.machine import Machine
from sdprofile.model.memory import ClusterPeak, Curve, WorkerPeak
from sdprofile.model.memory_use import MemoryUse
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.model.spans import SpanActivity, Work
from sdprofile.model.steps import StepCall, Steps
from sdprofile.model.tasks import PrefixMemory
from sdprofile.model.transfers import Transfers
from sdprofile.results.profile import Profile

GB = 10**9
MACHINE = Machine(cpus=8, memory=32 * GB, memory_free=24 * GB)


def address(index: int) -> str:
    """Return the address of a run's worker, counted from 0."""
    return f"tcp://127.0.0.1:{4000 + index}"


def make_setting(workers: int = 1, **kwargs: Any) -> Setting:
    """Return a setting of workers with 1 thread and 5 GB, as `make_run` has, unless told so."""
    return Setting(workers=workers, **({"threads": 1, "memory_limit": 5 * GB} | kwargs))


def make_curve(
    nbytes: Sequence[int],
    *,
    seconds: float = 10.0,
    source: str = "dask",
    worker: str = "",
    measure: str = "process",
) -> Curve:
    """Return a curve whose samples are evenly spread from 0 to `seconds`."""
    last = max(len(nbytes) - 1, 1)
    times = tuple(seconds * index / last for index in range(len(nbytes)))
    return Curve(source=source, worker=worker, measure=measure, seconds=times, nbytes=tuple(nbytes))


def make_run(
    workers: int = 1, *, peak: int | None = GB, curve: Sequence[int] = (), **kwargs: Any
) -> Run:
    """Return a run: 10 s, 100 tasks, 1 thread and 5 GB a worker, unless told otherwise.

    A `status` other than ``"ok"`` comes with a failure, of the first worker if one was killed.
    `curve` is the sampled memory of each worker, evenly spread over the run. What is in a reading
    of a run is given by its own name (see `_READINGS`).
    """
    values: dict[str, Any] = {
        "threads": 1,
        "memory_limit": 5 * GB,
        "repeat": 1,
        "status": "ok",
        "seconds": 10.0,
        "tasks": 100,
    } | kwargs
    if peak is not None:
        values.setdefault(
            "worker_peaks",
            tuple(
                WorkerPeak(worker=address(index), baseline=GB // 5, peak=peak)
                for index in range(workers)
            ),
        )
        values.setdefault("cluster_peak", ClusterPeak(low=peak, high=workers * peak))
    if curve:
        values.setdefault(
            "curves",
            tuple(
                make_curve(
                    curve, seconds=values["seconds"], source="sampler", worker=address(index)
                )
                for index in range(workers)
            ),
        )
    if (status := values.pop("status")) != "ok":
        values.setdefault("failure", make_failure(status=status))
    readings: dict[str, Any] = {
        name: kind(**{each: values.pop(word) for word, each in words.items() if word in values})
        for name, (kind, words) in _READINGS.items()
    }
    return Run(setting=make_setting(workers, **readings.pop("setting")), **readings, **values)


_READINGS: dict[str, tuple[Callable[..., Any], dict[str, str]]] = {
    "setting": (dict, {name: name for name in ("threads", "memory_limit", "variables")}),
    "memory": (
        MemoryUse,
        {name: name for name in ("worker_peaks", "cluster_peak", "curves", "swapped", "cards")}
        | {"task_memory": "prefixes"},
    ),
    "work": (Work, {name: name for name in ("tasks", "spans", "cpu_seconds", "spilled")}),
    "transfers": (Transfers, {"transferred": "nbytes", "gathered": "gathered"}),
    "steps": (Steps, {"steps": "calls", "recomputed": "recomputed", "lines": "lines"}),
    "data": (
        Data,
        {
            name: name
            for name in ("elements", "finer_than_needed", "partitioned", "lazy", "sent", "held")
        },
    ),
}
"""For each reading of a run: what its values are called in `make_run`, and in itself."""


def make_failure(**kwargs: Any) -> Failure:
    """Return a failure: killed with 4.9 GB in use, unless told otherwise."""
    values: dict[str, Any] = {
        "status": "killed",
        "message": "a worker was killed",
        "worker": address(0),
        "nbytes": 49 * GB // 10,
    } | kwargs
    return Failure(**values)


def make_card(*held: int, name: str = "gpu 0", **kwargs: Any) -> Card:
    """Return a card of 80 GB of which each worker holds something; half busy, unless told so."""
    values: dict[str, Any] = {
        "model": "NVIDIA H200",
        "nbytes": 80 * GB,
        "peak": sum(held),
        "held": sum(held),
        "busy": 0.5,
    } | kwargs
    workers = tuple(
        Held(worker=address(index), nbytes=each) for index, each in enumerate(held) if each
    )
    return Card(name=name, workers=workers, **values)


def make_activity(activity: str, seconds: float, **kwargs: Any) -> SpanActivity:
    """Return an activity within a task of the cell, unless told otherwise."""
    values: dict[str, Any] = {"span": "cell", "prefix": "add", "nbytes": 0} | kwargs
    return SpanActivity(activity=activity, seconds=seconds, **values)


def make_task(prefix: str = "add", **kwargs: Any) -> PrefixMemory:
    """Return a prefix of 100 tasks that rose by 1 GB to at most 2 GB, unless told otherwise."""
    values: dict[str, Any] = {
        "tasks": 100,
        "peak": 2 * GB,
        "rise_low": GB,
        "rise_high": GB,
    } | kwargs
    return PrefixMemory(prefix=prefix, **values)


def make_profile(*runs: Run, empty: bool = False, **kwargs: Any) -> Profile:
    """Return a profile; without runs given, of 1, 2 and 4 workers that took 12, 6 and 4 s.

    `empty` is for a profile without any run.
    """
    if not runs and not empty:
        runs = (
            make_run(1, seconds=12.0, peak=4 * GB),
            make_run(2, seconds=6.0, peak=2 * GB),
            make_run(4, seconds=4.0, peak=GB),
        )
    values: dict[str, Any] = {
        "code": "out.compute()",
        "repeats": 1,
        "machine": MACHINE,
        "decimal": True,
    } | kwargs
    return Profile(runs=runs, **values)


def make_step(
    name: str,
    seconds: float = 0.1,
    *,
    calls: int = 1,
    fused: Sequence[str] = (),
    kernel_rise: int = 0,
) -> StepCall:
    """Return a step of the cell: one call of 0.1 s, unless told otherwise."""
    return StepCall(
        span=name, calls=calls, seconds=seconds, fused=tuple(fused), kernel_rise=kernel_rise
    )


def make_element(name: str = "image", **kwargs: Any) -> Element:
    """Return an image of 3 x 1000 x 1000 pixels, made in line 2, unless told otherwise."""
    values: dict[str, Any] = {
        "kind": "Image2D",
        "line": 2,
        "shape": (3, 1000, 1000),
        "dtype": "float64",
        "nbytes": 24_000_000,
        "chunks": (1, 100, 100),
        "chunk_count": 300,
        "chunk_bytes": 80_000,
    } | kwargs
    return Element(name=name, **values)


def make_store(**kwargs: Any) -> StoreReads:
    """Return an array of 16 chunks of 1 MiB, each read for four pieces, unless told otherwise."""
    values: dict[str, Any] = {
        "array": "/data/sample.zarr/images/he/0",
        "prefix": "add",
        "shape": (4096, 4096),
        "chunks": (1024, 1024),
        "pieces": (512, 512),
        "chunk_bytes": 2**20,
        "needed": 16,
        "once": 64,
        "reads": 64,
        "seconds": 2.0,
    } | kwargs
    return StoreReads(**values)
