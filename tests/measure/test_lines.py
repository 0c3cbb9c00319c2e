"""The lines of a cell that runs on real workers: whose the tasks and the kernel's time are."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

import pytest
from distributed import Client
from runs import measure

from sdprofile.explain.account import account
from sdprofile.explain.lines import line_uses
from sdprofile.model.account import WITHIN_TASKS
from sdprofile.model.run import Run

CELL = """\
def helper(client):
    futures = client.map(nap, [0.3, 0.3], pure=False)
    return client.gather(futures)

def work():
    time.sleep(0.5)
    client.submit(nap, 0.4, pure=False).result()
    made = [
        da.full(10, 7, chunks=5)
        for _ in range(2)
    ]
    kept = da.stack(made).map_blocks(slow, dtype=int).persist()
    wait(kept)
    helper(client)
    sum(
        client.submit(abs, number, pure=False).result()
        for number in range(3)
    )
"""
FILE = "lines-of-a-cell.py"


@pytest.fixture
def cell(client: Client) -> Callable[[], object]:
    """Return a function as a notebook has it: of a file that only `linecache` knows."""
    linecache.cache[FILE] = (len(CELL), None, CELL.splitlines(keepends=True), FILE)
    preparation = """
import time
import dask.array as da
from distributed import wait

def nap(seconds):
    time.sleep(seconds)

def slow(block):
    time.sleep(0.1)
    return block
"""
    names: dict[str, Any] = {"__name__": "__main__", "client": client}
    exec(preparation, names)
    exec(compile(CELL, FILE, "exec"), names)
    made: Callable[[], object] = names["work"]
    return made


def made_by(run: Run) -> dict[tuple[str, int], tuple[int, float, float]]:
    """Return for each line its tasks, and its seconds in the kernel and on threads."""
    return {
        (use.function, use.line): (use.tasks, use.seconds, use.thread_seconds)
        for use in line_uses(run)
    }


def test_tasks_are_of_the_line_that_sent_them(client: Client, cell: Callable[[], object]) -> None:
    run, error = measure(cell, client)

    assert error is None
    found = made_by(run)
    tasks, seconds, threads = found["", 7]
    assert tasks == 1
    assert threads > 0.39
    assert seconds > 0.39
    tasks, _, threads = found["", 12]
    assert tasks >= 4
    assert threads > 0.39
    assert found["", 13][0] == 0  # it only waits
    tasks, seconds, threads = found["", 14]
    assert (tasks, threads > 0.59, seconds > 0.59) == (2, True, True)
    assert found["", 16][0] == 3  # in a comprehension, which may be a function of its own
    assert found["helper", 2][0] == 2
    assert found["helper", 3][:1] == (0,)
    assert found["helper", 3][1] > 0
    for within_tasks in (("nap", 7), ("slow", 10)):
        tasks, _, threads = found[within_tasks]
        assert (tasks, threads > 0) == (0, True)
    texts = {(each.function, each.line): each.text for each in run.steps.lines}
    assert texts["", 7] == "client.submit(nap, 0.4, pure=False).result()"
    assert texts["helper", 2] == "futures = client.map(nap, [0.3, 0.3], pure=False)"


def test_lines_add_up_to_the_account(client: Client, cell: Callable[[], object]) -> None:
    run, _ = measure(cell, client)

    assert run.trace is not None
    of_cell = [use for use in line_uses(run) if not use.function]
    assert sum(use.seconds for use in of_cell) == pytest.approx(run.seconds)
    parts = account(run)
    assert sum(part.seconds for part in parts) == pytest.approx(run.seconds)
    inside = sum(part.seconds for part in parts if part.cause in WITHIN_TASKS)
    assert sum(use.thread_seconds for use in of_cell) == pytest.approx(inside * run.all_threads)
    assert sum(use.tasks for use in of_cell) == run.work.tasks


def test_the_kernels_own_work_is_of_its_line(client: Client, cell: Callable[[], object]) -> None:
    run, _ = measure(cell, client)

    [slept] = [use for use in line_uses(run) if use.line == 6]
    assert slept.own_seconds > 0.3
    assert slept.own_seconds == slept.seconds <= run.seconds
