"""Memory that was short, or that the peaks do not hold, is told."""

from __future__ import annotations

from typing import Any

from profiles import GB, make_profile, make_run, make_step

from sdprofile.explain.notices.memory import memory_notices
from sdprofile.model.circumstances import Circumstances
from sdprofile.model.memory import WorkerPeak
from sdprofile.model.run import Run
from sdprofile.model.tasks import PrefixMemory
from sdprofile.results.profile import Profile

MB = 10**6


def facts(profile: Profile) -> list[str]:
    return [notice.fact for notice in memory_notices(profile)]


def with_kernel(
    baseline: int | None, highest: int | None, gathered: int | None = None, **kwargs: Any
) -> Run:
    around = Circumstances(kernel_baseline=baseline, kernel_peak=highest)
    return make_run(circumstances=around, gathered=gathered, **kwargs)


def with_peak(**kwargs: Any) -> Run:
    return make_run(worker_peaks=(WorkerPeak(worker="a", baseline=0, peak=GB, **kwargs),))


def test_most_that_was_spilled_is_told() -> None:
    [fact] = facts(make_profile(make_run(1, spilled=GB), make_run(2, spilled=2 * GB)))

    assert fact.startswith("Workers wrote up to 2.00 GB to disk")


def test_spilling_of_a_run_that_was_killed_is_not_told_beside_the_kill() -> None:
    assert facts(make_profile(make_run(status="killed", spilled=GB))) == []


def test_most_pauses_of_a_run_are_told() -> None:
    runs = [make_run(circumstances=Circumstances(pauses=pauses)) for pauses in (0, 3, 2)]

    [notice] = memory_notices(make_profile(*runs))

    assert notice.fact == (
        "Workers paused up to 3 times in a run: near the limit they take no new tasks"
    )
    assert "--memory" in notice.advice


def test_one_pause_is_told_in_words() -> None:
    [fact] = facts(make_profile(make_run(circumstances=Circumstances(pauses=1))))

    assert fact.startswith("Workers paused once in a run")


def test_memory_that_was_swapped_out_is_told() -> None:
    [notice] = memory_notices(make_profile(make_run(swapped=GB)))

    assert notice.fact == (
        "The system swapped out up to 1.00 GB of the workers' memory, which takes time and is not"
        " in their peaks"
    )
    assert "fewer workers" in notice.advice


def test_result_in_the_kernel_is_told_with_its_size() -> None:
    [notice] = memory_notices(make_profile(with_kernel(GB, 3 * GB, 1900 * MB, peak=3 * GB)))

    assert notice.fact == (
        "The kernel took up to 2.00 GB more, for results of 1.90 GB that were brought there, which"
        " no worker's limit covers"
    )
    assert notice.advice.startswith(".compute() brings the whole result into the kernel")


def test_result_of_which_the_size_is_not_known_is_told_without() -> None:
    [fact] = facts(make_profile(with_kernel(GB, 3 * GB, peak=3 * GB)))

    assert fact == "The kernel took up to 2.00 GB more, which no worker's limit covers"


def test_memory_of_the_kernels_own_work_is_not_blamed_on_compute() -> None:
    steps = (
        make_step("cell/read_zarr (line 1)"),
        make_step("cell/polygon_query (line 2)", kernel_rise=1900 * MB),
    )
    run = with_kernel(GB, 3 * GB, 17 * MB, peak=300 * MB, steps=steps)

    [notice] = memory_notices(make_profile(run))

    assert notice.fact == (
        "The kernel itself took up to 2.00 GB more, in polygon_query (line 2), which no worker's"
        " limit covers; results of 17.0 MB were brought there"
    )
    assert ".compute()" not in notice.advice
    assert "it works in the kernel" in notice.advice


def test_memory_that_no_step_took_is_the_cells_own() -> None:
    run = with_kernel(GB, 3 * GB, 0, steps=(make_step("cell/read", kernel_rise=900 * MB),))

    [fact] = facts(make_profile(run))

    assert "2.00 GB more, in the cell's own code, which" in fact
    assert fact.endswith("results of 0 B were brought there")


def test_kernel_that_took_less_than_half_of_a_worker_is_fine() -> None:
    assert facts(make_profile(with_kernel(GB, 3 * GB, peak=4 * GB))) == []


def test_kernel_that_took_less_than_200_mb_is_fine() -> None:
    assert facts(make_profile(with_kernel(GB, GB + 200 * MB, peak=200 * MB))) == []


def test_kernel_of_which_nothing_is_known_is_not_told() -> None:
    assert facts(make_profile(with_kernel(None, 3 * GB), with_kernel(0, None))) == []


def test_child_processes_are_told_and_not_also_inexact_peaks() -> None:
    [notice] = memory_notices(make_profile(with_peak(children=500 * MB, exact=False)))

    assert notice.fact == (
        "Child processes of a worker took up to 500 MB, which --memory does not limit"
    )
    assert notice.advice == "Leave room for them beside the workers"


def test_peaks_of_a_system_without_marks_are_told() -> None:
    [fact] = facts(make_profile(with_peak(exact=False)))

    assert fact == "Peaks are the highest samples: exact marks could not be read"


def test_peak_of_a_worker_that_was_killed_is_no_fault_of_the_system() -> None:
    assert facts(make_profile(with_peak(exact=False, killed=True))) == []


def with_finalize(rise: int, **kwargs: Any) -> Run:
    part = PrefixMemory(
        prefix="finalize-hlgfinalizecompute", tasks=1, peak=GB, rise_low=rise, rise_high=rise
    )
    around = Circumstances(kernel_baseline=0, kernel_peak=kwargs.pop("kernel", 0))
    return make_run(task_memory=(part,), circumstances=around, memory_limit=5 * GB, **kwargs)


def test_a_large_result_that_is_put_together_names_both_copies() -> None:
    [fact] = facts(make_profile(with_finalize(2 * GB, kernel=3 * GB)))

    assert fact == (
        "compute() put the whole result together on one worker, which took 2.00 GB more there,"
        " and copied it into the kernel, which took 3.00 GB more"
    )


def test_a_large_result_that_does_not_reach_the_kernel_names_one_copy() -> None:
    [fact] = facts(make_profile(with_finalize(2 * GB)))

    assert fact.endswith("which took 2.00 GB more there")


def test_kernels_own_work_beside_a_large_result_is_told_apart() -> None:
    one, other = facts(make_profile(with_finalize(2 * GB, kernel=3 * GB, gathered=0)))

    assert one.endswith("which took 2.00 GB more there")
    assert other.startswith("The kernel itself took up to 3.00 GB more, in the cell's own code")


def test_more_than_the_copies_of_a_result_is_the_cells_own() -> None:
    [copied] = facts(make_profile(with_kernel(0, 2 * GB, 900 * MB)))
    [own] = facts(make_profile(with_kernel(0, 2 * GB, 700 * MB)))

    assert copied.startswith("The kernel took up to 2.00 GB more, for results of 900 MB")
    assert own.startswith("The kernel itself took up to 2.00 GB more, in the cell's own code")


def test_memory_that_a_large_result_took_is_not_for_want_of_smaller_chunks() -> None:
    spilled, _ = memory_notices(make_profile(with_finalize(2 * GB, spilled=GB)))
    [other] = memory_notices(make_profile(make_run(spilled=GB)))

    assert spilled.advice == "Raise --memory, or reduce the result before it is put together"
    assert other.advice == "Raise --memory, or use smaller chunks"


def test_a_small_result_is_not_worth_a_word() -> None:
    assert facts(make_profile(with_finalize(GB))) == []
