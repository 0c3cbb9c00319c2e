"""A worker that dies by itself or by others is a result, with what it died of, at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest
from distributed import Client
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
