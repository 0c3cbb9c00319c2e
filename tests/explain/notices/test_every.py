"""A profile says what its numbers do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from profiles import make_profile, make_run, make_step
from traces import ran

from sdprofile.explain.notices.every import Notice, make_notices
from sdprofile.model.circumstances import Circumstances
from sdprofile.model.lazy import LazyValue
from sdprofile.model.run import Run
from sdprofile.model.spans import SpanActivity
from sdprofile.model.steps import Steps
from sdprofile.results.profile import Profile


def facts(profile: Profile) -> list[str]:
    return [notice.fact for notice in make_notices(profile)]


def kernel_work(
    *, cpu: float, busy: float, tasks: int = 100, seconds: float = 10.0, workers: int = 2
) -> Run:
    """Return a run on workers of 1 thread: CPU seconds of the kernel, busy seconds of threads."""
    parts = (
        SpanActivity(span="cell", activity="thread-cpu", seconds=busy, nbytes=0),
        SpanActivity(span="cell", context="idle", activity="idle", seconds=9.0, nbytes=0),
    )
    return make_run(
        workers,
        seconds=seconds,
        tasks=tasks,
        spans=parts if busy else (),
        circumstances=Circumstances(kernel_cpu_seconds=cpu),
    )


def test_clean_profile_has_no_notices() -> None:
    assert make_notices(make_profile()) == ()


def test_empty_profile_has_no_notices() -> None:
    assert make_notices(make_profile(empty=True)) == ()


def test_no_tasks_means_that_workers_made_no_difference() -> None:
    [fact] = facts(make_profile(make_run(tasks=0)))

    assert fact.startswith("No task ran on the workers")


@pytest.mark.parametrize(
    ("asked", "held", "fact", "advice"),
    [
        (2, ("kept", "more"), "kept and more hold results there already", "del kept, more before"),
        (2, ("kept",), "kept holds results there already", "del kept before, or put what makes"),
        (2, (), "worker counts make no difference here", "look for results that are held"),
        (0, ("kept",), "worker counts make no difference here", "for what computes without dask"),
    ],
)
def test_why_no_task_ran(asked: int, held: tuple[str, ...], fact: str, advice: str) -> None:
    trace = ran([], seconds=1.0, calls=[(0.0, 1.0, asked)])
    profile = make_profile(make_run(tasks=0, held=held, trace=trace))
    [notice] = profile.notices
    assert notice.leading
    assert fact in notice.fact
    assert advice in notice.advice
    assert profile.advice == ""


def test_a_name_that_holds_part_of_the_work_is_told() -> None:
    [notice] = make_notices(make_profile(make_run(seconds=1.0, held=("filtered",))))
    assert notice.fact.startswith("filtered holds results on the workers from before, which the")
    assert notice.advice.startswith("To measure that, too, del filtered before")


def test_runs_with_unequal_tasks_are_told() -> None:
    [fact] = facts(make_profile(make_run(1, tasks=100), make_run(2, tasks=90)))

    assert fact == "The runs did not do the same work: 90 to 100 tasks"


def test_counts_at_which_no_task_ran_are_told() -> None:
    [alone] = make_notices(make_profile(make_run(1, tasks=0), make_run(2, tasks=90)))

    assert alone.fact.startswith("With 1 worker no task ran on the workers")
    assert "joblib" in alone.advice

    [fact] = facts(make_profile(*(make_run(n, tasks=n // 4) for n in (1, 2, 4))))

    assert fact.startswith("With 1 and 2 workers no task ran on the workers")


def test_tasks_of_a_killed_run_are_not_compared() -> None:
    profile = make_profile(make_run(1, tasks=3, status="killed"), make_run(2, tasks=90))

    assert not any("same work" in fact for fact in facts(profile))


def test_fusion_off_is_told() -> None:
    [fact] = facts(make_profile(fused=False))

    assert "--no-fuse" in fact


def test_remarks_from_the_run_come_first() -> None:
    remark = Notice(fact="The cluster was borrowed", advice="Nothing")

    profile = make_profile(fused=False, remarks=(remark,))

    assert profile.notices[0] is remark
    assert len(profile.notices) == 2


def test_work_in_the_kernel_is_told() -> None:
    # 1 of 2 x 10 s of the threads: 5 %.
    [notice] = make_notices(make_profile(kernel_work(cpu=9.0, busy=1.0)))

    assert notice.fact == (
        "Most of the work was done in the kernel, not on the workers: it used 0.9 cores on average,"
        " their threads were busy for 5 % of the time"
    )
    assert 'scheduler="threads"' in notice.advice


@pytest.mark.parametrize(("took", "is_told"), [(9.5, True), (4.9, False)])
def test_step_that_works_in_the_kernel_is_named(took: float, is_told: bool) -> None:
    steps = (make_step("cell/aggregate (line 3)", took), make_step("cell/read_zarr (line 2)"))
    run = replace(kernel_work(cpu=9.0, busy=1.0), steps=Steps(calls=steps))

    [notice] = make_notices(make_profile(run))

    assert notice.fact.endswith("; aggregate (line 3) took 9.50 s of 10.0 s") == is_told
    assert ("map_partitions" in notice.advice) == is_told


def test_work_in_the_kernel_is_told_of_one_worker_that_does_a_third_of_it() -> None:
    [fact] = facts(make_profile(kernel_work(cpu=9.0, busy=2.9, workers=1)))

    assert "busy for 29 % of the time" in fact


def test_work_in_the_kernel_is_told_instead_of_no_task() -> None:
    [fact] = facts(make_profile(kernel_work(cpu=20.0, busy=0.0, tasks=0)))

    assert fact.startswith("Most of the work was done in the kernel")
    assert "2.0 cores" in fact


def test_idle_kernel_without_tasks_is_told_as_no_task() -> None:
    [fact] = facts(make_profile(kernel_work(cpu=1.0, busy=0.0, tasks=0)))

    assert fact.startswith("No task ran on the workers")


# The workers for more than a third of their time, the kernel for half, and less than the tasks.
@pytest.mark.parametrize(("cpu", "busy"), [(9.0, 6.7), (5.0, 1.0), (6.0, 6.5)])
def test_work_on_the_workers_or_a_calm_kernel_is_fine(cpu: float, busy: float) -> None:
    assert facts(make_profile(kernel_work(cpu=cpu, busy=busy))) == []


def test_one_run_in_the_kernel_of_three_is_not_most_of_the_work() -> None:
    usual = kernel_work(cpu=0.5, busy=18.0)

    assert facts(make_profile(usual, kernel_work(cpu=9.0, busy=0.5), usual)) == []


def test_threads_of_which_nothing_is_known_are_not_idle() -> None:
    assert facts(make_profile(kernel_work(cpu=9.0, busy=0.0))) == []


def test_clean_profile_with_all_that_is_measured_has_no_notices() -> None:
    around = Circumstances(
        kernel_cpu_seconds=0.8,
        kernel_baseline=600 * 10**6,
        kernel_peak=650 * 10**6,
        others_cpu_seconds=1.5,
    )
    part = SpanActivity(span="cell", activity="thread-cpu", seconds=9.0, nbytes=0)
    runs = [
        make_run(workers, repeat=repeat, spans=(part,) * workers, circumstances=around)
        for workers in (1, 2, 4)
        for repeat in (1, 2, 3)
    ]

    assert make_notices(make_profile(*runs)) == ()


def test_the_most_important_comes_first() -> None:
    profile = make_profile(
        make_run(1, status="killed"),
        make_run(2, tasks=1, spilled=1),
        make_run(16, tasks=2),
        fused=False,
    )

    killed, work, time, memory, settings = facts(profile)
    assert killed.startswith("1 worker: killed")
    assert work.startswith("The runs did not do the same work")
    assert time == "16 threads shared 8 cores"
    assert memory.startswith("Workers wrote")
    assert "--no-fuse" in settings


LAZY = LazyValue(kind="DataArray", parts=1, chunks=300, nbytes=2_400_000_000)


@pytest.mark.parametrize(
    ("compute", "lazy", "tasks", "fact"),
    [
        ("", LAZY, 0, "No task ran: the cell's value is lazy (DataArray, 2.40 GB in 300 chunks)"),
        ("discard", LAZY, 300, "was computed and each block dropped as it was made"),
        ("persist", LAZY, 300, "was computed and kept on the workers to the end"),
        ("discard", None, 100, "--compute had nothing to do: the cell's last value is not lazy"),
    ],
)
def test_a_lazy_value_is_told(compute: str, lazy: LazyValue | None, tasks: int, fact: str) -> None:
    [found] = facts(make_profile(make_run(lazy=lazy, tasks=tasks), compute=compute))

    assert fact in found


def test_what_is_kept_without_a_cluster_is_not_on_workers() -> None:
    [found] = facts(make_profile(make_run(0, lazy=LAZY, tasks=300), compute="persist"))

    assert "was computed and kept to the end" in found


def test_a_lazy_value_of_a_cell_that_computed_is_not_worth_a_word() -> None:
    assert facts(make_profile(make_run(lazy=LAZY, tasks=100))) == []
