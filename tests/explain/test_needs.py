"""What a worker needs that was killed, and what the peak of another is made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from profiles import GB, make_failure, make_profile, make_run, make_task
from traces import make_trace

from sdprofile.explain.needs import Need, need_of, peak_parts
from sdprofile.model.memory import ClusterPeak, WorkerPeak
from sdprofile.model.run import Run
from sdprofile.model.trace import Trace

MB = 10**6
FINALIZE = "finalize-hlgfinalizecompute-0123"


def need(*runs: Run) -> Need | None:
    profile = make_profile(*runs)
    return need_of(profile.failures[0], profile)


def finalizing(*sizes: int) -> Trace:
    """Return tasks of these sizes, and one that was to put them together."""
    trace = make_trace(
        [1.0] * (len(sizes) + 1),
        inputs={len(sizes): range(len(sizes))},
        groups=[0] * len(sizes) + [1],
    )
    first, last = trace.groups
    last = replace(last, prefix="finalize-hlgfinalizecompute")
    return replace(trace, groups=(first, last), nbytes=type(trace.nbytes)("q", [*sizes, 0]))


def killed(trace: Trace | None = None, *, task: str = FINALIZE, **kwargs: Any) -> Run:
    failure = make_failure(nbytes=600 * MB, tasks=(task,))
    return make_run(1, status="killed", failure=failure, trace=trace, **kwargs)


def test_a_result_that_is_put_together_is_there_twice() -> None:
    found = need(killed(finalizing(*[96 * MB] * 4)))
    assert found is not None
    assert found.words(decimal=True) == (
        "it needs about 968 MB: 200 MB at rest and 2 x 384 MB of result"
    )


def test_chunks_whose_size_is_not_known_are_like_the_others() -> None:
    found = need(killed(finalizing(96 * MB, 96 * MB, 96 * MB, 0)))
    assert found is not None
    assert found.low == found.high == GB // 5 + 2 * 384 * MB
    assert need(killed(finalizing(96 * MB, 0, 0, 0))) is None
    assert need(killed()) is None


def test_what_more_workers_had_together_is_enough_for_one() -> None:
    peak = ClusterPeak(low=GB, high=11 * GB // 10)
    found = need(killed(task="add-0123"), make_run(2, cluster_peak=peak))
    assert found is not None
    # 1.1 GB of which each of two had 0.2 GB at rest, and one has it once.
    assert (found.low, found.high) == (600 * MB, 900 * MB)
    assert found.words(decimal=True) == "it needs 600 MB to 900 MB"


def test_without_anything_that_finished_nobody_knows() -> None:
    assert need(killed(task="add-0123")) is None
    assert need(killed(task="add-0123"), make_run(2, threads=4)) is None


def test_parts_of_a_peak_add_up() -> None:
    peak = WorkerPeak(worker="a", baseline=200 * MB, peak=1200 * MB, exact=True)
    task = make_task("add", peak=1200 * MB, rise_low=400 * MB, rise_high=400 * MB)
    run = make_run(worker_peaks=(peak,), task_memory=(task,))
    assert peak_parts(run, decimal=True) == (
        "200 MB at rest, 600 MB kept from tasks before and 400 MB for a task of add"
    )
    two = replace(run, setting=replace(run.setting, threads=2))
    assert peak_parts(two, decimal=True).endswith("400 MB for tasks of add")
    whole = replace(task, prefix="finalize-hlgfinalizecompute")
    together = make_run(worker_peaks=(peak,), task_memory=(whole,))
    assert peak_parts(together, decimal=True).endswith("400 MB for putting the result together")


def test_a_peak_that_no_task_explains_has_no_parts() -> None:
    peak = WorkerPeak(worker="a", baseline=200 * MB, peak=1200 * MB, exact=True)
    task = make_task("add", peak=600 * MB, rise_low=400 * MB, rise_high=400 * MB)
    assert peak_parts(make_run(worker_peaks=(peak,), task_memory=(task,)), decimal=True) == ""
    rest = WorkerPeak(worker="a", baseline=200 * MB, peak=201 * MB, exact=True)
    little = make_task("add", peak=201 * MB, rise_low=MB, rise_high=MB)
    assert peak_parts(make_run(worker_peaks=(rest,), task_memory=(little,)), decimal=True) == ""
    assert peak_parts(make_run(peak=None), decimal=True) == ""
