"""Tasks are recorded in real runs, and predictions come of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
from distributed import Client
from profiles import make_setting
from runs import MIB

import sdprofile
from sdprofile.errors import SdprofileError
from sdprofile.measure.clock import Clock
from sdprofile.measure.trace import TaskTrace
from sdprofile.model.trace import Trace


def sleeping() -> None:
    """Compute 16 tasks of 0.25 s, and one that reads them all."""

    @dask.delayed(pure=False)
    def sleep(index: int) -> bytes:
        time.sleep(0.25)
        return b"x" * MIB

    dask.delayed(len)([sleep(index) for index in range(16)]).compute()


def recorded(client: Client, work: Any) -> Trace:
    """Return the tasks of some work."""
    clock = Clock()
    tracer = TaskTrace(client, clock, setting=make_setting())
    with tracer, client.as_current(), clock:
        work()
    return tracer.reading


@pytest.mark.quiet
def test_more_workers_are_predicted_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "predicted.json"
    profile = sdprofile.profile(
        sleeping, workers=(1, 2), memory="500MB", repeats=1, predict=(8, 4), save=str(path)
    )

    assert profile.predictions is not None
    times = {each.workers: each.seconds for each in profile.predictions.every}
    assert list(times) == [1, 2, 4, 8]
    # 16, 8, 4 and 2 sleeps in a row, and what a slow machine adds.
    assert all(4.0 / workers <= seconds for workers, seconds in times.items())
    assert times[8] < times[4]
    assert all(each.shortest < each.seconds < each.longest for each in profile.predictions.asked)
    most = max(run.peak_worker or 0 for run in profile.runs)
    assert all(0 < (each.peak_worker or 0) < 1.5 * most for each in profile.predictions.every)
    assert sdprofile.load(path) == profile
    assert "predicted by a replay of the tasks of 1 worker" in str(profile)


def test_nothing_is_predicted_where_no_run_ended_well() -> None:
    def work() -> None:
        raise ValueError("of the cell")

    with pytest.raises(ValueError, match="of the cell"):
        sdprofile.profile(work, workers=1, memory="500MB", repeats=1, predict=2)


def test_a_grid_is_not_predicted() -> None:
    with pytest.raises(SdprofileError, match="--predict: expected one --memory"):
        sdprofile.profile(sleeping, workers=1, memory=("500MB", "600MB"), predict=2)


def test_tasks_are_recorded_with_what_they_read(client: Client) -> None:
    trace = recorded(client, sleeping)

    assert len(trace) == 17
    assert len(trace.arrivals) == 1
    by_prefix = {trace.groups[group].prefix: group for group in trace.group}
    last = list(trace.group).index(by_prefix["len"])
    assert list(trace.wanted) == [int(index == last) for index in range(17)]
    reads = trace.inputs[trace.first_input[last] : trace.first_input[last + 1]]
    assert sorted([*reads, last]) == list(range(17))
    others = [index for index in range(17) if index != last]
    for index in others:
        assert 0.25 <= trace.ended[index] - trace.begun[index] < 0.6
        assert MIB <= trace.nbytes[index] < 1.1 * MIB
        assert trace.ended[index] <= trace.begun[last]
        assert trace.order[index] < trace.order[last]
    assert 0 < trace.scheduler_seconds < trace.seconds


def test_graphs_in_a_row_are_told_apart_and_when_their_results_are_dropped(client: Client) -> None:
    def work() -> None:
        for size in (1, 2):
            kept = dask.delayed(np.ones, pure=False)(size * MIB).persist()
            kept.compute()
            del kept
            time.sleep(0.2)

    trace = recorded(client, work)

    ones = [
        index for index in range(len(trace)) if trace.groups[trace.group[index]].prefix == "ones"
    ]
    first, second = ones
    assert trace.graph[first] < trace.graph[second]
    assert list(trace.arrivals) == sorted(trace.arrivals)
    assert trace.ended[first] < trace.released[first] < trace.arrivals[trace.graph[second]]


def test_the_scheduler_forgets_the_recorder(client: Client) -> None:
    with TaskTrace(client, Clock(), setting=make_setting()), client.as_current():
        dask.delayed(abs)(-1).compute()

    assert not client.run_on_scheduler(lambda dask_scheduler: "sdprofile" in dask_scheduler.plugins)
