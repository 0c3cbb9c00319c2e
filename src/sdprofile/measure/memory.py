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
from sdprofile.measure import gpu_sampling, sampling
from sdprofile.measure.clock import Clock, workers_ahead
from sdprofile.measure.gpu import Visible, all_hosts, read_cards, sampler_arguments
from sdprofile.measure.gpu_libraries import own_counts
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.samples import unpack
from sdprofile.model.gpu import Cards
from sdprofile.model.memory import Curve
from sdprofile.model.trace import Cores, Sampled

if TYPE_CHECKING:
    from distributed import Client, Scheduler

Sampler = tuple[str, int]
"""The file that a process writes to, and its number."""

Samplers = tuple[Sampler, ...]
"""That of memory, then that of GPUs if there are any."""

_RETURN_TIMEOUT = 5.0
"""Seconds that a host without workers has to get one again, for its samples to be fetched."""

_POLL = 0.02

_START_TIMEOUT = 1.0
"""Seconds that the first sample may take."""

_START_POLL = 0.002

_CARDS_TIMEOUT = 3.0
"""Seconds that the first sample of GPUs may take: where no process has used one, the driver has to
wake it."""


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
    Where a host has a GPU, and `pynvml`, one more process reads what the workers hold of it.
    """

    def __init__(self, client: Client, clock: Clock) -> None:
        """Prepare; the clock tells which samples are of the cell."""
        super().__init__(client)
        self._clock = clock

    def begin(self, asked: Questions) -> None:
        """Ask whom to sample."""
        self._started: list[tuple[str, list[str], Samplers]] = []
        self._ahead: dict[str, float] = {}
        self._hosts = {state.address: state.host for state in asked.states}
        self._found = asked.workers(_pid_and_cpus)

    def start(self) -> None:
        """Start a process on each host."""
        found: dict[str, tuple[int, int, Visible]] = self._found.value
        self._cpus = {worker: cpus for worker, (_, cpus, _) in found.items()}
        self._visible = {worker: visible for worker, (_, _, visible) in found.items()}
        by_host: dict[str, list[str]] = {}
        for worker in found:
            by_host.setdefault(self._hosts[worker], []).append(worker)
        for host, workers in by_host.items():
            pids = [found[worker][0] for worker in workers]
            begin = partial(start_samplers, pids, wait=not is_local(self._client))
            if samplers := self._on(host, begin):
                self._started.append((host, workers, samplers))
        firsts = {workers[0]: host for host, workers, _ in self._started}
        for worker, ahead in workers_ahead(self._client, list(firsts)).items():
            self._ahead[firsts[worker]] = ahead

    def wait(self) -> None:
        """Wait for the first samples of this host; for others `start` has waited."""
        for _, _, samplers in self._started:
            _wait_for_samples(samplers)

    def end(self, asked: Questions) -> None:
        """Ask for what libraries count themselves; samples go on until they are fetched."""
        self._own = asked.workers(own_counts)

    def read(self) -> Sampled:
        """Fetch what the processes have written."""
        curves: list[Curve] = []
        cores: list[Cores] = []
        cards: dict[str, Cards] = {}
        for host, workers, samplers in self._started:
            samples, of_cards = self._on(host, partial(stop_samplers, samplers)) or (b"", b"")
            began = self._clock.began + self._ahead.get(host, 0.0)  # by that host's clock
            for worker, series in zip(workers, unpack(samples, len(workers)), strict=True):
                curves += series.curves(worker, began=began, seconds=self._clock.seconds)
                cores += series.cores(
                    worker, self._cpus[worker], began=began, seconds=self._clock.seconds
                )
            if of_cards:
                visible = [self._visible[worker] for worker in workers]
                cards[host] = read_cards(
                    of_cards,
                    workers,
                    visible,
                    began=began,
                    seconds=self._clock.seconds,
                    own=self._own.known({}),
                )
        return Sampled(curves=tuple(curves), cores=tuple(cores), gpus=all_hosts(cards))

    def abandon(self) -> None:
        """Stop the processes that this one has started; others see that their parent is gone."""
        for _, _, samplers in self._started:
            for path, pid in samplers:
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


def start_samplers(
    pids: Sequence[int], *, wait: bool = True, without: Sequence[int] = ()
) -> Samplers:
    """Start what samples processes of this host: their memory, and theirs on GPUs if it has any.

    Parameters
    ----------
    pids, wait, without
        See `start_sampling`.
    """
    folders = sampler_arguments()
    of_cards = []
    if folders is not None:
        script = [gpu_sampling.__file__, folders, *_numbers(pids, without)]
        of_cards.append(_start(script, site=False))
    # A worker that has no nanny starts both itself, as its own children.
    memory = start_sampling(pids, wait=False, without=[*without, *(pid for _, pid in of_cards)])
    samplers = (memory, *of_cards)
    if wait:
        _wait_for_samples(samplers)
    return samplers


def start_sampling(
    pids: Sequence[int], *, wait: bool = True, without: Sequence[int] = ()
) -> Sampler:
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
    numbers = _numbers(pids, without)
    # Without site-packages it starts in a few milliseconds; where there is no /proc it needs them.
    path, pid = _start([sampling.__file__, *numbers], site=sys.platform != "linux")
    if wait:
        _wait_for_sample(path)
    return path, pid


def _numbers(pids: Sequence[int], without: Sequence[int]) -> list[str]:
    """Return what the scripts take: this process, whom to sample, and who does not count."""
    return [str(each) for each in (os.getpid(), *pids, *(-each for each in without))]


def _start(arguments: Sequence[str], *, site: bool) -> Sampler:
    """Start a script of ours that samples; with or without site-packages."""
    handle, path = tempfile.mkstemp(prefix="sdprofile-", suffix=".samples")
    flags = ["-I"] if site else ["-I", "-S"]
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter and a script of ours
            [sys.executable, *flags, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt at the terminal is not for it
        )
    finally:
        os.close(handle)
    _processes[path] = process
    return path, process.pid


def _wait_for_samples(samplers: Samplers) -> None:
    """Wait for the first samples of what this process has started."""
    for (path, _), timeout in zip(samplers, (_START_TIMEOUT, _CARDS_TIMEOUT), strict=False):
        if path in _processes:
            _wait_for_sample(path, timeout)


def _wait_for_sample(path: str, timeout: float = _START_TIMEOUT) -> None:
    """Wait for the first sample; else a run could begin, and a short one end, before it."""
    process, deadline = _processes[path], time.monotonic() + timeout
    while not os.stat(path).st_size and process.poll() is None and time.monotonic() < deadline:
        time.sleep(_START_POLL)


def stop_samplers(samplers: Samplers) -> tuple[bytes, bytes]:
    """Stop what `start_samplers` started, and return what it wrote of memory and of GPUs."""
    memory, *of_cards = (stop_sampling(*each) for each in samplers)
    return memory, b"".join(of_cards)


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


def _pid_and_cpus() -> tuple[int, int, Visible]:
    own_counts(reset=True)
    return os.getpid(), cpu_count(), Visible.here()


def _nannies(dask_scheduler: Scheduler, host: str) -> list[tuple[str, bool]]:
    """Return the workers of a host, and whether they have a nanny."""
    return [
        (worker.address, worker.nanny is not None)
        for worker in dask_scheduler.workers.values()
        if worker.host == host
    ]
