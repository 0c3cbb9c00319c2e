"""What chunks of another size would take, from made-up tasks."""

from __future__ import annotations

import pytest
from profiles import make_activity, make_profile, make_run
from traces import make_trace

from sdprofile.explain.chunk_sizes import chunk_sizes
from sdprofile.model.run import Run


def run(seconds: list[float], *, overhead: float = 0.0, workers: int = 1) -> Run:
    """Return a run of tasks that need nothing of each other."""
    trace = make_trace(
        seconds, wanted=range(len(seconds)), overhead=overhead, workers=workers, groups=None
    )
    spans = (make_activity("thread-cpu", sum(seconds), prefix="group0"),)
    return make_run(workers, seconds=trace.seconds, trace=trace, spans=spans)


def times(found: Run) -> dict[float, float]:
    return {each.factor: each.seconds for each in chunk_sizes(found, cpus=8)}


def test_as_it_was_it_takes_what_it_took() -> None:
    found = run([1.0] * 16, overhead=0.1)
    assert times(found)[1] == pytest.approx(found.seconds)


def test_fewer_tasks_have_less_overhead() -> None:
    told = times(run([0.01] * 64, overhead=0.01))
    assert told[16] < told[4] < told[1] < told[1 / 4]


def test_fewer_tasks_than_workers_leave_some_without() -> None:
    told = times(run([1.0] * 4, workers=1))
    assert 8 not in told  # there are but four
    assert set(told) == {1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4}


def test_numbers_of_chunks_and_tasks() -> None:
    found = {each.factor: each for each in chunk_sizes(run([1.0] * 8), cpus=8)}
    assert (found[1 / 2].chunks, found[1 / 2].tasks) == (16, 16)
    assert (found[4].chunks, found[4].tasks) == (2, 2)


def test_what_cannot_be_told_is_empty() -> None:
    assert chunk_sizes(make_run(), cpus=8) == ()
    assert chunk_sizes(make_run(0, peak=None), cpus=8) == ()


def test_many_tasks_are_not_cut_further() -> None:
    told = times(run([0.001] * 4000))
    assert min(told) == 1 / 2


def test_frame_has_a_row_for_each_size() -> None:
    frame = make_profile(run([1.0] * 8)).chunk_sizes()
    assert list(frame) == ["workers", "repeat", "factor", "chunks", "tasks", "seconds"]
    assert frame["factor"].tolist() == [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8]
    empty = make_profile(make_run()).chunk_sizes()
    assert list(empty) == list(frame)
    assert empty.empty
