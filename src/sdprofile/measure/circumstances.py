"""What the kernel, the workers and the machine do besides the tasks during a run."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from sdprofile.cluster.questions import Questions
from sdprofile.cluster.session import is_local
from sdprofile.internals.dask import cpu_count
from sdprofile.measure.clock import Clock
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.peak import OwnMark
from sdprofile.measure.sampling import readers
from sdprofile.model.circumstances import Circumstances, ThreadPool

if TYPE_CHECKING:
    from distributed import Client, Scheduler, Worker

_POOLS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Set to 1 by a nanny (``distributed.nanny.pre-spawn-environ``), unless the user set them."""


_SHORTEST = 0.3
"""Seconds from which the CPU time of other processes, which comes in steps of 10 ms, says much."""


_IMPORTS = 5
"""Packages that were imported that are kept, at most."""


class Surroundings(Instrument[Circumstances]):
    """The kernel's own work, other processes of this machine, pauses and hidden thread pools.

    Notes
    -----
    The kernel's work is the CPU time of this process without dask's event loop, in which scheduler
    and nannies of a local cluster live. Other processes' CPU time is what all CPUs were busy
    (`psutil.cpu_times`) less this process's and the workers'; it is known for workers of this
    machine only. Pauses are those that the scheduler was told of.
    """

    def __init__(self, client: Client, clock: Clock) -> None:
        """Prepare; the clock knows that of the scheduler."""
        super().__init__(client)
        self._clock = clock

    def begin(self, asked: Questions) -> None:
        """Ask what there is before the run."""
        self._packages = asked.workers(packages)
        self._mark: OwnMark | None = None
        self._baseline: int | None = None
        self._others: float | None = None
        self._kernel = self._began = 0.0
        with contextlib.suppress(OSError):
            self._mark = OwnMark()

    def start(self) -> None:
        """Note what there is before the run."""
        if self._mark is not None:
            self._mark.reset()
            self._baseline = self._mark.read()[1]
        self._began = time.time()
        self._others = self._others_cpu()
        self._kernel = self._kernel_cpu()

    def end(self, asked: Questions) -> None:
        """Note what has changed since, and ask for the rest."""
        self._kernel = self._kernel_cpu() - self._kernel
        self._peak = self._mark.read()[0] if self._mark else None
        before, self._others = self._others, None
        if before is not None and time.time() - self._began > _SHORTEST:
            after = self._others_cpu()
            self._others = None if after is None else max(0.0, after - before)
        since = self._began + self._clock.scheduler_ahead
        self._pauses = asked.scheduler(partial(_count_pauses, since=since))
        self._pools = asked.workers(hidden_pools)
        self._after = asked.workers(packages)
        self.abandon()

    def read(self) -> Circumstances:
        """Return what has changed."""
        return Circumstances(
            kernel_cpu_seconds=max(0.0, self._kernel),
            kernel_baseline=self._baseline,
            kernel_peak=self._peak,
            others_cpu_seconds=self._others,
            pauses=self._pauses.value,
            pools=_largest(pool for of_one in self._pools.value.values() for pool in of_one),
            imported=_new(self._packages.value, self._after.value),
        )

    def abandon(self) -> None:
        """Close the files of the mark."""
        if self._mark is not None:
            self._mark.close()
            self._mark = None

    def _kernel_cpu(self) -> float:
        """Return the CPU time of this process without that of the client's event loop."""
        return time.process_time() - float(self._client.sync(_own_cpu))

    def _others_cpu(self) -> float | None:
        # Those of this process have the workers among them.
        return others_cpu() if is_local(self._client) else None


def others_cpu() -> float:
    """Return the CPU time of all processes but this one and its descendants, in seconds."""
    import psutil

    times = psutil.cpu_times()
    busy = times.user + times.system + getattr(times, "nice", 0.0)  # guests are in user
    busy += getattr(times, "steal", 0.0)
    _, find, cpu = readers()
    this = os.getpid()
    return float(busy - sum(map(cpu, (this, *find(this, ())))))


def hidden_pools(dask_worker: Worker) -> tuple[ThreadPool, ...]:
    """Return the thread pools of libraries that are larger than the worker's own number of threads.

    Parameters
    ----------
    dask_worker
        In whose process this runs.

    Notes
    -----
    Numba takes all CPUs unless ``NUMBA_NUM_THREADS`` says otherwise
    (https://github.com/dask/distributed/issues/9075); it counts once it has run something in
    parallel. Libraries of linear algebra go by the variables that a nanny sets to 1; where none of
    them is set, they take all CPUs.
    """
    sizes = {name: size for name in _POOLS if (size := os.environ.get(name, "")).isdigit()}
    if not sizes:
        sizes["OMP_NUM_THREADS"] = str(cpu_count())
    found = [ThreadPool(name=name, threads=int(size)) for name, size in sizes.items()]
    numba = sys.modules.get("numba")
    if numba is not None:
        with contextlib.suppress(ValueError):  # nothing has run in parallel yet
            numba.threading_layer()
            threads = numba.config.NUMBA_NUM_THREADS
            found.append(ThreadPool(name="NUMBA_NUM_THREADS", threads=threads))
    return tuple(pool for pool in found if pool.threads > dask_worker.state.nthreads)


def packages() -> dict[str, int]:
    """Return of which packages modules are loaded, and how many, without those of Python itself."""
    roots = Counter(name.partition(".")[0] for name in list(sys.modules))
    return {
        root: modules
        for root, modules in roots.items()
        if not root.startswith("_") and root not in sys.stdlib_module_names
    }


def _new(
    before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]]
) -> tuple[str, ...]:
    """Return the packages that any worker has imported, those with most modules first."""
    found: Counter[str] = Counter()
    for worker, loaded in after.items():
        for root, modules in loaded.items():
            if worker in before and root not in before[worker]:
                found[root] = max(found[root], modules)
    return tuple(root for root, _ in found.most_common(_IMPORTS))


def _largest(pools: Iterable[ThreadPool]) -> tuple[ThreadPool, ...]:
    by_name: dict[str, int] = {}
    for pool in pools:
        by_name[pool.name] = max(pool.threads, by_name.get(pool.name, 0))
    return tuple(ThreadPool(name=name, threads=by_name[name]) for name in sorted(by_name))


async def _own_cpu() -> float:
    return time.thread_time()


def _count_pauses(dask_scheduler: Scheduler, since: float) -> int:
    return sum(
        event.get("action") == "worker-status-change" and event["status"] == "paused"
        for worker in dask_scheduler.workers
        for at, event in dask_scheduler.get_events(worker)
        if at >= since
    )
