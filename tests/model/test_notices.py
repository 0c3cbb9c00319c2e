"""A profile says what its numbers do not."""

from __future__ import annotations

import dataclasses

from profiles import GB, MACHINE, make_failure, make_profile, make_run

from sdprofile.model.notices import Notice, make_notices
from sdprofile.model.profile import Profile
from sdprofile.model.run import Run


def facts(profile: Profile) -> list[str]:
    return [notice.fact for notice in make_notices(profile)]


def repeats(*seconds: float) -> list[Run]:
    return [make_run(seconds=each, repeat=index) for index, each in enumerate(seconds, 1)]


def test_clean_profile_has_no_notices() -> None:
    assert make_notices(make_profile()) == ()


def test_empty_profile_has_no_notices() -> None:
    assert make_notices(make_profile(empty=True)) == ()


def test_kill_names_memory_limit_and_task() -> None:
    failure = make_failure(nbytes=49 * GB // 10, memory_limit=5 * GB, tasks=("sum-1",))

    [notice] = make_notices(make_profile(make_run(status="killed", failure=failure)))

    assert notice.fact == "1 worker: killed after 10.0 s at 4.90 GB of 5.00 GB in sum-1"
    assert "--memory" in notice.advice


def test_kill_without_numbers_still_says_why() -> None:
    failure = make_failure(nbytes=None)

    [fact] = facts(make_profile(make_run(status="killed", failure=failure)))

    assert fact == "1 worker: a worker was killed after 10.0 s"


def test_kill_in_the_finalize_task_is_explained() -> None:
    failure = make_failure(tasks=("finalize-hlgfinalizecompute-1",))

    [notice] = make_notices(make_profile(make_run(status="killed", failure=failure)))

    assert "puts the whole result together on one worker" in notice.fact
    assert "zarr" in notice.advice


def test_stuck_run_says_what_was_reached() -> None:
    failure = make_failure(2, status="stuck", message="no end after 90 s")

    [notice] = make_notices(make_profile(make_run(2, status="stuck", failure=failure)))

    assert notice.fact == "2 workers: no end after 90 s"
    assert "--timeout" in notice.advice


def test_no_tasks_means_that_workers_made_no_difference() -> None:
    [fact] = facts(make_profile(make_run(tasks=0)))

    assert fact.startswith("No task ran on the workers")


def test_runs_with_unequal_tasks_are_told() -> None:
    [fact] = facts(make_profile(make_run(1, tasks=100), make_run(2, tasks=90)))

    assert fact == "The runs did not do the same work: 90 to 100 tasks"


def test_tasks_of_a_killed_run_are_not_compared() -> None:
    profile = make_profile(make_run(1, tasks=3, status="killed"), make_run(2, tasks=90))

    assert not any("same work" in fact for fact in facts(profile))


def test_slow_first_repeat_is_a_cold_start_and_not_also_unstable() -> None:
    [fact] = facts(make_profile(*repeats(20, 10, 10)))

    assert fact == "The first run was slow (1 worker: 20.0 s against a median of 10.0 s)"


def test_spread_times_are_told() -> None:
    [fact] = facts(make_profile(*repeats(10, 8, 12)))

    assert fact == "The times spread widely around their mean (20 % at 1 worker)"


def test_most_that_was_spilled_is_told() -> None:
    [fact] = facts(make_profile(make_run(1, spilled=GB), make_run(2, spilled=2 * GB)))

    assert fact.startswith("Workers wrote up to 2.00 GB to disk")


def test_more_threads_than_cores_are_told() -> None:
    machine = dataclasses.replace(MACHINE, cpus=4)

    [fact] = facts(make_profile(make_run(4, threads=2), machine=machine))

    assert fact == "8 threads shared 4 cores"


def test_as_many_threads_as_cores_are_fine() -> None:
    machine = dataclasses.replace(MACHINE, cpus=8)

    assert facts(make_profile(make_run(4, threads=2), machine=machine)) == []


def test_fusion_off_is_told() -> None:
    [fact] = facts(make_profile(fused=False))

    assert "--no-fuse" in fact


def test_remarks_from_the_run_come_first() -> None:
    remark = Notice(fact="The cluster was borrowed", advice="Nothing")

    profile = make_profile(fused=False, remarks=(remark,))

    assert profile.notices[0] is remark
    assert len(profile.notices) == 2
