"""Memory and CPUs in use over time of each worker, as the system tells it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
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
from sdprofile.measure.samples import unpack
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
            for worker, series in zip(workers, unpack(samples, len(workers)), strict=True):
                curves += series.curves(worker, began=began, seconds=self._clock.seconds)
                cores += series.cores(
                    worker, self._cpus[worker], began=began, seconds=self._clock.seconds
                )
        return Sampled(curves=tuple(curves), cores=tuple(cores))

    def abandon(self) -> None:
        """Stop the processes that this one has started; others see that their parent is gone."""
        for _, _, (path, pid) in self._started:
            if path in _processes:
                stop_sampling(path, pid)

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


def start_sampling(
    pids: Sequence[int], *, wait: bool = True, without: Sequence[int] = ()
) -> tuple[str, int]:
    """Start a process that samples others of this host.

    Parameters
    ----------
    pids
        Whom to sample.
    wait
        Whether to wait for the first sample.
    without
        Descendants that do not count, nor what these have started.

    Returns
    -------
    path, pid
        The file that it writes to, and its own process.
    """
    handle, path = tempfile.mkstemp(prefix="sdprofile-", suffix=".samples")
    # Without site-packages it starts in a few milliseconds; where there is no /proc it needs them.
    flags = ["-I", "-S"] if sys.platform == "linux" else ["-I"]
    numbers = (os.getpid(), *pids, *(-each for each in without))
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter and a script of ours
            [sys.executable, *flags, sampling.__file__, *map(str, numbers)],
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


def _pid_and_cpus() -> tuple[int, int]:
    return os.getpid(), cpu_count()


def _nannies(dask_scheduler: Scheduler, host: str) -> list[tuple[str, bool]]:
    """Return the workers of a host, and whether they have a nanny."""
    return [
        (worker.address, worker.nanny is not None)
        for worker in dask_scheduler.workers.values()
        if worker.host == host
    ]
