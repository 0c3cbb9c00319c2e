"""Catches what workers print during a run, and hands it over after it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from distributed import SchedulerPlugin

from sdprofile.cluster.plugins import start_plugin, stop_plugin
from sdprofile.cluster.questions import Questions
from sdprofile.cluster.session import is_local
from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.cluster.worker_states import worker_states
from sdprofile.internals.distributed.scheduler import call_in_workers
from sdprofile.measure.caught import (
    DESCRIPTORS,
    Kept,
    StreamName,
    begin_catching,
    end_catching,
    take_files,
)
from sdprofile.measure.instrument import Instrument
from sdprofile.model.printed import Printed

if TYPE_CHECKING:
    from distributed import Client, Scheduler

LONGEST = 1_000_000
"""Bytes that are kept of each stream of all workers together."""

_SHORTEST = 10_000
"""Bytes that are kept of each stream of a worker, however many workers there are."""

Take = Callable[[Sequence[Printed]], None]


class WorkerOutput(Instrument[None]):
    """Keeps what the processes of workers write to their standard output and error.

    Notes
    -----
    What it has read is shown, not kept: it hands it over, also if the cell has closed the client.
    Both descriptors lead to files meanwhile, for a handler of the logging module may hold a stream
    of old, and C code and child processes know none of Python's. What dask sends to the client
    itself (`distributed.print`, ``Client.forward_logging``) goes its own way, and so does dask's
    own log of workers that are not of a `LocalCluster`. Of a worker that dies there is what it
    wrote until then, unless none is left on its host. A worker that is started during a run
    prints as ever, for the run is over by then; so does one in the client's own process.
    """

    def __init__(self, client: Client, take: Take | None) -> None:
        """Prepare.

        Parameters
        ----------
        client
            Of the cluster.
        take
            Gets what was printed, in the order of the workers; None to let them print as ever.
        """
        super().__init__(client)
        self._take = take

    def begin(self, asked: Questions) -> None:
        """Let the workers write into files."""
        if self._take is None:
            return
        _ours.pid = os.getpid()
        self._local = is_local(self._client)
        self._workers = sorted(asked.states, key=lambda state: (len(state.name), state.name))
        self._room = max(_SHORTEST, LONGEST // max(1, len(self._workers)))
        asked.scheduler(partial(_expect_loss, client=self._client.id))
        self._paths = asked.workers(partial(_begin, self._room, not self._local))

    def end(self, asked: Questions) -> None:
        """Let them write where they did before."""
        if self._take is not None:
            # All of them: one that was silent at the beginning may have heard of it later.
            self._kept = asked.workers(end_catching)
            asked.scheduler(partial(_forget_loss, client=self._client.id))

    def read(self) -> None:
        """Hand over what they have written."""
        if self._take is None:
            return
        kept: dict[str, dict[StreamName, Kept]] = self._kept.value
        lost = [state for state in self._workers if state.address not in kept]
        there = worker_states(self._client, parked=True) if lost else ()
        for state in lost:
            paths = self._paths.value.get(state.address)
            if not paths:
                continue
            # It is dead, or does not answer: in that case it finds that its files are gone.
            near = [other.address for other in there if other.host == state.host]
            others = [address for address in near if address != state.address]
            if self._local:
                kept[state.address] = take_files(paths, self._room)
            elif others:
                answer = ask_workers(
                    self._client, take_files, paths, self._room, workers=others[:1]
                )
                kept[state.address] = answer.get(others[0], {})
        self._hand_over(kept)

    def abandon(self) -> None:
        """Hand over what can be read here; the scheduler tells the workers that we are gone."""
        if self._take is not None and self._local:
            paths = self._paths.known({}).items()
            self._hand_over({each: take_files(files, self._room) for each, files in paths})

    def _hand_over(self, kept: dict[str, dict[StreamName, Kept]]) -> None:
        if self._take is None:
            return
        self._take(
            [
                Printed(worker=state.name, stream=stream, text=text, cut=cut)
                for state in self._workers
                for stream in DESCRIPTORS
                for text, cut in [kept.get(state.address, {}).get(stream, ("", 0))]
                if text
            ]
        )


@dataclass
class _Process:
    """Which process is that of the client; a worker may have been forked off it."""

    pid: int | None = None


_ours = _Process()


async def _begin(room: int, keep_log: bool) -> dict[StreamName, str]:
    return {} if _ours.pid == os.getpid() else await begin_catching(room, keep_log)


class _Loss(SchedulerPlugin):
    """Lets workers write where they did before once the client has gone, whatever became of it."""

    def __init__(self, client: str) -> None:
        self._client = client
        self._telling: asyncio.Task[object] | None = None

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """Tell the workers if it was the one."""
        if client == self._client:
            telling = call_in_workers(scheduler, end_catching)
            self._telling = asyncio.get_running_loop().create_task(telling)


def _name(client: str) -> str:
    return f"sdprofile-output-{client}"


def _expect_loss(dask_scheduler: Scheduler, client: str) -> None:
    start_plugin(dask_scheduler, _Loss(client), name=_name(client), client=client)


def _forget_loss(dask_scheduler: Scheduler, client: str) -> None:
    stop_plugin(dask_scheduler, _name(client))
