"""What holds a cell back: on made-up tasks of which it is known."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import pytest
from profiles import (
    GB,
    MACHINE,
    address,
    make_activity,
    make_card,
    make_profile,
    make_run,
    make_step,
)
from traces import HOST, cores, cpu, ran

from sdprofile.explain.causes.every import find_causes
from sdprofile.explain.causes.found import Found, range_of
from sdprofile.model.circumstances import Circumstances, ThreadPool
from sdprofile.model.elements import SentData
from sdprofile.model.run import Run
from sdprofile.model.steps import LineTime, Recomputed
from sdprofile.model.trace import Calls, Cores, Group, Trace


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


def test_overhead_that_was_measured_is_saved_whatever_a_replay_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    each = [(n / 100, n / 100 + 0.008, (n + 1) / 100) for n in range(400)]
    path = "sdprofile.explain.causes.small_tasks.gain_without"
    monkeypatch.setattr(path, lambda *_, **__: (0.8, 0.9))
    (cause,) = found(ran(each, seconds=4.0))
    less = 1 - 1 / 80  # 80 times as large, 5 are left
    assert cause.gain == pytest.approx(range_of(0.5 * 0.8 * less, 0.5 * 0.8 * less))


def test_the_chunks_to_use_are_those_of_the_array_of_the_line() -> None:
    each = [(n / 100, n / 100 + 0.008, (n + 1) / 100) for n in range(400)]
    trace = on_line(ran(each, seconds=4.0, calls=[(0.0, 4.0, 2)]), 4)
    code = "a = da.ones(9, chunks=3)\nb = da.ones(400, chunks=(1, 10, 10))\nb.sum().compute()"
    lines = (LineTime(line=4, text="b.sum().compute()", seconds=0.0),)
    change = found(trace, code=code, lines=lines)[0].change
    assert change == "use chunks=(1, 89, 89) instead of (1, 10, 10) in da.ones"


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
            line=array("i", [4] * 20),
        ),
    )
    (cause,) = found(trace, code="for n in range(20): da.ones(9, chunks=3).sum().compute()")
    assert (cause.name, round(cause.share, 2)) == ("sending the graph", 0.8)
    assert cause.fact == (
        "20 graphs are computed one after another (line 4); sending them and waiting for each takes"
        " 80 % of the time"
    )


def test_graphs_that_are_waited_for_leave_threads_without_work() -> None:
    trace = replace(
        ran([(n, n, n + 1) for n in range(4)], workers=2, seconds=4.0),
        arrivals=(0.0, 1.0, 2.0, 3.0),
        graph=array("i", range(4)),
        calls=Calls(
            begun=array("d", [0, 0, 1, 1, 2, 2, 3, 3]),
            ended=array("d", [0, 1, 1, 2, 2, 3, 3, 4]),
            sends=array("i", [1, 0] * 4),
            line=array("i", [3] * 8),
        ),
    )
    (cause,) = found(trace)
    assert (cause.name, cause.share) == ("sending the graph", 0.5)
    assert cause.fact == (
        "4 graphs are computed one after another (line 3), so that threads have nothing to do for"
        " 50 % of the time"
    )
    assert "client.gather(futures)" in cause.change
    (cause,) = found(trace, steps=(make_step("polygon_query (line 3)", calls=4),))
    assert cause.change.startswith("call polygon_query once for all inputs")
    assert cause.gain is not None
    assert cause.gain == pytest.approx((1.25, 2.0))  # both threads at work, in each other's way


def test_graphs_that_nobody_waits_for_are_many_small_tasks() -> None:
    each = [(n / 100, n / 100 + 0.008, (n + 1) / 100) for n in range(200)]
    trace = replace(ran(each, seconds=2.0), arrivals=(0.0,) * 200, graph=array("i", range(200)))
    (cause,) = found(trace, code="futures = [client.submit(f, n) for n in range(200)]")
    assert cause.name == "small tasks"
    assert "client.map(lambda batch: [function(each) for each in batch], batches)" in cause.change


def test_one_task_for_two_threads() -> None:
    trace = ran([(0.0, 0.0, 2.0)], workers=2, seconds=2.0)
    (cause,) = found(trace, code="da.ones((800, 800), chunks=800).sum()")
    assert (cause.name, cause.share) == ("few tasks", 0.5)
    assert cause.fact.startswith("there is only 1 task of group0 for 2 threads, which had nothing")
    assert cause.change == "use chunks=280 instead of 800 in da.ones"


def test_no_cause_asks_for_the_contrary_of_another() -> None:
    # 150 small tasks side by side, then one that has no other beside it.
    small = [(n * 0.02, n * 0.02 + 0.014, (n + 1) * 0.02) for n in range(75)]
    trace = ran([*small, *small, (1.5, 1.5, 3.5)], workers=2, on=[0] * 75 + [1] * 76, seconds=3.5)
    groups = (trace.groups[0], replace(trace.groups[0], prefix="rest"))
    trace = replace(trace, groups=groups, group=array("i", [0] * 150 + [1]))
    causes = found(trace, code="da.ones((800, 800), chunks=8).sum()")
    assert [cause.name for cause in causes] == ["few tasks"]


def test_finalize_is_not_to_be_cut_into_chunks() -> None:
    trace = ran([(0.0, 0.0, 2.0)], workers=2, seconds=2.0)
    trace = replace(trace, groups=(replace(trace.groups[0], prefix="finalize-hlgfinalize"),))
    assert found(trace) == ()


@pytest.mark.parametrize(
    ("saved", "words"),
    [((0.2, 0.5), "about 1.2 to 2.0x faster"), ((0.8, 0.99), "at least 5.0x faster")],
)
def test_gain_without_an_end_is_told_as_such(saved: tuple[float, float], words: str) -> None:
    cause = Found(name="", workers=1, share=0.5, fact="", change="", gain=range_of(*saved))
    assert cause.gained == words


def test_a_straggler_is_told_with_how_long_it_takes() -> None:
    tasks = [(0.0, n / 10, (n + 1) / 10) for n in range(5)] + [(0.0, 0.0, 2.0)]
    (cause,) = found(ran(tasks, workers=2, on=[0] * 5 + [1], seconds=2.0))
    assert (cause.name, round(cause.share, 3)) == ("straggler", 0.375)
    assert cause.fact.startswith("one task of group0 takes 2.00 s, 20 times the median of all 6")


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
    assert cause.change == "run more of them at once, unless it is a lock: --threads 4"
    assert cause.gain is not None
    assert cause.gain[1] == pytest.approx(4.0)


@pytest.mark.parametrize(("busy", "named"), [(0.2, True), (0.8, False), (None, False)])
def test_tasks_that_wait_may_wait_for_a_gpu_unless_it_is_busy(
    busy: float | None, named: bool
) -> None:
    tasks = [(0.0, n / 10, (n + 1) / 10) for n in range(20)]
    trace = ran(tasks, seconds=2.0, cores=(cores(0.0),))
    run = make_run(seconds=2.0, trace=trace, spans=cpu(0.0, 2.0), cards=(make_card(GB, busy=busy),))
    profile = make_profile(run, machine=replace(MACHINE, cpus=8))
    causes = find_causes(profile, profile.counts)
    assert [cause.name for cause in causes] == (["waiting"] if named else [])
    assert all("wait for a GPU, a disk, the network" in cause.fact for cause in causes)


def test_tasks_that_take_longer_the_more_there_are_wait_for_a_lock() -> None:
    def run(workers: int) -> Run:
        tasks = [(0.0, n * workers / 10, (n + 1) * workers / 10) for n in range(20 // workers)]
        trace = ran(
            tasks * workers,
            workers=workers,
            on=[worker for worker in range(workers) for _ in tasks],
            seconds=2.0,
            cores=tuple(cores(0.0, worker=worker) for worker in range(workers)),
        )
        return make_run(workers, seconds=2.0, trace=trace, spans=cpu(0.0, 2.0 * workers))

    profile = make_profile(run(1), run(2), machine=replace(MACHINE, cpus=8))
    [cause] = find_causes(profile, profile.counts)
    assert cause.name == "waiting"
    assert "wait for each other for 100 % of the time" in cause.fact
    assert cause.gain is None
    alone = make_profile(run(1), machine=replace(MACHINE, cpus=8))
    [cause] = find_causes(alone, alone.counts)
    assert "--threads 4" in cause.change


@pytest.mark.parametrize(
    ("pools", "said"),
    [
        ((), "n_jobs=1"),
        (("NUMBA_NUM_THREADS",), "numba.set_num_threads(1)"),
        (("OPENBLAS_NUM_THREADS",), "threadpoolctl.threadpool_limits(1)"),
    ],
)
def test_tasks_on_more_cores_are_told_how_to_use_one(pools: tuple[str, ...], said: str) -> None:
    trace = ran([(0.0, 0.0, 2.0)], seconds=2.0, cores=(cores(3.0, cpus=8),))
    around = Circumstances(pools=tuple(ThreadPool(name=name, threads=3) for name in pools))
    (cause,) = found(trace, circumstances=around, spans=cpu(2.0, 0.0))
    assert cause.name == "more cores than threads"
    assert said in cause.change
    assert all(f'"distributed.nanny.pre-spawn-environ.{name}": 1' in cause.change for name in pools)


def test_more_cores_come_before_what_gains_little() -> None:
    # The kernel takes 0.25 s, the task on 3 CPUs the rest.
    trace = ran([(0.25, 0.25, 2.0)], arrival=0.25, seconds=2.0, calls=[(0.25, 2.0, 2)])
    used = (cores(3.0, cpus=8),)
    causes = found(replace(trace, cores=used), spans=cpu(1.75, 0.0))
    assert [cause.name for cause in causes] == ["more cores than threads", "kernel's own work"]


def test_the_kernels_own_work_is_told_with_the_step() -> None:
    trace = ran([(3.0, 3.0, 4.0)], seconds=4.0, arrival=3.0, calls=[(3.0, 4.0, 2)])
    step = make_step("aggregate (line 2)", seconds=3.0)
    (cause,) = found(trace, steps=(step,))
    assert cause.name == "kernel's own work"
    assert cause.fact.startswith("aggregate (line 2) works in the kernel for 3.00 s of 4.00 s")


def test_waiting_for_the_workers_is_no_work_of_a_step() -> None:
    trace = ran([(3.0, 3.0, 4.0)], seconds=4.0, arrival=3.0, calls=[(3.0, 4.0, 2)])
    trace = replace(trace, calls=replace(trace.calls, line=array("i", [2])))
    step = make_step("write (line 2)", seconds=4.0)
    (cause,) = found(trace, steps=(step,))
    assert cause.fact.startswith("write (line 2) works in the kernel for 3.00 s of 4.00 s")
    step = make_step("write (line 2)", seconds=2.0)
    (cause,) = found(trace, steps=(step,))
    assert cause.fact.startswith("the kernel works by itself for 75 % of the time")


def test_the_kernels_own_work_is_told_with_the_line() -> None:
    trace = ran([(3.0, 3.0, 4.0)], seconds=4.0, arrival=3.0, calls=[(3.0, 4.0, 2)])
    lines = (LineTime(line=4, seconds=2.9), LineTime(line=3, seconds=0.1))
    (cause,) = found(trace, lines=lines)
    assert cause.fact.startswith("line 4 works in the kernel for 2.90 s of 4.00 s")
    assert cause.change.startswith("do less there")


@pytest.mark.parametrize("text", ["import dask.dataframe as dd", "from dask import bag"])
def test_imports_are_to_be_made_before(text: str) -> None:
    trace = ran([(3.0, 3.0, 4.0)], seconds=4.0, arrival=3.0, calls=[(3.0, 4.0, 2)])
    (cause,) = found(trace, lines=(LineTime(line=4, seconds=2.9, text=text),))
    assert cause.fact.startswith("line 4 works in the kernel for 2.90 s of 4.00 s")
    assert cause.change == "import in a cell before: it is done once in a session"
    spread = tuple(LineTime(line=line, seconds=1.0) for line in (2, 3, 4))
    (cause,) = found(trace, lines=spread)
    assert cause.fact == (
        "the kernel works by itself for 75 % of the time, while the workers have nothing to do"
        " (lines 2, 3 and 4)"
    )


def on_line(trace: Trace, line: int) -> Trace:
    """Return tasks whose graph was sent from a line."""
    return replace(trace, calls=replace(trace.calls, line=array("i", [line])))


def test_causes_in_the_kernel_name_the_line() -> None:
    result = ran([(0.0, 0.0, 1.0)], seconds=3.0, calls=[(0.0, 3.0, 2)])
    (cause,) = found(on_line(result, 7), gathered=400_000_000)
    assert cause.fact.endswith("which takes 67 % of the time (line 7)")
    late = ran([(1.0, 1.0, 2.0)], seconds=2.0, arrival=1.0)
    (cause,) = found(on_line(late, 8))
    assert cause.fact == (
        "optimising and sending a graph of 1 task takes 50 % of the time (line 8)"
    )
    sent = SentData(nbytes=40_002_000, outside=40_000_000, names=("background",))
    (cause,) = found(on_line(late, 9), sent=sent)
    assert cause.name == "data in the graph"
    assert cause.fact.endswith("(line 9)")


def test_blocks_made_again_and_steps_of_the_users_own_have_their_line() -> None:
    trace = ran([(n / 10, n / 10, (n + 1) / 10) for n in range(21)], seconds=2.1)
    calls = Calls(
        begun=array("d", [0.0, 0.7, 1.4]),
        ended=array("d", [0.7, 1.4, 2.1]),
        sends=array("i", [2] * 3),
        line=array("i", [3, 5, 5]),
    )
    graphs = array("i", [0] * 7 + [1] * 7 + [2] * 7)
    trace = replace(trace, arrivals=(0.0, 0.7, 1.4), graph=graphs, calls=calls)
    again = Recomputed(name="slow", blocks=36, made=108, seconds=1.2, graphs=(0, 1, 2))
    (cause,) = found(trace, recomputed=again, spans=cpu(2.1, 0.0))
    assert cause.fact.endswith("1.20 s of the 2.10 s of all tasks (lines 3 and 5)")
    (cause,) = found(trace, recomputed=replace(again, graphs=(1, 2)), spans=cpu(2.1, 0.0))
    assert cause.fact.endswith("1.20 s of the 2.10 s of all tasks (line 5)")
    one = on_line(ran([(0.0, 0.0, 2.0)], workers=2, seconds=2.0), 7)
    spans = (make_activity("thread-cpu", 2.0, prefix="group0", span="cell/my step"),)
    (cause,) = found(one, spans=spans)
    assert cause.fact.startswith("there is only 1 task of my step (line 7) for 2 threads")


def test_a_large_result_is_told_with_its_size() -> None:
    trace = ran([(0.0, 0.0, 1.0)], seconds=3.0, calls=[(0.0, 3.0, 2)])
    (cause,) = found(trace, gathered=400_000_000)
    assert (cause.name, round(cause.share, 2)) == ("bringing the result", 0.67)
    assert cause.fact.startswith("400 MB of results are brought into the kernel")


def test_data_in_the_graph_are_told_with_their_name() -> None:
    trace = ran([(1.0, 1.0, 2.0)], seconds=2.0, arrival=1.0)
    sent = SentData(nbytes=40_002_000, outside=40_000_000, names=("background",))
    (cause,) = found(trace, sent=sent)
    assert (cause.name, cause.share) == ("data in the graph", 0.5)
    assert cause.fact.startswith("the graph holds 40.0 MB of data (background), which are pickled")
    assert "client.scatter(background)" in cause.change
    assert cause.gain is not None
    assert cause.gain[0] > 1.3


def test_data_that_take_no_time_are_told_without_a_gain() -> None:
    trace = ran([(n / 10, n / 10, (n + 1) / 10) for n in range(20)], seconds=2.0)
    (cause,) = found(trace, sent=SentData(nbytes=12_000_000, outside=11_000_000))
    assert cause.gain is None
    assert cause.fact.startswith("the graph holds 12.0 MB of data, which are pickled and sent with")
    assert found(trace, sent=SentData(nbytes=9_000_000, outside=9_000_000)) == ()


def test_data_that_come_with_each_task_are_unpickled_for_each() -> None:
    tasks = [(n / 10, n / 10 + 0.09, (n + 1) / 10) for n in range(20)]
    sent = SentData(nbytes=40_002_000, outside=40_000_000, names=("table",))
    cause, *_ = found(ran(tasks, seconds=2.0), sent=sent)
    assert cause.name == "data in the graph"
    assert cause.gain is not None
    assert 1.5 < cause.gain[0] < cause.gain[1] < 10


def test_a_graph_is_large_by_its_tasks_too() -> None:
    each = [(n / 1000, n / 1000, (n + 1) / 1000) for n in range(6000)]
    assert found(ran(each, seconds=6.0), sent=SentData(nbytes=12_000_000)) == ()


def test_the_first_task_of_each_worker_may_be_slow() -> None:
    tasks = [(0.0, 0.0, 1.0)] + [(0.0, 1 + n / 10, 1.1 + n / 10) for n in range(10)]
    trace = ran(tasks * 2, workers=2, on=[0] * 11 + [1] * 11, seconds=2.0)
    (cause,) = found(trace)
    assert (cause.name, round(cause.share, 2)) == ("cold workers", 0.45)
    assert cause.fact == (
        "the first task of group0 on each new worker takes 1.00 s, those after it about 100 ms (it"
        " fills caches, or does something else once), 45 % of the time"
    )
    assert cause.change == "only the first run pays it, so profile with -r 3 or more"
    numba = ThreadPool(name="NUMBA_NUM_THREADS", threads=2)
    (cause,) = found(trace, circumstances=Circumstances(pools=(numba,)))
    assert "(numba compiles, or it fills caches)" in cause.fact
    assert cause.change.startswith("let numba cache what it compiles (cache=True), or")
    (cause,) = found(trace, circumstances=Circumstances(imported=("sklearn", "joblib")))
    assert "(it imports sklearn and joblib)" in cause.fact
    assert 'client.run(__import__, "sklearn")' in cause.change


@pytest.mark.parametrize(("before", "name"), [(1, "straggler"), (0, "cold workers")])
def test_a_long_first_task_is_cold_where_it_is_short_in_another_run(before: int, name: str) -> None:
    def run(*tasks: tuple[float, int], workers: int) -> Run:
        now, made = [0.0] * workers, []
        for seconds, worker in tasks:
            made.append((0.0, now[worker], now[worker] + seconds))
            now[worker] += seconds
        trace = ran(
            made,
            workers=workers,
            on=[worker for _, worker in tasks],
            seconds=max(now),
            addresses=tuple(map(address, range(workers))),
        )
        return make_run(workers, seconds=max(now), trace=trace)

    # On one worker the same task is long, after another, or the first; with two the second is new.
    alone = [(0.1, 0)] * 12
    alone[before] = (2.0, 0)
    both = [(0.1, 0), (2.0, 1), *[(0.1, 0)] * 5, *[(0.1, 1)] * 5]
    profile = make_profile(run(*alone, workers=1), run(*both, workers=2))
    causes = find_causes(profile, profile.counts[-1:])
    assert {cause.name for cause in causes} & {"straggler", "cold workers"} == {name}


def test_a_worker_that_imports_while_others_do_the_rest_is_cold() -> None:
    tasks = [(0.0, n / 10, (n + 1) / 10) for n in range(10)] + [(0.0, 0.0, 2.0)]
    addresses = tuple(map(address, range(2)))
    trace = ran(tasks, workers=2, on=[0] * 10 + [1], seconds=2.0, addresses=addresses)
    imports = Circumstances(imported=("skimage",))
    profile = make_profile(
        make_run(1, seconds=2.0), make_run(2, seconds=2.0, trace=trace, circumstances=imports)
    )
    causes = {cause.name for cause in find_causes(profile, profile.counts)}
    assert causes & {"straggler", "cold workers", "few tasks"} == {"cold workers"}


def test_one_slow_task_is_no_cold_start() -> None:
    tasks = [(0.0, 0.0, 1.0)] + [(0.0, 1 + n / 10, 1.1 + n / 10) for n in range(10)]
    even = [(0.0, n / 5, (n + 1) / 5) for n in range(10)]
    trace = ran(tasks + even, workers=2, on=[0] * 11 + [1] * 10, seconds=2.0)
    assert "cold workers" not in {cause.name for cause in found(trace)}


def test_what_is_worked_out_again_is_told_with_its_cost() -> None:
    trace = ran([(n / 10, n / 10, (n + 1) / 10) for n in range(21)], seconds=2.1)
    graphs = array("i", [0] * 7 + [1] * 7 + [2] * 7)
    trace = replace(trace, arrivals=(0.0, 0.7, 1.4), graph=graphs)
    again = Recomputed(
        name="map_raster (line 3)", blocks=36, made=108, seconds=1.2, graphs=(0, 1, 2)
    )
    (cause,) = found(trace, recomputed=again, spans=cpu(2.1, 0.0))
    assert cause.fact == (
        "map_raster (line 3) is computed 3 times, 108 tasks for 36 blocks: repeating it takes"
        " 1.20 s of the 2.10 s of all tasks"
    )
    assert "with .persist(), or write it" in cause.change
    (named,) = found(trace, recomputed=replace(again, variable="low"), spans=cpu(2.1, 0.0))
    assert "with low = low.persist(), or write it" in named.change
    assert cause.gain is not None
    # Of the later graphs at least 0.6 of 1.2 s, at most all: once it has to be worked out.
    assert cause.gain == pytest.approx((2.1 / (2.1 - 0.72), 3.0))
    (cause,) = found(trace, recomputed=replace(again, name="slow"), spans=cpu(2.1, 0.0))
    assert cause.line.text.startswith("Each block of slow is computed 3 times")
    little = replace(again, seconds=0.1)
    assert found(trace, recomputed=little, spans=cpu(2.1, 0.0)) == ()


def test_tasks_are_named_by_their_step_or_by_the_line_that_sent_them() -> None:
    trace = ran([(0.0, 0.0, 2.0)], workers=2, seconds=2.0)
    trace = replace(trace, calls=replace(trace.calls, line=array("i", [7])))
    (cause,) = found(trace)
    assert cause.fact.startswith("there is only 1 task of group0 (line 7) for 2 threads")
    spans = (make_activity("thread-cpu", 2.0, prefix="group0", span="cell/map_raster (line 3)"),)
    (cause,) = found(trace, spans=spans)
    assert cause.fact.startswith("there is only 1 task of map_raster (line 3) for 2 threads")


def test_all_causes_but_the_one_in_the_answer_are_notices() -> None:
    trace = ran([(1.0, 1.0, 2.0)], workers=2, seconds=2.0, arrival=1.0)
    profile = make_profile(make_run(2, seconds=2.0, trace=trace))
    first, *others = profile.causes
    assert first.line in profile.answer.lines
    assert others
    assert {each.notice for each in others} <= set(profile.notices)
    assert first.notice not in profile.notices


def test_without_tasks_on_record_nothing_is_found() -> None:
    profile = make_profile()
    assert find_causes(profile, profile.counts) == ()


def test_the_largest_comes_after_the_count_in_the_answer() -> None:
    trace = ran([(0.0, 0.0, 2.0)], workers=2, seconds=2.0)
    profile = make_profile(make_run(1, seconds=2.0), make_run(2, seconds=2.0, trace=trace))
    assert profile.causes[0].workers == 2
    (line,) = (line for line in profile.answer.lines if line.change == profile.causes[0].change)
    assert line.fact == f"With 2 workers {profile.causes[0].fact}"


def test_a_straggler_that_others_wait_behind_is_one_all_the_same() -> None:
    tasks = [(0.0, 0.0, 1.6), (0.0, 1.6, 1.7), *((0.0, n / 10, (n + 1) / 10) for n in range(8))]
    (cause, *_) = found(ran(tasks, workers=2, on=[0, 0] + [1] * 8, seconds=2.0))
    assert (cause.name, round(cause.share, 2)) == ("straggler", 0.2)


def test_tasks_of_100_ms_are_not_small() -> None:
    each = [(n * 0.103, n * 0.103 + 0.003, (n + 1) * 0.103) for n in range(200)]
    assert found(ran(each, seconds=20.6)) == ()


def test_a_cause_is_taken_from_the_count_where_it_gains_more_for_sure() -> None:
    def graphs(workers: int) -> Trace:
        tasks = [(n + 0.3, n + 0.3, n + 1.0) for n in range(10)]
        calls = Calls(
            begun=array("d", range(10)),
            ended=array("d", range(1, 11)),
            sends=array("i", [2] * 10),
            line=array("i", [3] * 10),
        )
        return replace(
            ran(tasks, workers=workers, seconds=10.0),
            arrivals=tuple(n + 0.3 for n in range(10)),
            graph=array("i", range(10)),
            calls=calls,
        )

    runs = [make_run(count, seconds=10.0, trace=graphs(count)) for count in (1, 4)]
    profile = make_profile(*runs, machine=replace(MACHINE, cpus=8))
    [cause] = find_causes(profile, profile.counts)
    assert cause.workers == 4


def test_what_puts_the_result_together_is_not_too_few_tasks() -> None:
    tasks = [*((0.0, n / 10, (n + 1) / 10) for n in range(10)), (0.0, 1.0, 2.0)]
    trace = ran(
        tasks,
        workers=2,
        on=[0, 1] * 5 + [0],
        inputs={10: range(10)},
        seconds=2.0,
        group=array("i", [0] * 10 + [1]),
        groups=tuple(
            Group(prefix=prefix, tasks=tasks, groups_before=0, tasks_before=0)
            for prefix, tasks in (("part", 10), ("sum", 1))
        ),
    )
    trace = replace(trace, nbytes=array("q", [10_000_000] * 10 + [100_000_000]))
    assert "few tasks" not in {cause.name for cause in found(trace)}
    trace = replace(trace, nbytes=array("q", [10_000_000] * 10 + [8]))
    assert "few tasks" in {cause.name for cause in found(trace)}


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("rechunk-merge-rechunk-transfer", "rechunking moves data between chunks ("),
        ("shuffle-transfer", "shuffling moves data between chunks ("),
    ],
)
def test_moving_data_is_no_waiting_of_tasks(prefix: str, said: str) -> None:
    tasks = [(0.0, n / 10, (n + 1) / 10) for n in range(20)]
    groups = (Group(prefix=prefix, tasks=20, groups_before=0, tasks_before=0),)
    trace = ran(tasks, seconds=2.0, cores=(cores(0.0),), groups=groups)
    (cause,) = found(trace, spans=cpu(0.0, 2.0))
    assert (cause.name, cause.share) == ("moving data", 1.0)
    assert cause.fact.startswith(said + prefix)


def test_what_takes_long_around_a_task_is_not_dasks_own() -> None:
    each = [(n / 10, n / 10 + 0.09, (n + 1) / 10) for n in range(200)]
    assert "small tasks" not in {cause.name for cause in found(ran(each, seconds=20.0))}


def test_a_layer_that_has_few_tasks_is_not_cut_too_small() -> None:
    each = [(n / 100, n / 100 + 0.004, (n + 1) / 100) for n in range(400)]
    layers = tuple(
        Group(prefix="getitem", tasks=16, groups_before=0, tasks_before=0) for _ in range(25)
    )
    trace = ran(each, seconds=4.0, groups=layers, group=array("i", [n // 16 for n in range(400)]))
    assert "small tasks" in {cause.name for cause in found(trace)}  # 4 parts for 1 thread
    runs = (make_run(1, seconds=4.0, trace=trace), make_run(2, seconds=4.0))
    profile = make_profile(*runs)
    assert find_causes(profile, profile.counts[:1]) == ()  # 4 for 2 threads
    # What cuts borders has more tasks, and takes less time.
    groups = (replace(layers[0], prefix="filter"), replace(layers[0], prefix="getitem", tasks=384))
    trace = replace(trace, groups=groups, group=array("i", [int(n >= 16) for n in range(400)]))
    longer = [end + (n < 16) * 0.2 for n, end in enumerate(trace.ended)]
    profile = make_profile(
        replace(runs[0], trace=replace(trace, ended=array("d", longer))), runs[1]
    )
    assert find_causes(profile, profile.counts[:1]) == ()


def test_where_cpus_are_full_nothing_else_is_waited_for_unless_it_takes_much_more() -> None:
    tasks = [(0.0, n / 10, (n + 1) / 10) for n in range(20)] * 2

    def causes(sleeping: int) -> set[str]:
        # Two threads of which some sleep all the time, beside others that fill the machine.
        used = (0.0,) * sleeping + (0.5,) * (20 - sleeping)
        seen = Cores(worker=f"{HOST}:0", cpus=1, step=0.1, used=used)
        trace = ran(tasks, threads=2, seconds=2.0, cores=(seen,))
        around = Circumstances(others_cpu_seconds=1.0)
        return {each.name for each in found(trace, spans=cpu(1.0, 3.0), circumstances=around)}

    assert "waiting" not in causes(10)
    assert "waiting" in causes(18)
