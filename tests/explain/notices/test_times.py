"""Times that are doubtful say why."""

from __future__ import annotations

import dataclasses

import pytest
from profiles import MACHINE, address, make_profile, make_run

from sdprofile.explain.notices.times import time_notices
from sdprofile.model.circumstances import Circumstances, ThreadPool
from sdprofile.model.memory import WorkerPeak
from sdprofile.model.run import Run
from sdprofile.results.profile import Profile


def facts(profile: Profile) -> list[str]:
    return [notice.fact for notice in time_notices(profile)]


def repeats(*seconds: float) -> list[Run]:
    return [make_run(seconds=each, repeat=index) for index, each in enumerate(seconds, 1)]


def with_pools(*pools: tuple[str, int], threads: int = 1) -> Run:
    found = tuple(ThreadPool(name=name, threads=size) for name, size in pools)
    return make_run(threads=threads, circumstances=Circumstances(pools=found))


def with_others(cpu_seconds: float | None, *, repeat: int = 1) -> Run:
    """Return a run of 10 s beside which other processes took so much CPU time."""
    around = Circumstances(others_cpu_seconds=cpu_seconds)
    return make_run(seconds=10.0, repeat=repeat, circumstances=around)


def visits(*order: tuple[int, float]) -> list[Run]:
    """Return runs on so many workers that took so long; workers that come are new each time."""
    runs: list[Run] = []
    started = 0
    there: list[str] = []
    for workers, seconds in order:
        more = max(0, workers - len(there))
        there = [*there[:workers], *(address(started + index) for index in range(more))]
        started += more
        peaks = tuple(WorkerPeak(worker=each, baseline=0, peak=0) for each in there)
        repeat = 1 + sum(run.workers == workers for run in runs)
        runs.append(make_run(workers, seconds=seconds, repeat=repeat, worker_peaks=peaks))
    return runs


def test_slow_first_repeat_is_a_cold_start_and_not_also_unstable() -> None:
    [notice] = time_notices(make_profile(*repeats(20, 10, 10)))

    assert notice.fact == "The first run in each worker was slow (1 worker: 20.0 s, then 10.0 s)"
    assert notice.advice.endswith("read the median")


def test_two_repeats_of_which_the_first_is_slow_are_a_cold_start_too() -> None:
    found = make_profile(*visits((1, 20.0), (2, 10.0), (4, 5.0), (4, 3.0), (2, 6.0), (1, 12.0)))

    [notice] = time_notices(found)

    assert notice.fact == (
        "The first run in each worker was slow (1 worker: 20.0 s, then 12.0 s;"
        " 2 workers: 10.0 s, then 6.00 s; 4 workers: 5.00 s, then 3.00 s)"
    )
    assert notice.advice.endswith("use more --repeats, since the median is not of warm workers")


def test_workers_that_come_anew_are_cold_whichever_repeat_it_is() -> None:
    order = [(1, 4.0), (2, 9.0), (2, 4.0), (1, 4.0), (1, 4.0), (2, 9.2)]

    [fact] = facts(make_profile(*visits(*order)))

    assert fact == "The first run in each worker was slow (2 workers: 9.10 s, then 4.00 s)"


def test_slow_run_in_warm_workers_is_no_cold_start() -> None:
    order = [(2, 4.0), (1, 4.0), (1, 8.0), (1, 4.0)]  # the one that stays has run before

    [fact] = facts(make_profile(*visits(*order)))

    assert fact == "The times spread widely around their mean (43 % at 1 worker)"


def test_first_runs_that_are_not_all_slower_explain_no_spread() -> None:
    order = [(2, 9.0), (1, 4.0), (2, 3.0), (2, 4.0)]

    [fact] = facts(make_profile(*visits(*order)))

    assert fact.startswith("The times spread widely around their mean")


def test_where_no_worker_is_known_the_first_repeat_counts() -> None:
    runs = [make_run(seconds=each, peak=None) for each in (20.0, 10.0)]

    [fact] = facts(make_profile(*runs))

    assert fact.startswith("The first run in each worker was slow (1 worker: 20.0 s, then 10.0 s)")


def test_what_spreads_without_the_first_runs_is_told_as_well() -> None:
    cold, spread = facts(make_profile(*repeats(40, 10, 8, 12)))

    assert cold == "The first run in each worker was slow (1 worker: 40.0 s, then 10.0 s)"
    assert spread == (
        "The times spread widely around their mean (20 % at 1 worker, first runs left out)"
    )


def test_spread_times_are_told() -> None:
    [fact] = facts(make_profile(*repeats(10, 8, 12)))

    assert fact == "The times spread widely around their mean (20 % at 1 worker)"


def test_more_threads_than_cores_are_told() -> None:
    machine = dataclasses.replace(MACHINE, cpus=4)

    [fact] = facts(make_profile(make_run(4, threads=2), machine=machine))

    assert fact == "8 threads shared 4 cores"


def test_as_many_threads_as_cores_are_fine() -> None:
    machine = dataclasses.replace(MACHINE, cpus=8)

    assert facts(make_profile(make_run(4, threads=2), machine=machine)) == []


def test_first_run_of_a_count_is_the_first_also_where_repeats_went_in_rounds() -> None:
    order = [(1, 10.0), (2, 20.0), (2, 9.0), (1, 10.0), (1, 10.0), (2, 9.0)]

    [fact] = facts(make_profile(*(make_run(n, seconds=seconds) for n, seconds in order)))

    assert fact == "The first run in each worker was slow (2 workers: 20.0 s, then 9.00 s)"


def test_other_work_on_the_machine_is_told() -> None:
    [notice] = time_notices(make_profile(with_others(25.0)))

    assert notice.fact == "The machine was busy with other work: up to 2.5 cores on average"
    assert "Measure again" in notice.advice


def test_other_work_beside_some_runs_says_beside_how_many() -> None:
    profile = make_profile(with_others(9.0), with_others(1.0), with_others(11.0))

    assert facts(profile) == [
        "The machine was busy with other work: up to 1.1 cores on average in 2 of 3 runs"
    ]


@pytest.mark.parametrize(
    ("cpus", "cpu_seconds"),
    [(8, 8.0), (2, 5.0), (8, None)],  # a tenth of the cores, half a core
)
def test_little_other_work_is_fine(cpus: int, cpu_seconds: float | None) -> None:
    machine = dataclasses.replace(MACHINE, cpus=cpus)

    assert facts(make_profile(with_others(cpu_seconds), machine=machine)) == []


def test_threads_that_a_worker_hides_are_told() -> None:
    [notice] = time_notices(make_profile(with_pools(("NUMBA_NUM_THREADS", 8))))

    assert notice.fact == ("Each worker of 1 thread runs 8 threads of its own (NUMBA_NUM_THREADS)")
    assert notice.advice.startswith("Set NUMBA_NUM_THREADS=1 before the cluster starts")


def test_several_pools_are_told_together_and_once() -> None:
    run = with_pools(("NUMBA_NUM_THREADS", 8), ("OMP_NUM_THREADS", 4), threads=2)

    [notice] = time_notices(make_profile(run, run))

    assert notice.fact == (
        "Each worker of 2 threads runs 8 threads of its own (NUMBA_NUM_THREADS)"
        " and 4 threads of its own (OMP_NUM_THREADS)"
    )
    assert notice.advice.startswith("Set NUMBA_NUM_THREADS=1 and OMP_NUM_THREADS=1 before")


def test_pool_of_a_workers_own_size_is_fine() -> None:
    assert facts(make_profile(with_pools(("NUMBA_NUM_THREADS", 2), threads=2))) == []
