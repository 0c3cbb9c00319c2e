"""What holds a cell back: on made-up tasks of which it is known."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

from profiles import MACHINE, make_profile, make_run, make_step
from traces import cores, cpu, ran

from sdprofile.explain.causes.every import find_causes
from sdprofile.explain.causes.found import Found
from sdprofile.model.trace import Calls, Trace


def found(trace: Trace, *, code: str = "work()", cpus: int = 8, **kwargs: Any) -> tuple[Found, ...]:
    """Return the causes of one run with these tasks."""
    run = make_run(
        trace.workers, threads=trace.threads, seconds=trace.seconds, trace=trace, **kwargs
    )
    profile = make_profile(run, code=code, machine=replace(MACHINE, cpus=cpus))
    return find_causes(profile, profile.counts)


def test_tasks_that_keep_all_threads_at_work_are_held_back_by_nothing() -> None:
    trace = ran([(0.0, n / 10, (n + 1) / 10) for n in range(20)], seconds=2.0)
    assert found(trace) == ()


def test_small_tasks_are_told_with_the_chunks_to_use() -> None:
    each = [(n / 100, n / 100 + 0.008, (n + 1) / 100) for n in range(400)]  # 8 ms, then 2 ms
    (cause,) = found(ran(each, seconds=4.0), code="da.ones(400, chunks=(1, 10, 10)).sum()")
    assert (cause.name, round(cause.share, 2)) == ("small tasks", 0.8)
    assert cause.fact.startswith("400 tasks are too small: one of group0 takes 2.00 ms, dask's")
    # 80 times as large they would be worth it, which leaves 5 for the thread.
    assert cause.change == "use chunks=(1, 89, 89) instead of (1, 10, 10) in da.ones"
    assert cause.gain is not None
    low, high = cause.gain
    assert 1.5 < low < 5.0 < high


def test_many_small_graphs_are_to_be_one() -> None:
    each = [(n / 10 + 0.02, n / 10 + 0.06, n / 10 + 0.08) for n in range(20)]
    trace = replace(
        ran(each, seconds=2.0),
        arrivals=tuple(n / 10 + 0.02 for n in range(20)),
        graph=array("i", range(20)),
        calls=Calls(
            begun=array("d", [n / 10 for n in range(20)]),
            ended=array("d", [(n + 1) / 10 for n in range(20)]),
            sends=array("i", [2] * 20),
        ),
    )
    (cause,) = found(trace, code="for n in range(20): da.ones(9, chunks=3).sum().compute()")
    assert (cause.name, round(cause.share, 2)) == ("sending the graph", 0.8)
    assert cause.fact.startswith("20 small graphs are computed one after another")


def test_one_task_for_two_threads() -> None:
    trace = ran([(0.0, 0.0, 2.0)], workers=2, seconds=2.0)
    (cause,) = found(trace, code="da.ones((800, 800), chunks=800).sum()")
    assert (cause.name, cause.share) == ("few tasks", 0.5)
    assert cause.fact.startswith("there is only 1 task of group0 for 2 threads, which had nothing")
    assert cause.change == "use chunks=280 instead of 800 in da.ones"


def test_a_straggler_is_told_with_how_long_it_takes() -> None:
    tasks = [(0.0, n / 10, (n + 1) / 10) for n in range(5)] + [(0.0, 0.0, 2.0)]
    (cause,) = found(ran(tasks, workers=2, on=[0] * 5 + [1], seconds=2.0))
    assert (cause.name, round(cause.share, 3)) == ("straggler", 0.375)
    assert cause.fact.startswith("one task of group0 takes 2.00 s, 20 times the median of its 6")


def test_a_chain_is_told_with_its_tasks() -> None:
    tasks = [(n / 10, n / 10, (n + 1) / 10) for n in range(20)]
    inputs = {n: [n - 1] for n in range(1, 20)}
    (cause, *_) = found(ran(tasks, workers=2, inputs=inputs, seconds=2.0))
    assert cause.name == "chain"
    assert cause.fact.startswith("20 tasks run one after another, each on the result of the one")


def test_threads_that_wait_for_the_gil_become_workers() -> None:
    trace = ran([(0.0, 0.0, 2.0)] * 4, threads=4, seconds=2.0, cores=(cores(1.0, cpus=8),))
    (cause,) = found(trace, spans=cpu(2.0, 6.0))
    assert cause.name == "GIL"
    assert cause.change == "use --workers 4 --threads 1 instead of 1 with 4"
    assert cause.gain is not None
    assert cause.gain[1] <= 4.0


def test_tasks_that_sleep_get_more_threads() -> None:
    tasks = [(0.0, n / 10, (n + 1) / 10) for n in range(20)]
    (cause,) = found(ran(tasks, seconds=2.0, cores=(cores(0.0),)), spans=cpu(0.0, 2.0))
    assert (cause.name, cause.share) == ("waiting", 1.0)
    assert cause.change == "let more of them wait at once: --threads 4"
    assert cause.gain is not None
    assert cause.gain[1] == 4.0


def test_the_kernels_own_work_is_told_with_the_step() -> None:
    trace = ran([(3.0, 3.0, 4.0)], seconds=4.0, arrival=3.0, calls=[(3.0, 4.0, 2)])
    step = make_step("aggregate (line 2)", seconds=3.0)
    (cause,) = found(trace, steps=(step,))
    assert cause.name == "kernel's own work"
    assert cause.fact.startswith("aggregate (line 2) works in the kernel for 3.00 s of 4.00 s")


def test_a_large_result_is_told_with_its_size() -> None:
    trace = ran([(0.0, 0.0, 1.0)], seconds=3.0, calls=[(0.0, 3.0, 2)])
    (cause,) = found(trace, gathered=400_000_000)
    assert (cause.name, round(cause.share, 2)) == ("bringing the result", 0.67)
    assert cause.fact.startswith("400 MB of results are brought into the kernel")


def test_without_tasks_on_record_nothing_is_found() -> None:
    profile = make_profile()
    assert find_causes(profile, profile.counts) == ()


def test_the_largest_comes_after_the_count_in_the_advice() -> None:
    trace = ran([(0.0, 0.0, 2.0)], workers=2, seconds=2.0)
    profile = make_profile(make_run(1, seconds=2.0), make_run(2, seconds=2.0, trace=trace))
    assert profile.causes[0].workers == 2
    assert profile.causes[0].sentence in profile.advice
