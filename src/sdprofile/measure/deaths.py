"""Tells that a worker died, what of, and what it was doing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from distributed import SchedulerPlugin

from sdprofile.cluster.plugins import start_plugin, stop_plugin
from sdprofile.cluster.questions import Questions
from sdprofile.internals.distributed.cluster import forget_exit, note_exit
from sdprofile.measure.instrument import Instrument

if TYPE_CHECKING:
    from distributed import Client, Nanny, Scheduler

_KILLS = "worker-restart-memory"
_ALL = "all"

_exits: dict[str, int] = {}
"""In the process of the nannies: exit codes of workers, by address."""


class Deaths(Instrument[None]):
    """Tells at once of each worker that is killed by its nanny or leaves its scheduler.

    Notes
    -----
    A nanny that kills its worker logs the topic ``worker-restart-memory``
    (`distributed.worker_memory.NannyMemoryManager`). Of any worker that leaves, the scheduler logs
    ``remove-worker`` under the topic ``all``, also if the cell closed it. A plugin of the scheduler
    repeats both under a topic of our own. The user may have handlers for dask's topics, and dask
    raises where an event comes that a client has no handler for any more: so dask's topics are left
    alone, and ours keeps its handler, for events may still be on their way when a run has ended.
    """

    def __init__(self, client: Client, tell: Callable[[float, dict[str, Any]], None]) -> None:
        """Prepare it.

        Parameters
        ----------
        client
            Of the cluster.
        tell
            Called in the client's event loop, with the time by the scheduler's clock (seconds, as
            of `time.time`) and the event: of a kill it has ``worker``, ``pid`` and ``rss`` (bytes);
            of a worker that left ``worker``, ``processing-tasks``, ``expected`` and ``action``.
        """
        super().__init__(client)
        self._tell: Callable[[float, dict[str, Any]], None] | None = tell
        self._topic = f"sdprofile-deaths-{client.id}"

    def begin(self, asked: Questions) -> None:
        """Start to tell."""
        self._client.subscribe_topic(self._topic, self._hear)
        # That only sends the wish: a worker may be lost before it arrives.
        asked.scheduler(partial(_start_telling, self._topic, self._client.id))

    def end(self, asked: Questions) -> None:
        """Tell no more."""
        self._tell = None
        asked.scheduler(partial(_stop_telling, self._topic, self._client.id))

    def read(self) -> None:
        """Return nothing: it has told all."""

    def abandon(self) -> None:
        """Tell no more; the plugin goes with the client."""
        self._tell = None

    def _hear(self, event: tuple[float, Any]) -> None:
        at, message = event
        tell = self._tell
        # Anybody may log what he likes under dask's topics.
        if tell is not None and isinstance(message, dict) and "worker" in message:
            tell(at, message)


class _Repeater(SchedulerPlugin):
    """Logs what is logged of deaths once more, until its client goes."""

    def __init__(self, scheduler: Scheduler, topic: str, client: str) -> None:
        self.name = topic
        self._scheduler = scheduler
        self._client = client

    def log_event(self, topic: str, msg: Any) -> None:
        """Repeat an event under the topic of our own."""
        if self._client not in self._scheduler.clients:
            return  # dask would write to a connection that is closed
        left = topic == _ALL and isinstance(msg, dict) and msg.get("action") == "remove-worker"
        if left or topic == _KILLS:
            self._scheduler.log_event(self.name, msg)


class WorkerExits(Instrument[Mapping[str, int]]):
    """Notes with what code the processes of workers end during a run, by their address.

    Notes
    -----
    A nanny learns the code and only logs it. So its callback is wrapped for the time of the run.
    What has no nanny, or one that cannot be reached, is not known.
    """

    def begin(self, asked: Questions) -> None:
        """Start to note; forget what was noted before."""
        asked.nannies(_begin)

    def end(self, asked: Questions) -> None:
        """Leave the nannies as they were."""
        self._noted = asked.nannies(_end)

    def read(self) -> Mapping[str, int]:
        """Return what they have noted."""
        answers: Iterable[dict[str, int]] = self._noted.value.values()
        # Nannies of this process may have gone with their worker.
        return {worker: code for noted in (*answers, _exits) for worker, code in noted.items()}


def exit_words(code: int | None) -> str:
    """Return what the exit code of a worker's process tells; None for one that is not known.

    Examples
    --------
    >>> exit_words(3), exit_words(-11)
    ('a worker exited with status 3', 'a worker crashed (SIGSEGV)')
    """
    if code is None:
        return "a worker was lost, and what it died of is not known"
    if code == 0:
        return "a worker was closed or restarted, as by client.restart() or cluster.scale()"
    if code > 0:
        return f"a worker exited with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name in ("SIGKILL", "SIGTERM", "SIGINT"):
        by = ", perhaps by the system for lack of memory" if name == "SIGKILL" else ""
        return f"a worker was killed from outside ({name}{by})"
    return f"a worker crashed ({name})"


def _start_telling(topic: str, client: str, dask_scheduler: Scheduler) -> None:
    plugin = _Repeater(dask_scheduler, topic, client)
    start_plugin(dask_scheduler, plugin, name=topic, client=client)
    dask_scheduler.subscribe_topic(topic, client)


def _stop_telling(topic: str, client: str, dask_scheduler: Scheduler) -> None:
    dask_scheduler.unsubscribe_topic(topic, client)
    stop_plugin(dask_scheduler, topic)


def _begin(dask_worker: Nanny) -> None:
    forget_exit(dask_worker)  # it may have died since
    _exits.clear()
    note_exit(dask_worker, _exits.__setitem__)


def _end(dask_worker: Nanny) -> dict[str, int]:
    forget_exit(dask_worker)
    return dict(_exits)
