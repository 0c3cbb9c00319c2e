"""Watches for workers that die and for runs that take too long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.clean import SILENCE, silent_workers, wait_until_idle
from sdprofile.cluster.questions import Questions
from sdprofile.cluster.restart import restart
from sdprofile.cluster.worker_states import WorkerState
from sdprofile.errors import one_line
from sdprofile.internals.distributed.client import futures
from sdprofile.interrupts import interrupt_work, reach_here
from sdprofile.measure.deaths import Deaths, exit_words
from sdprofile.measure.gpu_errors import is_out_of_gpu_memory
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.standstill import Standstill, Watchdog
from sdprofile.model.failure import NO_GPU_MEMORY, Failure
from sdprofile.model.memory_use import Kill
from sdprofile.units import format_seconds

if TYPE_CHECKING:
    from distributed import Client

_NANNYS_TIMEOUT = 0.5
"""Seconds in which a nanny tells that a worker that is gone was killed by it."""

_REMOVED_TIMEOUT = 5.0
"""Seconds in which the scheduler notices that a worker is gone."""

_GRACE, _POLL = 1.0, 0.05


class FailureWatcher(Instrument[None]):
    """Stops a run at the first worker that dies, at a standstill, or when its time is over.

    Left alone, dask repeats the task until four workers have died of it.

    Notes
    -----
    To stop a run, what it has submitted is cancelled, so that whatever waits for it in the cell
    fails. A cell that does not wait for its workers is interrupted when its time is over. A nanny
    tells of its kill, and the scheduler of the worker that left, in any order and perhaps only when
    the cell has failed of it.
    """

    killed: Kill | None = None
    """What the nanny told of the worker that it killed for memory; None if none was killed."""

    died: str = ""
    """Address of the first worker that was lost."""

    timed_out: bool = False
    """Whether the time limit was reached."""

    standstill: Standstill | None = None
    """Why nothing happened any more."""

    def __init__(self, client: Client, *, timeout: float | None) -> None:
        super().__init__(client)
        self._timeout = timeout
        self._can_interrupt = reach_here()
        self._changed = threading.Condition()
        self._running = self._interrupted = False
        self._timers: list[threading.Timer] = []
        self._stopper: threading.Thread | None = None
        self._deaths = Deaths(client, self._on_death)
        self._watchdog = Watchdog(client, self._stop_and_interrupt)
        self._left: dict[str, dict[str, Any]] = {}
        self._kills: dict[str, Kill] = {}

    def begin(self, asked: Questions) -> None:
        """Note what there is, and have deaths told."""
        self._held_before = set(futures(self._client))
        self._workers_before = asked.states
        self._running = True
        self._deaths.begin(asked)

    def start(self) -> None:
        """Begin to watch."""
        self._watchdog.start()
        if self._timeout is not None:
            self._after(self._timeout, self._stop_and_interrupt)

    def end(self, asked: Questions) -> None:
        """Watch no more."""
        self._stop_watching()
        self._deaths.end(asked)

    def read(self) -> None:
        """Return nothing; see `failure`."""

    def abandon(self) -> None:
        """Watch no more."""
        self._stop_watching()
        self._deaths.abandon()

    def _stop_watching(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._watchdog.stop()
        self._running = False

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
                with self._changed:
                    self._running = False
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - returned to the caller, who decides
            return error
        finally:
            if self._stopper is not None:
                self._stopper.join()
        return None

    def settle(self, error: BaseException | None, states: Sequence[WorkerState]) -> None:
        """Note a worker that was lost, and wait a moment for its nanny to say that it killed it.

        Parameters
        ----------
        error
            What `watch` returned.
        states
            The workers that there are now.
        """
        from distributed import KilledWorker

        there = {state.address for state in states}
        lost = [state.address for state in self._workers_before if state.address not in there]
        with self._changed:
            if not self.is_over():
                if isinstance(error, KilledWorker):
                    lost.insert(0, error.last_worker.address)
                    self._left.setdefault(lost[0], {"processing-tasks": [error.task]})
                self.died = lost[0] if lost else ""
            if self.died and self.killed is None:
                self._changed.wait_for(lambda: self.died in self._kills, _NANNYS_TIMEOUT)
                self.killed = self._kills.get(self.died)

    def cancel(self) -> None:
        """Cancel what this run has submitted and still waits for; results stay."""
        from distributed import Future

        if self._client.status != "running":
            return
        waited_for: list[Future[object]] = [
            Future(key, client=self._client)
            for key, state in futures(self._client).items()
            if key not in self._held_before and state.status == "pending"
        ]
        if waited_for:
            self._client.cancel(waited_for)

    def give_up(self) -> None:
        """Cancel what this run has submitted, and let go of workers that cannot be asked more."""
        self.cancel()
        wait_until_idle(self._client, timeout=SILENCE)
        if silent := silent_workers(self._client):
            restart(self._client, silent, keep=self._held_before)

    def failure(self, error: BaseException | None, *, exits: Mapping[str, int]) -> Failure | None:
        """Return what ended the run; None if it ended well.

        Parameters
        ----------
        error
            What `watch` returned.
        exits
            With what code the processes of workers have ended, by address.
        """
        details: dict[str, Any] = {}
        if isinstance(error, KeyboardInterrupt) and not self._interrupted:
            status, message = "interrupted", "interrupted by the user"
        elif self.killed is not None:
            status, message = "killed", "a worker was killed for memory"
            details = {
                "worker": self.killed.worker,
                "nbytes": self.killed.nbytes,
                "tasks": self._tasks_of(self.killed.worker),
            }
        elif self.died:
            expected = self._left.get(self.died, {}).get("expected")
            status = "killed"
            message = exit_words(0 if expected else exits.get(self.died))
            details = {"worker": self.died, "tasks": self._tasks_of(self.died)}
        elif self.timed_out or self.standstill is not None:
            status, message = "stuck", ""
            if self.timed_out:
                limit = format_seconds(self._timeout or 0.0)
                message = f"not finished after {limit} (--timeout)"
            if self.standstill is not None:
                message += f": {self.standstill.message}" if message else self.standstill.message
                details = {"advice": self.standstill.advice}
        elif error is None:
            return None
        else:
            status, message = "failed", one_line(error)
            if is_out_of_gpu_memory(error):
                status = NO_GPU_MEMORY
        return Failure(status=status, message=message, **details)

    def is_over(self) -> bool:
        """Whether something has ended the run."""
        return bool(self.killed or self.died or self.standstill or self.timed_out)

    def _tasks_of(self, worker: str) -> tuple[str, ...]:
        """Return the keys of the tasks that a worker was given when it left."""
        return tuple(str(key) for key in self._left.get(worker, {}).get("processing-tasks", ()))

    def _on_death(self, at: float, event: dict[str, Any]) -> None:
        # Called in the client's event loop, where only the asynchronous `cancel` may be used.
        worker, by_nanny = event["worker"], "rss" in event
        with self._changed:
            running, stopped = self._running, self.is_over()
            if by_nanny:
                kill = Kill(worker=worker, nbytes=event["rss"], at=at)
                self._kills.setdefault(worker, kill)
                if running and self.killed is None:
                    self.killed = kill
            else:
                self._left.setdefault(worker, event)
                if running and not stopped:
                    self.died = worker
            self._changed.notify_all()
            if running and not stopped:
                self._stop()

    def _stop_and_interrupt(self, standstill: Standstill | None = None) -> None:
        """End the run for a standstill, or else for its time."""
        with self._changed:
            if not self._running or self.is_over():
                return
            self.timed_out, self.standstill = standstill is None, standstill
            self._stop()
        if self._can_interrupt:
            self._after(_GRACE, self._interrupt)

    def _stop(self) -> None:
        """Start to cancel; called with the lock held while the work runs, which waits for it."""
        work = self._learn_and_cancel
        self._stopper = threading.Thread(target=work, name="sdprofile-stop", daemon=True)
        self._stopper.start()

    def _learn_and_cancel(self) -> None:
        # First what can be seen only before: of a task that is cancelled no event tells.
        if self.timed_out:
            self.standstill = self._watchdog.look_again()
        with self._changed:
            if self.killed is not None:
                worker = self.killed.worker
                self._changed.wait_for(lambda: worker in self._left, _REMOVED_TIMEOUT)
        while True:
            # At once, or a new worker dies of the same task; again, for the cell may submit more.
            self.cancel()
            if not self._running:
                return
            time.sleep(_POLL)

    def _interrupt(self) -> None:
        with self._changed:
            # Held while the signal is sent, so that it arrives before `watch` has returned.
            if self._running:
                self._interrupted = True
                interrupt_work()

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, call)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()
