"""Memory and CPUs in use over time of each worker, as the system tells it."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.questions import Questions
from sdprofile.cluster.session import is_local
from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.internals.dask import cpu_count
from sdprofile.measure import sampling
from sdprofile.measure.clock import Clock, workers_ahead
from sdprofile.measure.instrument import Instrument
from sdprofile.model.memory import Curve
from sdprofile.model.trace import Cores, Sampled

if TYPE_CHECKING:
    from distributed import Client, Scheduler

_RETURN_TIMEOUT = 5.0
"""Seconds that a host without workers has to get one again, for its samples to be fetched."""

_POLL = 0.02

_START_TIMEOUT = 1.0
"""Seconds that the first sample may take."""

_START_POLL = 0.002

_CORES_STEP = 0.1
"""Seconds for which a number of cores stands, at least: as often as CPU time is looked at."""

_MOST_STEPS = 1000
"""Steps that are kept. Longer ones in longer runs, or profiles would be of any size."""

Series = tuple[tuple[float, ...], tuple[int, ...]]
Samples = tuple[list[float], list[int], list[int], list[float]]


class WorkerMemory(Instrument[Sampled]):
    """Resident memory of each worker every 20 ms, of its child processes, and CPUs that it used.

    It reads for each worker a curve with its child processes, and one of these alone if there were
    any. What it had in use just before the cell began stands at 0.

    Notes
    -----
    On each host a process of its own reads what the system tells of the workers (on Linux
    ``/proc/<pid>/statm`` and ``stat``), so that neither a worker's GIL nor that of the kernel holds
    it up. It is started by the workers' nanny, or by a worker that has none. What a worker that is
    killed had in use is known up to its last moment. A worker that is started anew during a run is
    not sampled.
    Samples carry the time of their host; how far that is ahead of this one is asked for before.
    """

    def __init__(self, client: Client, clock: Clock) -> None:
        """Prepare; the clock tells which samples are of the cell."""
        super().__init__(client)
        self._clock = clock

    def begin(self, asked: Questions) -> None:
        """Ask whom to sample."""
        self._started: list[tuple[str, list[str], tuple[str, int]]] = []
        self._ahead: dict[str, float] = {}
        self._hosts = {state.address: state.host for state in asked.states}
        self._found = asked.workers(_pid_and_cpus)

    def start(self) -> None:
        """Start a process on each host."""
        found: dict[str, tuple[int, int]] = self._found.value
        self._cpus = {worker: cpus for worker, (_, cpus) in found.items()}
        by_host: dict[str, list[str]] = {}
        for worker in found:
            by_host.setdefault(self._hosts[worker], []).append(worker)
        for host, workers in by_host.items():
            pids = [found[worker][0] for worker in workers]
            begin = partial(start_sampling, pids, wait=not is_local(self._client))
            if sampler := self._on(host, begin):
                self._started.append((host, workers, sampler))
        firsts = {workers[0]: host for host, workers, _ in self._started}
        for worker, ahead in workers_ahead(self._client, list(firsts)).items():
            self._ahead[firsts[worker]] = ahead

    def wait(self) -> None:
        """Wait for the first samples of this host; for others `start` has waited."""
        for _, _, (path, _) in self._started:
            if path in _processes:
                _wait_for_sample(path)

    def end(self, asked: Questions) -> None:
        """Ask nothing: samples go on until they are fetched."""

    def read(self) -> Sampled:
        """Fetch what the processes have written."""
        curves: list[Curve] = []
        cores: list[Cores] = []
        for host, workers, sampler in self._started:
            samples = self._on(host, partial(stop_sampling, *sampler)) or b""
            began = self._clock.began + self._ahead.get(host, 0.0)  # by that host's clock
            for worker, series in zip(workers, _unpack(samples, len(workers)), strict=True):
                curves.extend(self._curves(worker, series, began))
                cores.extend(self._cores(worker, series, began))
        return Sampled(curves=tuple(curves), cores=tuple(cores))

    def abandon(self) -> None:
        """Stop the processes that this one has started; others see that their parent is gone."""
        for _, _, (path, pid) in self._started:
            if path in _processes:
                stop_sampling(path, pid)

    def _curves(self, worker: str, samples: Samples, began: float) -> Iterator[Curve]:
        times, resident, children, _ = samples
        together = [own + below for own, below in zip(resident, children, strict=True)]
        for measure, nbytes in (("process", together), ("children", children)):
            series = cut(times, nbytes, began=began, end=began + self._clock.seconds)
            if series is not None and (measure == "process" or any(series[1])):
                seconds, amounts = series
                yield Curve(
                    source="sampler",
                    worker=worker,
                    measure=measure,
                    seconds=seconds,
                    nbytes=amounts,
                )

    def _cores(self, worker: str, samples: Samples, began: float) -> Iterator[Cores]:
        import numpy as np

        seconds = self._clock.seconds
        looked = [
            (at - began, used) for at, used in zip(samples[0], samples[3], strict=True) if used >= 0
        ]
        if len(looked) < 2 or seconds <= 0:
            return
        step = max(_CORES_STEP, seconds / _MOST_STEPS)
        edges = np.append(np.arange(0.0, seconds, step), seconds)
        at, spent = np.array(looked).T
        # A child that ends takes what it used with it, until its parent knows.
        spent = np.diff(np.interp(edges, at, np.maximum.accumulate(spent)))
        used = tuple(round(float(each), 2) for each in spent / np.diff(edges))
        yield Cores(worker=worker, cpus=self._cpus[worker], step=step, used=used)

    def _on(self, host: str, call: partial[Any]) -> Any:
        """Call a function on a host: in a nanny's process, else in a worker's; None in neither."""
        if is_local(self._client):  # whose nannies live in this process
            return call()
        deadline = time.monotonic() + _RETURN_TIMEOUT
        while not (nannies := self._client.run_on_scheduler(_nannies, host=host)):
            if time.monotonic() > deadline:
                return None
            time.sleep(_POLL)
        worker, has_nanny = nannies[0]
        return ask_workers(self._client, call, workers=[worker], nanny=has_nanny).get(worker)


def start_sampling(pids: list[int], *, wait: bool = True) -> tuple[str, int]:
    """Start a process that samples others of this host.

    Parameters
    ----------
    pids
        Whom to sample.
    wait
        Whether to wait for the first sample.

    Returns
    -------
    path, pid
        The file that it writes to, and its own process.
    """
    handle, path = tempfile.mkstemp(prefix="sdprofile-", suffix=".samples")
    # Without site-packages it starts in a few milliseconds; where there is no /proc it needs them.
    flags = ["-I", "-S"] if sys.platform == "linux" else ["-I"]
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter and a script of ours
            [sys.executable, *flags, sampling.__file__, *map(str, (os.getpid(), *pids))],
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt at the terminal is not for it
        )
    finally:
        os.close(handle)
    _processes[path] = process
    if wait:
        _wait_for_sample(path)
    return path, process.pid


def _wait_for_sample(path: str) -> None:
    """Wait for the first sample; else a run could begin, and a short one end, before it."""
    process, deadline = _processes[path], time.monotonic() + _START_TIMEOUT
    while not os.stat(path).st_size and process.poll() is None and time.monotonic() < deadline:
        time.sleep(_START_POLL)


def stop_sampling(path: str, pid: int) -> bytes:
    """Stop a process that samples, and return what it wrote.

    Parameters
    ----------
    path, pid
        What `start_sampling` returned on this host, perhaps in another process of it.
    """
    process = _processes.pop(path, None)
    if process is not None:
        process.terminate()
        process.wait()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 15)
    file = Path(path)
    samples = file.read_bytes() if file.exists() else b""
    file.unlink(missing_ok=True)
    return samples


_processes: dict[str, subprocess.Popen[bytes]] = {}
"""By the file that they write to; those that this process has started."""


def _unpack(samples: bytes, workers: int) -> list[Samples]:
    """Return times, memory, that of the children, and CPU time of each worker while it lived."""
    size = struct.calcsize(sampling.RECORD)
    whole = len(samples) - len(samples) % (size * workers)
    records = list(struct.iter_unpack(sampling.RECORD, samples[:whole]))
    series = []
    for index in range(workers):
        lived = [record for record in records[index::workers] if record[1] >= 0]
        times, used = [record[0] for record in lived], [record[3] for record in lived]
        series.append((times, [own for _, own, *_ in lived], [low for *_, low, _ in lived], used))
    return series


def cut(
    times: Sequence[float], nbytes: Sequence[int], *, began: float, end: float
) -> Series | None:
    """Return the samples of a stretch of time.

    Parameters
    ----------
    times, nbytes
        Wall-clock times in seconds, ascending, and amounts in bytes.
    began, end
        Wall-clock times in seconds.

    Returns
    -------
    seconds, nbytes : tuple, tuple; or None
        Times since `began`, to 0.1 ms, and amounts; the last sample before `began` stands at 0.
        None if there is no sample.
    """
    pairs = list(zip(times, nbytes, strict=True))
    earlier = [(0.0, amount) for at, amount in pairs if at < began]
    inside = [(round(at - began, 4), amount) for at, amount in pairs if began <= at < end]
    kept = [*earlier[-1:], *inside]
    return (tuple(at for at, _ in kept), tuple(amount for _, amount in kept)) if kept else None


def _pid_and_cpus() -> tuple[int, int]:
    return os.getpid(), cpu_count()


def _nannies(dask_scheduler: Scheduler, host: str) -> list[tuple[str, bool]]:
    """Return the workers of a host, and whether they have a nanny."""
    return [
        (worker.address, worker.nanny is not None)
        for worker in dask_scheduler.workers.values()
        if worker.host == host
    ]
