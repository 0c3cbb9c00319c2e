"""Each run has its tasks, as far as they got."""

from __future__ import annotations

import math
import time

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import Client, as_completed, wait
from runs import measure

from sdprofile.explain.lines import lines_of_graphs
from sdprofile.model.run import Run
from sdprofile.model.trace import Trace


def trace_of(run: Run) -> Trace:
    """Return the tasks of a run, which were recorded."""
    assert run.trace is not None
    return run.trace


def prefixes(trace: Trace) -> list[str]:
    """Return the prefix of each task."""
    return [trace.groups[group].prefix for group in trace.group]


@dask.delayed(pure=False)
def nap(*_: object) -> float:
    """Sleep for a moment."""
    time.sleep(0.05)
    return 1.0


def nap_here(seconds: float) -> None:
    """Sleep."""
    time.sleep(seconds)


def slowly(block: np.ndarray) -> np.ndarray:
    """Sleep for a moment."""
    time.sleep(0.01)
    return block


@dask.delayed(pure=False)
def fail(*_: object) -> None:
    """Raise an error after a moment."""
    time.sleep(0.05)
    raise ValueError("of the cell")


def test_a_task_is_ready_then_sent_then_runs(client: Client) -> None:
    run, _ = measure(lambda: nap(nap()).compute(), client)
    trace = trace_of(run)

    first, second = sorted(range(2), key=lambda index: trace.begun[index])
    assert (trace.workers, trace.threads, trace.seconds) == (1, 1, run.seconds)
    assert 0 <= trace.arrivals[0] <= trace.sent[first] <= trace.begun[first]
    assert trace.ended[first] <= trace.sent[second] <= trace.begun[second]
    assert trace.ended[second] <= run.seconds
    assert all(end - start >= 0.05 for start, end in zip(trace.begun, trace.ended, strict=True))
    assert list(trace.worker) == [0, 0]
    assert len(trace.addresses) == 1
    [call], [sends] = zip(trace.calls.begun, trace.calls.ended, strict=True), trace.calls.sends
    assert sends == 2
    assert 0 <= call[0] <= trace.arrivals[0] <= trace.ended[second] <= call[1] <= run.seconds


def test_a_graph_that_comes_again_runs_again(client: Client) -> None:
    """Dask may send it before the scheduler has forgotten its tasks, which have the same names."""
    lazy = da.ones((4, 4), chunks=2).map_blocks(slowly, dtype=float).sum()

    once, _ = measure(lazy.compute, client)
    run, _ = measure(lambda: [lazy.compute() for _ in range(12)], client)
    trace = trace_of(run)

    assert len(trace.arrivals) == 12
    assert len(trace) == run.work.tasks == 12 * once.work.tasks
    by_graph = [[i for i in range(len(trace)) if trace.graph[i] == graph] for graph in range(12)]
    assert {len(tasks) for tasks in by_graph} == {once.work.tasks}
    over = [max(trace.ended[task] for task in tasks) for tasks in by_graph]
    assert all(end <= next_one for end, next_one in zip(over, trace.arrivals[1:], strict=False))
    again = run.steps.recomputed
    assert again is not None
    assert (again.blocks, again.made, len(again.graphs)) == (4, 4 * 12, 12)
    busy = sum(end - begun for begun, end in zip(trace.begun, trace.ended, strict=True))
    assert again.seconds == pytest.approx(busy * 11 / 12, rel=0.3)


def test_a_run_that_fails_has_the_tasks_that_came_before(client: Client) -> None:
    run, error = measure(lambda: nap(fail(nap())).compute(), client)
    trace = trace_of(run)

    assert (run.status, type(error)) == ("failed", ValueError)
    ran = {
        (prefix, index)
        for index, prefix in enumerate(prefixes(trace))
        if trace.ended[index] < math.inf
    }
    assert sorted(prefix for prefix, _ in ran) == ["fail", "nap"]
    assert len(trace) == 3


def test_a_task_is_given_up_when_what_it_needs_has_failed(client: Client) -> None:
    def work() -> None:
        kept = nap(fail()).persist()
        wait(kept)
        time.sleep(0.2)
        kept.key  # noqa: B018 - it is held until here

    run, _ = measure(work, client)
    trace = trace_of(run)

    assert prefixes(trace) == ["nap", "fail"]
    assert trace.ended[0] == math.inf
    assert trace.ended[1] <= trace.released[0] < run.seconds - 0.15


def test_what_is_held_from_before_is_no_task(client: Client) -> None:
    held = client.submit(abs, -7, key="held")
    assert held.result() == 7
    run, _ = measure(lambda: client.submit(abs, -7, key="held").result(), client)
    trace = trace_of(run)
    assert len(trace) == 0
    assert list(trace.calls.sends) == [1, 0]


def test_calls_within_a_call_are_part_of_it_and_the_functions_are_as_they_were(
    client: Client,
) -> None:
    before = [each.__code__ for each in (dask.compute, dask.persist, Client.submit, Client.gather)]

    def work() -> None:
        dask.compute(nap())
        client.gather(
            [client.submit(abs, -1), dask.persist(nap())[0].key and client.submit(abs, 2)]
        )

    run, _ = measure(work, client)

    assert list(trace_of(run).calls.sends) == [2, 1, 1, 1, 0]
    first = work.__code__.co_firstlineno
    assert [line - first for line in trace_of(run).calls.line] == [1, 3, 3, 3, 2]
    after = [each.__code__ for each in (dask.compute, dask.persist, Client.submit, Client.gather)]
    assert after == before


def test_each_turn_of_as_completed_waits(client: Client) -> None:
    before = as_completed.__next__.__code__

    def work() -> None:
        naps = client.map(nap_here, [0.1, 0.2], pure=False)
        for _ in as_completed(naps):
            pass
        next(as_completed(naps))
        as_completed(naps).next_batch()

    run, _ = measure(work, client)
    trace = trace_of(run)

    assert list(trace.calls.sends) == [1, 0, 0, 0, 0, 0]
    first = work.__code__.co_firstlineno
    assert [line - first for line in trace.calls.line] == [1, 2, 2, 2, 4, 5]
    for over, task in zip(trace.calls.ended[1:3], sorted(trace.ended), strict=True):
        assert over > task - 0.05  # the clocks may differ
    assert as_completed.__next__.__code__ is before


def test_what_is_computed_in_the_kernel_sends_nothing(client: Client) -> None:
    def work() -> None:
        kept = nap().persist()
        nap().compute(scheduler="threads")
        nap().persist(scheduler="synchronous")
        nap(kept).compute()  # only what is not there yet is sure to be sent before it ends

    run, _ = measure(work, client)

    assert list(trace_of(run).calls.sends) == [1, -1, -1, 2]
    first = work.__code__.co_firstlineno
    assert [line - first for line in lines_of_graphs(trace_of(run))] == [1, 4]


def test_cores_are_those_that_the_tasks_used(client: Client) -> None:
    def spin() -> None:
        end = time.thread_time() + 0.5
        while time.thread_time() < end:
            pass

    run, _ = measure(lambda: client.submit(spin).result(), client)

    [cores] = trace_of(run).cores
    assert cores.worker == trace_of(run).addresses[0]
    assert cores.cpus >= 1
    assert (len(cores.used) - 1) * cores.step < run.seconds <= len(cores.used) * cores.step
    lengths = [cores.step] * (len(cores.used) - 1)
    lengths.append(run.seconds - sum(lengths))
    used = sum(each * length for each, length in zip(cores.used, lengths, strict=True))
    assert used == pytest.approx(0.5, abs=0.25)  # in steps of 10 ms, with the event loop


def test_tasks_that_need_a_resource_are_marked(client: Client) -> None:
    def work() -> None:
        with dask.annotate(resources={"sdprofile memory": 0.0}):
            first = nap()
        dask.compute(first, optimize_graph=False)

    run, _ = measure(work, client)
    assert list(trace_of(run).limited) == [1]
