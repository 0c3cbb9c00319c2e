"""A run that did not end well says why."""

from __future__ import annotations

from profiles import GB, make_failure, make_profile, make_run

from sdprofile.explain.notices.failures import failure_notices
from sdprofile.model.memory import WorkerPeak
from sdprofile.results.profile import Profile


def facts(profile: Profile) -> list[str]:
    return [notice.fact for notice in failure_notices(profile)]


def test_kill_names_memory_limit_and_task() -> None:
    failure = make_failure(nbytes=49 * GB // 10, tasks=("sum-1",))

    [notice] = failure_notices(make_profile(make_run(status="killed", failure=failure)))

    assert notice.fact == "1 worker: killed after 10.0 s at 4.90 GB of 5.00 GB in sum-1"
    assert "--memory" in notice.advice


def test_kill_without_numbers_still_says_why() -> None:
    failure = make_failure(nbytes=None)

    [fact] = facts(make_profile(make_run(status="killed", failure=failure)))

    assert fact == "1 worker: a worker was killed after 10.0 s"


def test_kill_in_the_finalize_task_is_explained() -> None:
    failure = make_failure(tasks=("finalize-hlgfinalizecompute-1",))

    [notice] = failure_notices(make_profile(make_run(status="killed", failure=failure)))

    assert "puts the whole result together on one worker" in notice.fact
    assert "zarr" in notice.advice


def test_stuck_run_says_what_was_reached() -> None:
    failure = make_failure(status="stuck", message="no end after 90 s")

    [notice] = failure_notices(make_profile(make_run(2, status="stuck", failure=failure)))

    assert notice.fact == "2 workers: no end after 90 s"
    assert "--timeout" in notice.advice


def test_worker_that_died_on_the_way_is_told() -> None:
    peak = WorkerPeak(worker="a", baseline=0, peak=GB)

    [fact] = facts(make_profile(make_run(2, repeat=3, worker_peaks=(peak,))))

    assert fact.startswith("2 workers, run 3: a worker died during the run and was replaced")


def test_where_time_was_over_the_dashboard_is_named_only_where_there_is_one() -> None:
    failure = make_failure(status="stuck", message="not finished after 1.00 s (--timeout)")
    runs = [make_run(workers, status="stuck", failure=failure) for workers in (0, 1)]

    alone, with_workers = failure_notices(make_profile(*runs))

    assert alone.advice == "Raise --timeout"
    assert "dashboard" in with_workers.advice
