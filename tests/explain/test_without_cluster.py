"""What is said of a cell that was also run without a cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from profiles import (
    GB,
    MACHINE,
    make_activity,
    make_card,
    make_failure,
    make_profile,
    make_run,
    make_step,
)
from traces import cores, cpu, ran

from sdprofile.explain.causes.found import Found
from sdprofile.model.circumstances import Circumstances
from sdprofile.model.gpu import Held
from sdprofile.model.memory import ClusterPeak, WorkerPeak
from sdprofile.model.run import Run
from sdprofile.model.steps import LineTime, Steps
from sdprofile.model.trace import KERNEL, Cores, Trace
from sdprofile.render.page.page import html_report
from sdprofile.render.page.widget import timing_widget
from sdprofile.render.plots.grid import grid_plot
from sdprofile.render.text.report import report
from sdprofile.render.text.rows import conditions, table_rows
from sdprofile.results.comparison import Comparison


def runs(workers: int, *seconds: float, peak: int = GB, **kwargs: Any) -> list[Run]:
    """Return a run for each time; of the kernel there is one peak, as of a worker."""
    peaks = (WorkerPeak(worker="kernel", baseline=GB // 5, peak=peak, exact=True),)
    if not workers:
        kwargs |= {"worker_peaks": peaks, "cluster_peak": ClusterPeak(low=peak, high=peak)}
    return [
        make_run(workers, seconds=each, repeat=repeat, peak=peak, **kwargs)
        for repeat, each in enumerate(seconds, 1)
    ]


def test_no_cluster_is_needed_where_no_count_beats_it() -> None:
    profile = make_profile(
        *runs(0, 4.0, 4.1, 4.2, 4.0, 4.1),
        *runs(1, 8.0, 8.1, 8.2, 8.0, 8.1),
        *runs(2, 4.4, 4.5, 4.6, 4.4, 4.5),
        repeats=5,
    )
    assert profile.chosen is not None
    assert profile.chosen.workers == 0
    assert profile.answer.headline == (
        "No cluster is needed: 4.10 s without; 1 and 2 workers are slower"
    )
    assert "Without a cluster the kernel took up to 1.00 GB, 200 MB at rest" in profile.advice
    assert "--memory" not in profile.advice


def test_one_count_that_did_not_beat_it() -> None:
    profile = make_profile(*runs(0, 4.0), *runs(1, 8.0), repeats=1)
    assert profile.answer.headline.startswith("No cluster is needed: 4.00 s without; 1 worker was")


def test_workers_that_are_faster_are_held_against_no_cluster() -> None:
    profile = make_profile(
        *runs(0, 9.0, 9.1, 9.2, 9.0, 9.1),
        *runs(1, 9.0, 9.1, 9.2, 9.0, 9.1),
        *runs(2, 5.0, 5.1, 5.2, 5.0, 5.1),
        repeats=5,
    )
    assert profile.answer.headline.endswith(
        ": 5.10 s instead of 9.10 s without a cluster, 1.8x faster"
    )
    assert profile.answer.headline.startswith("Use 2 workers of ")


def test_alone_it_says_what_the_cell_took() -> None:
    profile = make_profile(*runs(0, 4.0, 4.1, 4.2), repeats=3)
    assert profile.answer.headline == "No cluster: 4.10 s"
    assert profile.notices == ()
    assert profile.causes == ()
    assert conditions(profile)[:2] == ["no memory limit", "1 thread in the kernel"]


def test_the_smallest_count_stays_the_base() -> None:
    profile = make_profile(*runs(0, 5.0), *runs(1, 10.0), *runs(2, 4.0), repeats=1)
    none, one, two = profile.counts
    assert (none.speedup, one.speedup, two.speedup) == (2.0, 1.0, 2.5)
    assert none.efficiency is None
    assert none.serial_fraction is None
    assert none.memory_limit is None
    assert two.efficiency == 1.25
    assert [row[0] for row in table_rows(profile)] == ["workers", "none", "1", "2"]


def test_no_cluster_is_the_base_where_no_count_finished() -> None:
    profile = make_profile(*runs(0, 5.0), make_run(1, status="killed"), repeats=1)
    assert profile.counts[0].base is not None
    assert profile.answer.headline.startswith("Use no cluster: 5.00 s, where with 1 a worker")


@pytest.mark.parametrize(
    ("message", "advice", "told"),
    [
        ("ValueError: No global client found", "", "give --workers without the 0"),
        ("it asked for more than the 2.00 GB of memory that were free", "Use workers", "Use work"),
    ],
)
def test_what_ended_it_is_told_and_ends_nothing_else(message: str, advice: str, told: str) -> None:
    failure = make_failure(status="failed", message=message, advice=advice, worker="", nbytes=None)
    failed = make_run(0, status="failed", failure=failure, seconds=1.0)
    profile = make_profile(failed, *runs(1, 8.0), *runs(2, 4.0), repeats=1)
    [notice] = [each for each in profile.notices if "Without a cluster" in each.fact]
    assert notice.fact == f"Without a cluster the cell failed: {message}"
    assert told in notice.advice
    assert profile.answer.headline.startswith("Use 2 workers")


def test_tasks_that_wait_are_named_beside_a_row_without_a_cluster() -> None:
    spans = (make_activity("thread-cpu", 1.0, prefix="group0"),)
    spans += (make_activity("thread-noncpu", 9.0, prefix="group0"),)

    def waiting(workers: int) -> Run:
        times = [(0.0, float(each), each + 1.0) for each in range(10 // max(1, workers))]
        tasks = times * max(1, workers)
        on = sorted(list(range(max(1, workers))) * len(times))
        trace = ran(tasks, seconds=10.0 / max(1, workers), workers=max(1, workers), on=on)
        return make_run(workers, seconds=trace.seconds, trace=trace, spans=spans)

    profile = make_profile(waiting(0), waiting(1), waiting(2), repeats=1)
    [found] = [cause for cause in profile.causes if cause.name == "waiting"]
    assert found.workers == 2
    # They wait for 90 % of the time, of which four threads for one leave a quarter.
    assert found.gain is not None
    assert 1.5 < found.gain[1] <= 1 / (1 - 0.9 * 0.75)


def test_memory_is_compared_in_the_kernel() -> None:
    before, after = (
        make_profile(*runs(0, seconds, seconds, seconds, seconds, seconds, peak=peak), repeats=5)
        for seconds, peak in ((8.0, GB), (4.0, 3 * GB))
    )
    comparison = Comparison(names=("before", "after"), before=before, after=after)
    assert "with no cluster, and needs 2.00 GB more in the kernel" in " ".join(
        str(comparison).split()
    )
    assert "per worker against" not in str(comparison)


def test_if_only_that_was_tried_the_advice_is_the_answer() -> None:
    failure = make_failure(
        status="failed", message="it asked for more", advice="Use workers", worker="", nbytes=None
    )
    profile = make_profile(make_run(0, status="failed", failure=failure), repeats=1)
    assert profile.advice == "No count finished. Use workers."


def test_the_whole_report_can_be_read() -> None:
    profile = make_profile(*runs(0, 4.0), *runs(1, 8.0), *runs(2, 5.0), repeats=1)
    text = report(profile, width=80)
    assert "none" in text
    assert "0 worker" not in text
    assert "0 w│" not in text


def alone(trace: Trace, **kwargs: Any) -> Run:
    """Return a run of these tasks in the threads of the kernel."""
    trace = replace(trace, addresses=(KERNEL,))
    return make_run(0, seconds=trace.seconds, trace=trace, **kwargs)


def causes_alone(trace: Trace, *, cpus: int = 8, **kwargs: Any) -> tuple[Found, ...]:
    """Return the causes of a run without a cluster, where nothing else was tried."""
    machine = replace(MACHINE, cpus=cpus)
    return make_profile(alone(trace, **kwargs), repeats=1, code="work()", machine=machine).causes


def used(number: float) -> tuple[Cores, ...]:
    return (replace(cores(number), worker=KERNEL),)


def test_kernels_own_work_is_told_with_its_line() -> None:
    trace = ran([(4.0, 4.0, 5.0)], seconds=5.0, arrival=4.0, calls=[(4.0, 5.0, 2)])
    lines = (LineTime(line=3, seconds=3.9),)
    (cause,) = causes_alone(trace, lines=lines)
    assert cause.name == "kernel's own work"
    assert cause.fact == "line 3 works in the kernel for 3.90 s of 5.00 s, while no task runs"
    assert cause.change == (
        "do less there, or do it block by block in tasks (map_blocks, map_partitions)"
    )
    profile = make_profile(alone(trace, lines=lines), repeats=1)
    assert profile.answer.headline == "No cluster: 5.00 s"
    assert profile.answer.lines[0] == cause.line


def test_threads_of_the_kernel_that_hold_the_gil_are_told() -> None:
    trace = ran(
        [(0.0, 0.0, 2.0)] * 4, threads=4, seconds=2.0, cores=used(1.0), calls=[(0.0, 2.0, 2)]
    )
    (cause,) = causes_alone(trace, spans=cpu(2.0, 6.0))
    assert cause.fact.startswith("tasks of group0 hold the GIL: the 4 threads of the kernel wait")
    assert cause.change == "use --workers 4 --threads 1 instead of no cluster"
    # What workers gain is not guessed at where they were tried.
    run = alone(trace, spans=cpu(2.0, 6.0))
    assert make_profile(run, *runs(2, 8.0), repeats=1).causes == ()


def test_tasks_that_sleep_in_the_kernel_are_told_how_to_run_more_of_them() -> None:
    tasks = [(float(n), float(n), n + 1.0) for n in range(4)]
    trace = ran(tasks * 2, threads=2, seconds=4.0, cores=used(0.1))
    (cause,) = causes_alone(trace, spans=cpu(0.4, 7.6))
    assert cause.name == "waiting"
    assert cause.change.endswith("dask.config.set(num_workers=8)")
    trace = ran(tasks, threads=1, seconds=4.0, cores=used(0.1))
    run = alone(trace, spans=cpu(0.2, 3.8))
    run = replace(run, work=replace(run.work, schedulers=("synchronous",)))
    (cause,) = make_profile(run, repeats=1).causes
    assert cause.change.endswith('dask.config.set(scheduler="threads", num_workers=4)')


def test_a_gpu_that_tasks_in_the_kernel_leave_idle_is_told() -> None:
    trace = ran([(float(n), float(n), n + 1.0) for n in range(4)], seconds=4.0, cores=used(1.0))
    card = replace(make_card(GB, busy=0.2), workers=(Held(worker=KERNEL, nbytes=GB),))
    (cause,) = causes_alone(trace, spans=cpu(4.0, 0.0), cards=(card,))
    assert cause.name == "idle GPU"
    assert cause.change.endswith(": dask.config.set(num_workers=2)")
    assert cause.gain is not None
    assert 1.1 < cause.gain[0] <= cause.gain[1] <= 2.0


def test_small_and_few_tasks_in_the_kernel_are_told() -> None:
    each = [(n / 100, n / 100 + 0.008, (n + 1) / 100) for n in range(400)]
    (cause,) = causes_alone(ran(each, seconds=4.0))
    assert cause.name == "small tasks"
    (cause,) = causes_alone(ran([(0.0, 0.0, 2.0)], threads=2, seconds=2.0))
    assert cause.fact.startswith("there is only 1 task of group0 for 2 threads, which had nothing")


def test_libraries_that_use_more_cores_in_the_kernel_make_workers_look_slow() -> None:
    tasks = [(0.0, 0.0, 2.0)] * 2
    (cause,) = causes_alone(ran(tasks, threads=2, seconds=2.0, cores=used(8.0)))
    assert cause.fact == (
        "tasks of group0 use up to 8.0 CPUs with 2 threads of the kernel for 100 % of the time, for"
        " libraries have threads of their own, which workers are kept from"
    )
    assert cause.gain is None


def test_of_tasks_in_processes_only_what_the_kernel_does_is_told() -> None:
    each = [(n / 100, n / 100 + 0.008, (n + 1) / 100) for n in range(400)]
    run = alone(ran(each, seconds=4.0))
    run = replace(run, work=replace(run.work, schedulers=("processes",)))
    assert make_profile(run, repeats=1).causes == ()


def test_no_cause_at_a_count_is_told_where_no_cluster_is_needed() -> None:
    idle = ran([(0.0, 0.0, 8.0)], workers=2, seconds=8.0)
    profile = make_profile(
        *runs(0, 4.0), make_run(2, seconds=8.0, trace=idle), repeats=1, code="work()"
    )
    assert profile.answer.headline.startswith("No cluster is needed: 4.00 s without; 2 workers")
    assert profile.causes == ()
    assert "With 2 workers" not in profile.advice


def test_where_the_kernel_does_the_work_no_cluster_is_needed() -> None:
    busy = Circumstances(kernel_cpu_seconds=8.0)
    idle = [replace(run, circumstances=busy) for run in runs(2, 8.0, spans=cpu(1.0, 0.0))]
    steps = (make_step("cell/parse (line 2)", 7.0),)
    idle = [replace(run, steps=Steps(calls=steps)) for run in idle]
    profile = make_profile(*runs(0, 8.0), *idle, repeats=1)
    assert profile.answer.headline == (
        "No cluster is needed: parse (line 2) took 7.00 s of 8.00 s in the kernel, where workers"
        " cannot help"
    )


def in_threads(found: list[Run]) -> list[Run]:
    """Return runs without a cluster whose scheduler was named."""
    return [
        replace(
            run,
            setting=replace(run.setting, scheduler="threads"),
            work=replace(run.work, schedulers=("threads",)),
        )
        for run in found
    ]


def test_a_scheduler_that_was_named_is_the_name_of_the_row() -> None:
    alone = in_threads(runs(0, 4.0, 4.1, 4.2, 4.0, 4.1))
    slower, faster = (
        make_profile(*alone, *runs(1, *(each * seconds for each in (1.0, 1.01, 1.02, 1.0, 1.01))))
        for seconds in (8.0, 2.0)
    )
    assert slower.answer.headline == (
        "No cluster is needed: 4.10 s with threads; 1 worker is slower"
    )
    assert " instead of 4.10 s with threads in place of a cluster, " in faster.answer.headline
    assert [row[0] for row in table_rows(slower)] == ["workers", "threads", "1"]
    assert "without a cluster 1 thread in the kernel" in conditions(slower)
    only = make_profile(*alone)
    assert only.answer.headline == "No cluster (threads): 4.10 s"
    assert "no cluster (threads)" in str(Comparison(names=("a", "b"), before=only, after=only))


@pytest.mark.parametrize(
    ("schedulers", "words"),
    [
        (("processes",), "2 processes"),
        (("threads", "processes"), "2 processes and threads in the kernel"),
        (("threads",), "2 threads in the kernel"),
    ],
)
def test_in_what_the_tasks_ran_is_told(schedulers: tuple[str, ...], words: str) -> None:
    run = alone(ran([(0.0, 0.0, 2.0)] * 2, threads=2, seconds=2.0))
    run = replace(run, work=replace(run.work, schedulers=schedulers))
    assert conditions(make_profile(run, repeats=1))[1] == words
    other = replace(run, work=replace(run.work, schedulers=("synchronous",), threads=1), repeat=2)
    assert conditions(make_profile(run, other, repeats=2)) == ["no memory limit", "2 repeats"]


def test_schedulers_that_differ_are_told_in_a_comparison() -> None:
    first, second = (
        make_profile(replace(run, work=replace(run.work, schedulers=(name,))), repeats=1)
        for [run], name in ((runs(0, 4.0), "threads"), (runs(0, 4.0), "processes"))
    )
    comparison = Comparison(names=("a", "b"), before=first, after=second)
    assert "without a cluster threads against processes" in comparison.differences


def test_no_cluster_is_a_setting_of_a_grid() -> None:
    found = [
        replace(run, setting=replace(run.setting, variables=(("n", n),)))
        for n, seconds in (("1", 4.0), ("2", 2.0))
        for run in (*runs(0, seconds), *runs(1, 2 * seconds), *runs(2, seconds))
    ]
    profile = make_profile(*found, repeats=1)
    assert profile.is_grid
    assert profile.answer.headline.startswith("Use no cluster, n=2: 2.00 s instead of 4.00 s with")
    rows = [row[:2] for row in table_rows(profile)]
    assert rows == [["workers", "n"], *([w, n] for n in "12" for w in ("none", "1", "2"))]
    grid_plot(profile)
    timing_widget(profile, uid="u1")
    html_report(profile)
