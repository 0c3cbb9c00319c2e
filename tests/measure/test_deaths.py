"""A worker that dies by itself or by others is a result, with what it died of, at once."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from conftest import wait_until
from distributed import Client, Scheduler
from runs import measure

from sdprofile.cluster.resize import resize
from sdprofile.measure.deaths import exit_words


def kill_itself(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


@pytest.mark.parametrize(
    ("die", "argument", "words"),
    [
        (os._exit, 3, "a worker exited with status 3"),
        (kill_itself, signal.SIGKILL, "a worker was killed from outside (SIGKILL, perhaps"),
        (kill_itself, signal.SIGSEGV, "a worker crashed (SIGSEGV)"),
    ],
)
def test_a_death_is_told_at_the_first(
    one_worker: Client, die: Callable[[int], None], argument: int, words: str
) -> None:
    def work() -> None:
        one_worker.submit(die, argument, key=f"dying-{argument}", pure=False).result()

    run, error = measure(work, one_worker)

    assert error is not None
    assert run.status == "killed"
    assert run.failure is not None
    assert run.failure.message.startswith(words)
    assert run.failure.tasks == (f"dying-{argument}",)
    assert run.failure.nbytes is None
    resize(one_worker, 1)
    run, _ = measure(lambda: one_worker.submit(abs, -1, pure=False).result(), one_worker)
    assert run.status == "ok"


def test_death_of_a_worker_that_does_nothing_is_told_too(one_worker: Client) -> None:
    [pid] = one_worker.run(os.getpid).values()

    def work() -> None:
        os.kill(pid, signal.SIGKILL)
        one_worker.submit(time.sleep, 60, pure=False).result()

    run, _ = measure(work, one_worker)

    assert run.status == "killed"
    assert run.seconds < 30
    resize(one_worker, 1)


def log_for_a_while(topics: list[str], dask_scheduler: Scheduler) -> None:
    """Log events every 2 ms, so that some are always on their way to whoever wants them."""
    for number in range(500):
        event = {"action": "none", "number": number}
        dask_scheduler.loop.call_later(number / 500, dask_scheduler.log_event, topics, event)


def test_events_on_their_way_at_the_end_of_a_run_find_a_handler(one_worker: Client) -> None:
    logged: list[logging.LogRecord] = []
    heard: list[Any] = []
    handler = logging.Handler(level=logging.ERROR)
    handler.emit = logged.append  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    topics = ["all", "worker-restart-memory", f"sdprofile-deaths-{one_worker.id}"]
    before = dict(one_worker._event_handlers)
    one_worker.subscribe_topic("all", heard.append)
    for logger in loggers:
        logger.addHandler(handler)
    try:
        one_worker.run_on_scheduler(partial(log_for_a_while, topics[:2]))
        for _ in range(2):
            run, _ = measure(lambda: None, one_worker)
            assert run.status == "ok"
        one_worker.log_event(topics, "last")
        wait_until(lambda: any(message == "last" for _, message in heard))
        assert one_worker._event_handlers["all"] == heard.append
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        one_worker.unsubscribe_topic("all")
    assert logged == []
    assert set(one_worker._event_handlers) - set(before) <= {"all", topics[2]}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "a worker was lost, and what it died of is not known"),
        (0, "a worker was closed or restarted, as by client.restart() or cluster.scale()"),
        (-15, "a worker was killed from outside (SIGTERM)"),
        (-6, "a worker crashed (SIGABRT)"),
        (-77, "a worker crashed (signal 77)"),
    ],
)
def test_exit_code_in_words(code: int | None, words: str) -> None:
    assert exit_words(code) == words
