"""What ended a run is known in whatever order its news come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from distributed import Client, KilledWorker

from sdprofile.cluster import worker_states as states
from sdprofile.cluster.worker_states import WorkerState
from sdprofile.measure import failures
from sdprofile.measure.failures import FailureWatcher
from sdprofile.measure.standstill import look
from sdprofile.model.failure import Failure

WORKER = "tcp://127.0.0.1:1"
KILL = {"worker": WORKER, "pid": 1, "rss": 950}
REMOVAL = {"action": "remove-worker", "worker": WORKER, "processing-tasks": {"x"}}
HERE = WorkerState(
    address=WORKER,
    identity="Worker-1",
    status="running",
    threads=1,
    memory_limit=1000,
    name="0",
    host="127.0.0.1",
)


class FakeClient:
    """A client without a cluster, whose events are sent by hand."""

    id = "Client-1"
    status = "running"

    def __init__(self) -> None:
        self.futures: dict[str, Any] = {}
        self.handlers: dict[str, Callable[[Any], None]] = {}

    def subscribe_topic(self, topic: str, handler: Callable[[Any], None]) -> None:
        self.handlers[topic] = handler

    def run_on_scheduler(self, function: Any, **_: object) -> Any:
        if function is look:
            raise RuntimeError  # there is none to look at
        return (HERE,) if function is states._worker_states else [None]

    def tell(self, event: dict[str, Any]) -> None:
        for handler in self.handlers.values():
            handler((1.0, event))


class Told:
    """What a watcher says of a run during and after which some events came."""

    def __init__(
        self,
        *during: dict[str, Any],
        after: tuple[dict[str, Any], ...] = (),
        error: BaseException | None = None,
        there: tuple[WorkerState, ...] = (),
        late: bool = False,
    ) -> None:
        self.client = FakeClient()
        watcher = FailureWatcher(cast("Client", self.client), timeout=None)

        def work() -> None:
            for event in during:
                self.client.tell(event)
            if error is not None:
                raise error

        def tell_the_rest() -> None:
            for event in after:
                self.client.tell(event)

        with watcher:
            raised = watcher.watch(work)
            telling = threading.Thread(target=tell_the_rest)
            telling.start()
            if not late:
                telling.join()
            watcher.settle(raised, there)
            telling.join()
            self.failure: Failure | None = watcher.failure(
                raised,
                exits={WORKER: 3},
            )
        self.watcher = watcher


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(lambda: Told(KILL, REMOVAL), id="kill, then removal"),
        pytest.param(lambda: Told(REMOVAL, KILL), id="removal, then kill"),
        pytest.param(
            lambda: Told(REMOVAL, after=(KILL,), error=LookupError()), id="kill after the cell"
        ),
        pytest.param(
            lambda: Told(after=(REMOVAL, KILL), error=LookupError()), id="both after the cell"
        ),
        pytest.param(
            lambda: Told(after=(KILL, REMOVAL), error=LookupError()), id="both the other way round"
        ),
    ],
)
def test_a_kill_for_memory_is_told_in_any_order(told: Callable[[], Told]) -> None:
    failure = told().failure
    assert failure is not None
    assert (failure.status, failure.message) == ("killed", "a worker was killed for memory")
    assert (failure.worker, failure.nbytes, failure.tasks) == (WORKER, 950, ("x",))


def test_a_nanny_may_tell_of_its_kill_while_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(failures, "_NANNYS_TIMEOUT", 30.0)
    failure = Told(REMOVAL, after=(KILL,), error=LookupError(), late=True).failure
    assert failure is not None
    assert failure.nbytes == 950


def test_a_removal_alone_is_no_kill_by_the_nanny() -> None:
    failure = Told(REMOVAL, error=LookupError()).failure
    assert failure is not None
    assert (failure.status, failure.message) == ("killed", "a worker exited with status 3")
    assert failure.nbytes is None


def test_a_worker_that_the_cell_closed_is_told_so() -> None:
    failure = Told({**REMOVAL, "expected": True}).failure
    assert failure is not None
    assert failure.message.startswith("a worker was closed or restarted")


def test_a_worker_that_is_gone_without_a_word_is_missed() -> None:
    failure = Told().failure
    assert failure is not None
    assert failure.message == "a worker exited with status 3"


def test_the_error_of_a_cell_is_not_taken_for_a_kill_that_comes_after_it() -> None:
    failure = Told(after=(KILL,), error=LookupError("nothing here"), there=(HERE,)).failure
    assert failure is not None
    assert (failure.status, failure.message) == ("failed", "LookupError: nothing here")


def test_dasks_own_word_for_a_task_whose_workers_died_names_worker_and_task() -> None:
    error = KilledWorker("x", cast("Any", HERE), 0)
    failure = Told(error=error, there=(HERE,)).failure
    assert failure is not None
    assert (failure.status, failure.worker, failure.tasks) == ("killed", WORKER, ("x",))


def test_a_run_ends_well_without_news() -> None:
    assert Told(there=(HERE,)).failure is None


def test_news_that_come_when_the_run_has_been_left_change_nothing() -> None:
    told = Told(there=(HERE,))
    told.client.tell(REMOVAL)
    told.client.tell(KILL)
    assert not told.watcher.is_over()


def test_a_run_is_stopped_once_whoever_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stoppers: list[threading.Thread] = []
    monkeypatch.setattr(
        FailureWatcher,
        "_learn_and_cancel",
        lambda _: stoppers.append(threading.current_thread()),
    )
    client = FakeClient()
    watcher = FailureWatcher(cast("Client", client), timeout=None)
    barrier = threading.Barrier(8)

    def tell(event: dict[str, Any]) -> None:
        barrier.wait()
        client.tell(event)

    def work() -> None:
        threads = [threading.Thread(target=tell, args=(each,)) for each in (KILL, REMOVAL) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with watcher:
        assert watcher.watch(work) is None
        assert [stopper.is_alive() for stopper in stoppers] == [False]
    assert watcher.is_over()
