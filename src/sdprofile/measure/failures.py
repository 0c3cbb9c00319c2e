"""Watches for workers that die and for runs that take too long."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sdprofile.cluster.resize import restart
from sdprofile.cluster.states import WorkerState, worker_states
from sdprofile.errors import one_line
from sdprofile.measure.clean import silent_workers, wait_until_idle
from sdprofile.measure.deaths import exit_words, tasks_at_death
from sdprofile.measure.standstill import Standstill, Watchdog
from sdprofile.model.failure import Failure
from sdprofile.model.units import format_seconds

if TYPE_CHECKING:
    from distributed import Client, Scheduler

_KILLS = "worker-restart-memory"
_ALL = "all"
_NANNYS_TIMEOUT = 0.5
"""Seconds in which a nanny tells that a worker that is gone was killed by it."""

_GRACE, _POLL = 1.0, 0.05


class FailureWatcher:
    """Stops a run at the first worker that dies, at a standstill, or when its time is over.

    Left alone, dask repeats the task until four workers have died of it.

    Notes
    -----
    A nanny that kills its worker logs the topic ``worker-restart-memory``
    (`distributed.worker_memory.NannyMemoryManager`). Of any worker that leaves, the scheduler logs
    ``remove-worker`` under the topic ``all``, also if the cell closed it. To stop a run, what it
    has submitted is cancelled, so that whatever waits for it in the cell fails. A cell that does
    not wait for its workers is interrupted when its time is over.
    """

    killed: dict[str, Any] | None = None
    """The nanny's event: ``worker``, ``pid`` and ``rss`` (bytes); None if no worker was killed."""

    killed_at: float | None = None
    """When the nanny told of it, in seconds of the scheduler's clock."""

    died: dict[str, Any] | None = None
    """The scheduler's event of a worker that was lost: ``worker``, ``processing-tasks``."""

    timed_out: bool = False
    """Whether the time limit was reached."""

    standstill: Standstill | None = None
    """Why nothing happened any more."""

    def __init__(self, client: Client, *, timeout: float | None) -> None:
        self._client = client
        self._timeout = timeout
        self._main = threading.current_thread() is threading.main_thread()
        self._lock = threading.Lock()
        self._running = self._interrupted = False
        self._timers: list[threading.Timer] = []
        self._stopper: threading.Thread | None = None
        self._watchdog = Watchdog(client, self._stop_and_interrupt)
        self._killed_tasks: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._held_before = set(self._client.futures)
        self._workers_before = worker_states(self._client)
        self._handlers_before = {
            topic: self._client._event_handlers.get(topic) for topic in (_KILLS, _ALL)
        }
        self._client.subscribe_topic(_KILLS, self._on_kill)
        self._client.subscribe_topic(_ALL, self._on_event)
        # The client only sends its wish: a worker may be lost before that arrives.
        self._client.run_on_scheduler(_subscribe, client=self._client.id)
        self._running = True
        self._start = time.perf_counter()
        self._watchdog.start()
        if self._timeout is not None:
            self._after(self._timeout, self._stop_and_interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        self._watchdog.stop()
        if self._client.status != "running":
            return
        for topic, handler in self._handlers_before.items():
            self._client.unsubscribe_topic(topic)
            # Dask leaves the handler in the client, and the next run would take it for the user's.
            self._client._event_handlers.pop(topic, None)
            if handler is not None:
                self._client.subscribe_topic(topic, handler)

    def watch(self, work: Callable[[], object]) -> BaseException | None:
        """Do the work, and return what it raised.

        Parameters
        ----------
        work
            What is measured.

        Returns
        -------
        BaseException or None
            Also an interrupt that this watcher sent itself.
        """
        try:
            try:
                work()
            finally:
                with self._lock:
                    self._running = False
        except BaseException as error:  # noqa: BLE001 - returned to the caller, who decides
            return error
        finally:
            if self._stopper is not None:
                self._stopper.join()
        return None

    def look_for_lost(self, states: Sequence[WorkerState]) -> None:
        """Note a worker that is not among these any more, and not yet told of by the scheduler."""
        there = {state.address for state in states}
        lost = [state.address for state in self._workers_before if state.address not in there]
        with self._lock:
            if lost and not self.is_over():
                self.died = {"worker": lost[0], "processing-tasks": []}

    def cancel(self) -> None:
        """Cancel what this run has submitted and still waits for; results stay."""
        from distributed import Future

        if self._client.status != "running":
            return
        waited_for: list[Future[object]] = [
            Future(key, client=self._client)
            for key, state in self._client.futures.items()
            if key not in self._held_before and state.status == "pending"
        ]
        if waited_for:
            self._client.cancel(waited_for)

    def give_up(self) -> None:
        """Cancel what this run has submitted, and let go of workers that cannot be asked more."""
        self.cancel()
        wait_until_idle(self._client)
        if silent := silent_workers(self._client):
            restart(self._client, silent, keep=self._held_before)

    def failure(
        self,
        error: BaseException | None,
        *,
        workers: int,
        repeat: int,
        seconds: float,
        memory_limit: int | None,
        what_happened: Callable[[str], str] = lambda worker: "a worker was lost",
    ) -> Failure | None:
        """Return what ended the run; None if it ended well.

        Parameters
        ----------
        error
            What `watch` returned.
        workers, repeat
            Which run it was.
        seconds
            How long it took until then.
        memory_limit
            Memory limit of each worker, in bytes.
        what_happened
            Tells what a worker died of that its nanny did not kill, by its address.
        """
        from distributed import KilledWorker

        details: dict[str, Any] = {}
        if isinstance(error, KeyboardInterrupt) and not self._interrupted:
            status, message = "interrupted", "interrupted by the user"
        elif self.killed is not None:
            status, message = "killed", "a worker was killed for memory"
            details = {
                "worker": self.killed["worker"],
                "nbytes": self.killed["rss"],
                "memory_limit": memory_limit,
                "tasks": self._killed_tasks,
            }
        elif self.died is not None:
            status, worker = "killed", self.died["worker"]
            message = exit_words(0) if self.died.get("expected") else what_happened(worker)
            details = {"worker": worker, "tasks": self._killed_tasks}
        elif self.standstill is not None:
            status, message = "stuck", self.standstill.message
            details = {"advice": self.standstill.advice}
        elif self.timed_out:
            status = "stuck"
            message = f"not through after {format_seconds(self._timeout or seconds)} (--timeout)"
        elif error is None:
            return None
        elif isinstance(error, KilledWorker):
            status, message = "killed", "workers died, and not by their nannies' hand"
            details = {"tasks": (str(error.task),), "memory_limit": memory_limit}
        else:
            status, message = "failed", one_line(error)
        return Failure(
            workers=workers,
            repeat=repeat,
            status=status,
            seconds=seconds,
            message=message,
            **details,
        )

    def _on_kill(self, event: tuple[float, dict[str, Any]]) -> None:
        # Called in the client's event loop, where only the asynchronous `cancel` may be used.
        with self._lock:
            if not self._running or self.killed is not None:
                return
            stopped = self.is_over()
            self.killed_at, self.killed = event
        if not stopped:
            self._stop()

    def _on_event(self, event: tuple[float, Any]) -> None:
        _, message = event
        if not isinstance(message, dict) or message.get("action") != "remove-worker":
            return
        with self._lock:
            if not self._running or self.is_over():
                return
            self.died = message
        self._stop()

    def is_over(self) -> bool:
        """Whether something has ended the run."""
        ends = (self.killed, self.died, self.standstill)
        return self.timed_out or any(end is not None for end in ends)

    def _stop_and_interrupt(self, standstill: Standstill | None = None) -> None:
        """End the run for a standstill, or else for its time."""
        with self._lock:
            if not self._running or self.is_over():
                return
            self.timed_out, self.standstill = standstill is None, standstill
        self._stop()
        if self._main:
            self._after(_GRACE, self._interrupt)

    def _stop(self) -> None:
        self._stopper = threading.Thread(
            target=self._read_and_cancel, name="sdprofile-stop", daemon=True
        )
        self._stopper.start()

    def _read_and_cancel(self) -> None:
        # The tasks first: those that are cancelled are no longer named.
        if self.died is not None:
            self._killed_tasks = tuple(str(key) for key in self.died["processing-tasks"])
        elif self.killed is not None:
            self._killed_tasks = tasks_at_death(self._client, self.killed["worker"])
        deadline = time.monotonic() + _NANNYS_TIMEOUT
        while True:
            # At once, or a new worker dies of the same task; again, for the cell may submit more.
            self.cancel()
            nannys_turn = self.died is not None and self.killed is None
            if not (self._running or (nannys_turn and time.monotonic() < deadline)):
                return
            time.sleep(_POLL)

    def _interrupt(self) -> None:
        with self._lock:
            # Held while the signal is sent, so that it arrives before `watch` has returned.
            if self._running:
                self._interrupted = True
                # Unlike _thread.interrupt_main, a signal also ends a sleep or a blocking read.
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, call)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()


def _subscribe(dask_scheduler: Scheduler, client: str) -> None:
    for topic in (_KILLS, _ALL):
        dask_scheduler.subscribe_topic(topic, client)
