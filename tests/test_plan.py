"""What is asked is checked against what there is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdprofile.errors import SdprofileError
from sdprofile.model.machine import Machine
from sdprofile.options.options import Options
from sdprofile.plan import Plan, Shape, equal_share, make_plan, powers_of_two

GB = 10**9
MACHINE = Machine(cpus=4, memory=20 * GB, memory_free=16 * GB)


def only_limit(plan: Plan) -> int | None:
    """Return the memory limit that all settings have."""
    (limit,) = {setting.memory_limit for setting in plan.settings}
    return limit


def test_default_is_powers_of_two_and_an_equal_share() -> None:
    plan = make_plan(Options(), MACHINE)
    assert [setting.workers for setting in plan.settings] == [1, 2, 4]
    assert (plan.repeats, plan.settings[0].threads) == (3, 1)
    assert 3.9 * GB < only_limit(plan) <= 4 * GB


def test_what_a_borrowed_cluster_has_holds_unless_something_else_is_asked() -> None:
    found = Shape(workers=1, threads=2, memory_limit=3 * GB)
    kept = make_plan(Options(), MACHINE, found=found)
    assert {(each.threads, each.memory_limit) for each in kept.settings} == {(2, 3 * GB)}
    options = Options(threads=1, memory="1GB")
    asked = make_plan(options, MACHINE, found=found)
    assert {(each.threads, each.memory_limit) for each in asked.settings} == {(1, GB)}


def test_memory_is_shown_as_it_was_written() -> None:
    assert make_plan(Options(memory="3GB"), MACHINE).decimal
    assert not make_plan(Options(memory="3GiB"), MACHINE).decimal
    for limit, decimal in ((3 * GB, True), (3 * 2**30, False)):
        found = Shape(workers=1, threads=1, memory_limit=limit)
        assert make_plan(Options(), MACHINE, found=found).decimal is decimal
    assert not make_plan(Options(), MACHINE).decimal


def test_more_memory_than_there_is_is_refused() -> None:
    with pytest.raises(SdprofileError) as caught:
        make_plan(Options(workers=(1, 4), memory="5.5GB"), MACHINE)
    assert str(caught.value) == (
        "--memory: expected at most 5.00 GB for each of 4 workers, got 5.50 GB (the machine has"
        " 20.0 GB; ask for fewer --workers or less --memory)"
    )


def test_counts_that_crowd_this_machine_have_to_be_insisted_on() -> None:
    asked = Options(workers=(1, 17))
    with pytest.raises(SdprofileError) as caught:
        make_plan(asked, MACHINE)
    assert str(caught.value) == (
        "--workers: expected at most 16, four for each of the 4 CPUs that workers may use, got 17"
        " (add --oversubscribe to start them all the same)"
    )
    insisted = make_plan(Options(workers=(1, 17), oversubscribe=True), MACHINE)
    assert [setting.workers for setting in insisted.settings] == [1, 17]
    make_plan(Options(workers=(16,)), MACHINE)


def test_a_crowd_is_refused_on_a_borrowed_cluster_here_and_nowhere_else() -> None:
    found, asked = Shape(workers=2, threads=1, memory_limit=GB // 10), Options(workers=(40,))
    with pytest.raises(SdprofileError, match="^--workers: expected at most 16"):
        make_plan(asked, MACHINE, found=found)
    make_plan(asked, MACHINE, found=found, local=False)
    crowd = Shape(workers=40, threads=1, memory_limit=GB // 10)
    make_plan(asked, MACHINE, found=crowd)
    make_plan(asked, MACHINE, found=crowd, fixed=True)


BIG = Shape(workers=1, threads=1, memory_limit=8 * GB)


def test_a_limit_that_does_not_fit_is_kept_of_the_users_cluster_and_shared_anew_of_ours() -> None:
    with pytest.raises(SdprofileError, match="^the session's cluster: expected at most 5.00 GB"):
        make_plan(Options(), MACHINE, found=BIG)
    assert only_limit(make_plan(Options(), MACHINE, found=BIG, ours=True)) == equal_share(
        MACHINE.memory_free, 4
    )
    assert only_limit(make_plan(Options(workers=(2,)), MACHINE, found=BIG, ours=True)) == 8 * GB


def test_workers_elsewhere_are_not_held_against_this_machine() -> None:
    assert only_limit(make_plan(Options(), MACHINE, found=BIG, local=False)) == 8 * GB


def test_a_cluster_without_a_limit_keeps_none() -> None:
    found = Shape(workers=1, threads=1, memory_limit=None)
    assert only_limit(make_plan(Options(), MACHINE, found=found)) is None


def test_all_memory_there_is_may_be_asked_for() -> None:
    options = Options(workers=(4,), memory="5GB")
    assert only_limit(make_plan(options, MACHINE)) == 5 * GB


def test_a_grid_is_every_combination_and_what_costs_least_changes_fastest() -> None:
    options = Options(
        workers=(1, 2),
        threads="1,2",
        memory="1GB,2GB",
        vary="chunk=500,1000",
    )
    settings = make_plan(options, MACHINE).settings
    assert len(set(settings)) == len(settings) == 16
    assert [each.memory_limit for each in settings] == [GB] * 8 + [2 * GB] * 8
    assert [each.threads for each in settings[:8]] == [1] * 4 + [2] * 4
    assert [(each.workers, dict(each.variables)["chunk"]) for each in settings[:4]] == [
        (1, "500"),
        (1, "1000"),
        (2, "500"),
        (2, "1000"),
    ]


def test_the_largest_of_several_limits_must_fit() -> None:
    options = Options(workers=(4,), memory="1GB,6GB")
    with pytest.raises(SdprofileError, match="expected at most 5.00 GB for each of 4"):
        make_plan(options, MACHINE)


@given(st.integers(1, 1000))
def test_powers_of_two_end_at_the_cpus(cpus: int) -> None:
    counts = powers_of_two(cpus)
    assert counts[0] == 1
    assert counts[-1] <= cpus < 2 * counts[-1]


@given(st.integers(10**8, 10**13), st.integers(1, 128))
def test_shares_fit_together(free: int, workers: int) -> None:
    share = equal_share(free, workers)
    assert 0 < share * workers <= free


def test_workers_that_come_in_jobs_are_asked_for_in_whole_jobs() -> None:
    plan = make_plan(Options(), MACHINE, found=BIG, local=False, together=2)
    assert [setting.workers for setting in plan.settings] == [2, 4]
    with pytest.raises(SdprofileError, match="expected multiples of 2, .* got 1, 3"):
        make_plan(Options(workers=(1, 2, 3)), MACHINE, found=BIG, local=False, together=2)


def test_a_cluster_that_is_as_it_is_has_what_it_has() -> None:
    found = Shape(workers=3, threads=2, memory_limit=GB)
    plan = make_plan(Options(), MACHINE, found=found, local=False, fixed=True)
    assert [setting.workers for setting in plan.settings] == [1, 2]
    same = Options(workers=(3,), threads=2, memory="1GB")
    assert make_plan(same, MACHINE, found=found, fixed=True).settings[0].workers == 3
    for options, said in (
        (Options(workers=(4,)), "--workers: expected at most 3, got 4"),
        (Options(memory="2GB"), "--memory: expected none, .* got 2GB"),
        (Options(threads=(2, 1)), r"--threads: expected none, .* got \[1\]"),
    ):
        with pytest.raises(SdprofileError, match=said):
            make_plan(options, MACHINE, found=found, fixed=True)


def test_tasks_need_no_more_than_a_worker_has() -> None:
    options = Options(memory="2GB,1GB", task_memory="add=1GB,mean=500MB")
    assert make_plan(options, MACHINE).task_memory == (("add", GB), ("mean", GB // 2))
    with pytest.raises(SdprofileError, match="--task-memory add: expected at most .* 1.50 GB"):
        make_plan(Options(memory="2GB,1GB", task_memory="add=1.5GB"), MACHINE)


def test_counts_take_turns_within_a_budget_also_on_a_borrowed_cluster() -> None:
    found = Shape(workers=1, threads=1, memory_limit=GB // 2)
    assert make_plan(Options(), MACHINE, found=found).order == "grouped"
    assert make_plan(Options(budget="1min"), MACHINE, found=found).order == "rounds"
    asked = Options(budget="1min", order="grouped")
    assert make_plan(asked, MACHINE, found=found).order == "grouped"


def test_no_cluster_is_tried_where_the_session_has_no_client() -> None:
    plan = make_plan(Options(memory="1GB"), MACHINE, has_client=False)
    assert [each.workers for each in plan.every] == [0, 1, 2, 4]
    assert [each.workers for each in plan.settings] == [1, 2, 4]
    [alone] = plan.alone
    assert alone.kind == plan.settings[0].kind  # so that it is held against these
    assert make_plan(Options(), MACHINE).alone == ()


@pytest.mark.parametrize(
    "options",
    [
        {"workers": (1, 2)},
        {"report": "report.html"},
        {"against": "before"},
        {"predict": (8,)},
        {"task_memory": "add=1GB"},
        {"threads": (1, 2)},
    ],
)
def test_but_not_where_something_is_asked_that_only_workers_have(options: dict[str, Any]) -> None:
    assert make_plan(Options(**options), MACHINE, has_client=False).alone == ()


def test_a_scheduler_that_is_named_asks_for_a_row_without_a_cluster() -> None:
    plan = make_plan(Options(scheduler="processes"), MACHINE)
    assert [(each.workers, each.scheduler) for each in plan.every] == [
        *((0, "processes"), (1, ""), (2, ""), (4, ""))
    ]
    assert plan.name(plan.every[0]) == "no cluster (processes)"


def test_each_value_of_a_variable_is_tried_without_a_cluster_too() -> None:
    plan = make_plan(Options(workers=(0, 2), vary="n=1,2"), MACHINE)
    assert [plan.name(each) for each in plan.every] == [
        *("no cluster, n=1", "no cluster, n=2", "2 workers, n=1", "2 workers, n=2")
    ]
    assert [each.kind for each in plan.alone] == [each.kind for each in plan.settings]


def test_no_cluster_alone_needs_no_workers() -> None:
    plan = make_plan(Options(workers=(0,)), MACHINE)
    assert plan.settings == ()
    assert [each.workers for each in plan.every] == [0]
    found = Shape(workers=2, threads=2, memory_limit=GB)
    fixed = make_plan(Options(workers=(0, 2)), MACHINE, found=found, fixed=True)
    assert [each.workers for each in fixed.every] == [0, 2]
