"""Advice names a count and a limit, and claims no more than was measured."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from profiles import (
    GB,
    MACHINE,
    make_activity,
    make_failure,
    make_profile,
    make_run,
    make_step,
)

from sdprofile.explain.advice import make_answer
from sdprofile.explain.recommend import recommend
from sdprofile.model.circumstances import Circumstances
from sdprofile.model.memory import ClusterPeak, Thresholds, WorkerPeak
from sdprofile.model.run import Run
from sdprofile.model.tasks import PrefixMemory

MB = 10**6
STEPS = (make_step("cell/polygon_query (line 2)", 7.5),)
FINALIZE = ("finalize-hlgfinalizecompute-0123456789abcdef0123456789abcdef",)
ADD = ("('add-0123456789abcdef0123456789abcdef', 0, 1)",)


def repeats(
    workers: int, *seconds: float, peak: int | None = GB, high: int = 0, **kwargs: Any
) -> list[Run]:
    """Return a run for each time; `high` is the sum of the workers' peaks, in bytes."""
    if high:
        kwargs["cluster_peak"] = ClusterPeak(low=high, high=high)
    return [
        make_run(workers, seconds=each, repeat=repeat, peak=peak, **kwargs)
        for repeat, each in enumerate(seconds, 1)
    ]


def killed(workers: int = 1, *, tasks: tuple[str, ...] = (), **kwargs: Any) -> Run:
    failure = make_failure(tasks=tasks)
    return make_run(workers, status="killed", failure=failure, **kwargs)


def advice(*runs: Run, **kwargs: Any) -> str:
    return make_profile(*runs, **kwargs).advice


def about_count(*runs: Run, **kwargs: Any) -> str:
    """Return the headline, and the line on other counts if there is one."""
    answer = make_profile(*runs, **kwargs).answer
    others = [line.fact for line in answer.lines if " took up to " not in line.fact]
    return ". ".join([answer.first, *others])


def about_memory(*runs: Run, **kwargs: Any) -> str:
    *_, line = make_profile(*runs, **kwargs).answer.lines
    return line.text


def test_whole_advice_of_3_repeats() -> None:
    text = advice(
        *repeats(1, 16.0, 16.1, 15.9, high=2 * GB),
        *repeats(2, 10.0, 10.2, 9.8, high=38 * GB // 10, peak=2150 * MB),
        *repeats(4, 9.9, 10.1, 9.7, high=7 * GB),
    )

    assert text == (
        "Use 2 workers of 3.6GB: 10.0 s instead of 16.0 s, 1.6x faster (the runs do not overlap,"
        " but 3 repeats cannot prove it: use -r 5; 3.80 GB in all instead of 2.00 GB)."
        " 4 workers were not measurably faster with 3 repeats, and need 1.8x the memory."
        " Each of 2 workers took up to 2.15 GB: use --memory 3.6GB (2.3GB is the bare minimum)."
    )


def test_whole_advice_of_5_repeats() -> None:
    text = advice(
        *repeats(1, 16.0, 16.1, 15.9, 16.2, 15.8, high=2 * GB),
        *repeats(2, 10.0, 10.2, 9.8, 10.1, 9.9, high=38 * GB // 10, peak=2150 * MB),
        *repeats(4, 10.0, 10.1, 9.8, 10.3, 9.9, high=7 * GB),
    )

    assert text == (
        "Use 2 workers of 3.6GB: 10.0 s instead of 16.0 s, 1.6x faster (shown by 5 repeats;"
        " 3.80 GB in all instead of 2.00 GB)."
        " 4 workers take the same time, and need 1.8x the memory."
        " Each of 2 workers took up to 2.15 GB: use --memory 3.6GB (2.3GB is the bare minimum)."
    )


def test_whole_advice_after_a_kill_in_finalize() -> None:
    text = advice(
        killed(tasks=FINALIZE),
        *repeats(2, 8.0, 8.1, 7.9, peak=46 * GB // 10, high=5 * GB),
        *repeats(4, 4.0, 4.1, 3.9, peak=4 * GB, high=6 * GB),
    )

    assert text == (
        "Use 4 workers of 5GB: 4.00 s instead of 8.00 s, 2.0x faster (the runs do not overlap,"
        " but 3 repeats cannot prove it: use -r 5; 6.00 GB in all instead of 5.00 GB)."
        " More workers were not tried."
        " Each of 4 workers took up to 4.00 GB: use --memory 5GB (4.3GB is the bare minimum)."
        " With 1 worker the memory went into the whole result, which dask puts together on one"
        " worker."
    )


def test_3_repeats_do_not_show_that_1_worker_is_enough() -> None:
    text = about_count(
        *repeats(1, 10, 10.5, 9.5, high=GB),
        *repeats(2, 10, 10.4, 9.6, high=2 * GB),
        *repeats(4, 10, 10.3, 9.7, high=4 * GB),
    )

    assert text == (
        "Use 1 worker of 1.7GB: 2 and 4 were not measurably faster with 3 repeats,"
        " and need 2.0x and 4.0x the memory"
    )


def test_many_repeats_that_spread_widely_do_not_show_it_either() -> None:
    text = about_count(
        *repeats(1, *[8, 9, 10, 11, 12], peak=None), *repeats(2, *[8, 9, 10, 11, 12], peak=None)
    )

    assert text == "Use 1 worker: 2 were not measurably faster"


def test_1_worker_is_enough_where_more_take_the_same_time() -> None:
    text = about_count(
        *repeats(1, *[10, 10.1, 9.9, 10.2, 9.8], high=GB),
        *repeats(2, *[10, 10.1, 9.9, 10.2, 9.8], high=2 * GB),
    )

    assert text == "1 worker of 1.7GB is enough: 2 take the same time, and need 2.0x the memory"


def test_counts_that_were_slower_are_told_apart_from_those_that_add_nothing() -> None:
    text = about_count(
        *repeats(2, 10, 10.5, 9.5, peak=None),
        *repeats(4, 10, 10.4, 9.6, peak=None),
        *repeats(8, 15, 15, 15, peak=None),
    )

    assert text == "Use 2 workers: 4 were not measurably faster with 3 repeats; 8 were slower"


def test_slower_by_proof_is_said_without_a_doubt() -> None:
    text = about_count(*repeats(1, *[10] * 4, peak=None), *repeats(2, *[15] * 4, peak=None))

    assert text == "1 worker is enough: 2 are slower"


def test_one_repeat_proves_nothing() -> None:
    text = about_count(*repeats(1, 10, high=GB), *repeats(2, 5, high=GB), machine=MACHINE)

    assert text == (
        "Use 2 workers of 1.7GB: 5.00 s instead of 10.0 s, 2.0x faster (1 repeat cannot prove it:"
        " use -r 5; 1.00 GB in all). More workers were not tried"
    )


def test_poor_step_names_the_cheaper_count() -> None:
    text = about_count(
        *repeats(1, *[12] * 4, high=GB),
        *repeats(2, *[6] * 4, high=2 * GB),
        *repeats(4, *[5] * 4, high=4 * GB),
        make_run(8, status="killed"),
    )

    assert text == (
        "Use 4 workers of 1.7GB: 5.00 s instead of 12.0 s, 2.4x faster (shown by 4 repeats;"
        " 4.00 GB in all instead of 1.00 GB). 2 workers are 2.0x faster for 2.0x the memory"
    )


def test_good_step_names_no_other_count() -> None:
    text = about_count(
        *repeats(1, *[12] * 4, high=GB),
        *repeats(2, *[6] * 4, high=2 * GB),
        *repeats(4, *[4] * 4, high=4 * GB),
        make_run(8, status="killed"),
    )

    assert text == (
        "Use 4 workers of 1.7GB: 4.00 s instead of 12.0 s, 3.0x faster (shown by 4 repeats;"
        " 4.00 GB in all instead of 1.00 GB)"
    )


def test_choice_that_the_smallest_count_does_not_bear_out_may_be_chance() -> None:
    # 4 beats 1 but not 2, and 2 does not beat 1.
    text = about_count(
        *repeats(1, 10, 10, 10, high=GB),
        *repeats(2, 8, 9, 10, high=GB),
        *repeats(4, 8, 8.5, 9, high=GB),
    )

    assert text == (
        "Use 2 workers of 1.7GB: 9.00 s instead of 10.0 s, 1.1x faster (may be chance; 1.00 GB in"
        " all). 4 workers were not measurably faster with 3 repeats, and need 1.0x the memory"
    )


def in_kernel(workers: int, *seconds: float, **kwargs: Any) -> list[Run]:
    """Return runs in which the kernel worked for 9 s, and the workers for 1 s."""
    parts = (make_activity("thread-cpu", 1.0), make_activity("idle", 9.0, context="idle"))
    around = Circumstances(kernel_cpu_seconds=9.0)
    return repeats(workers, *seconds, spans=parts, circumstances=around, **kwargs)


def test_where_the_kernel_works_the_smallest_count_is_advised_and_the_step_named() -> None:
    runs = [*in_kernel(1, 10.0, 10.0, 10.0, steps=STEPS), *in_kernel(2, 8.0, 8.1, 8.2, steps=STEPS)]

    assert about_count(*runs) == (
        "Use 1 worker of 1.7GB: polygon_query (line 2) took 7.50 s of 8.20 s in the kernel, where"
        " more workers cannot help"
    )
    assert about_count(*in_kernel(1, *[10.0] * 3), *in_kernel(2, *[8.0] * 3)) == (
        "Use 1 worker of 1.7GB: most of the work is done in the kernel, where more workers"
        " cannot help"
    )


def test_what_is_proven_to_be_faster_is_advised_though_the_kernel_works() -> None:
    assert about_count(*in_kernel(1, *[10.0] * 4), *in_kernel(2, *[8.0] * 4)).startswith(
        "Use 2 workers of 1.7GB: 8.00 s instead of 10.0 s, 1.2x faster"
    )


@pytest.mark.parametrize("limits", [{"cpus": 2}, {"memory": 12 * GB}])
def test_more_are_not_asked_for_where_the_machine_has_no_room(limits: dict[str, int]) -> None:
    machine = dataclasses.replace(MACHINE, **limits)  # 3 workers need 3 cores and 15 GB

    text = about_count(*repeats(1, *[10] * 4), *repeats(2, *[5] * 4), machine=machine)

    assert "not tried" not in text


def test_one_count_gets_advice_on_memory_only() -> None:
    assert advice(*repeats(1, 8, 8, 8, peak=1900 * MB)) == (
        "1 worker of 3.2GB: 8.00 s."
        " 1 worker took up to 1.90 GB: use --memory 3.2GB (2GB is the bare minimum)."
    )


def test_limit_is_in_the_users_unit() -> None:
    text = about_memory(make_run(peak=2**30, memory_limit=5 * 2**30), decimal=False)

    assert text == (
        "1 worker took up to 1.00 GiB: use --memory 1.7GiB (1.1GiB is the bare minimum)"
    )


def test_limit_that_did_not_spill_is_enough_not_to() -> None:
    # 4 GB are 80 % of 5 GB: above dask's mark, but nothing was written.
    text = about_memory(make_run(peak=4 * GB, memory_limit=5 * GB))

    assert text.endswith("use --memory 5GB (4.3GB is the bare minimum)")


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        (Thresholds(terminate=0.8), "use --memory 5GB"),
        (Thresholds(target=0.8, terminate=0.8), "use --memory 5GB"),
        (Thresholds(terminate=None), "use --memory 5GB (4GB is the bare minimum)"),
        (Thresholds(target=None, spill=None), "use --memory 4.3GB"),
    ],
)
def test_limits_go_by_what_the_workers_are_set_to(thresholds: Thresholds, said: str) -> None:
    text = about_memory(make_run(peak=4 * GB, memory_limit=5 * GB), thresholds=thresholds)

    assert text.endswith(said)


def test_peak_above_the_mark_asks_for_more_than_the_limit() -> None:
    text = about_memory(make_run(peak=49 * GB // 10, memory_limit=5 * GB))

    assert text == "1 worker took up to 4.90 GB: use --memory 5.2GB"


def test_without_a_limit_the_marks_alone_count() -> None:
    text = about_memory(make_run(peak=6 * GB, memory_limit=None))

    assert text.endswith("use --memory 10GB (6.4GB is the bare minimum)")


def test_sampled_peak_is_no_more_than_what_was_seen() -> None:
    peak = WorkerPeak(worker="a", baseline=0, peak=GB, exact=False)

    text = about_memory(make_run(worker_peaks=(peak,)))

    assert text.startswith("1 worker was seen at up to 1.00 GB: use --memory 1.7GB")


def test_peak_that_spilling_held_down_gives_no_limit() -> None:
    assert advice(make_run(peak=3 * GB, memory_limit=5 * GB, spilled=GB)) == (
        "1 worker: 10.0 s. 1 worker took up to 3.00 GB, held down by spilling: raise --memory"
        " above 5.00 GB to see how much it needs."
    )


def test_peak_that_is_not_known_gives_no_limit() -> None:
    assert advice(make_run(peak=None)) == ""


def test_no_task_on_the_workers_gives_no_advice_on_counts() -> None:
    assert advice(make_run(1, tasks=0), make_run(2, tasks=0, seconds=5.0)) == ""


def test_task_of_a_kill_is_told_with_what_it_took_elsewhere() -> None:
    memory = PrefixMemory(
        prefix="add", tasks=9, peak=2 * GB, rise_low=1200 * MB, rise_high=1200 * MB
    )

    text = advice(killed(tasks=ADD), make_run(2, task_memory=(memory,)))

    assert text.endswith(
        "is the bare minimum). With 1 worker add was running when the memory ran out;"
        " with 2 workers a task of add took up to 1.20 GB."
    )


@pytest.mark.parametrize(("low", "rise"), [(400 * MB, "400 MB to 1.00 GB"), (0, "up to 1.00 GB")])
def test_rise_that_threads_shared_is_a_range(low: int, rise: str) -> None:
    memory = PrefixMemory(prefix="add", tasks=9, peak=2 * GB, rise_low=low, rise_high=GB)

    text = advice(killed(tasks=ADD, threads=2), make_run(2, threads=2, task_memory=(memory,)))

    assert text.endswith(f"with 2 workers a task of add took {rise}.")


def test_what_one_thread_measured_goes_before_what_several_did_together() -> None:
    exact = PrefixMemory(prefix="add", tasks=9, peak=GB, rise_low=300 * MB, rise_high=300 * MB)
    shared = PrefixMemory(prefix="add", tasks=9, peak=2 * GB, rise_low=0, rise_high=GB)
    runs = [make_run(2, task_memory=(exact,)), make_run(4, threads=4, task_memory=(shared,))]

    parts = make_profile(killed(tasks=ADD), *runs)

    assert (
        "with 2 workers a task of add took up to 300 MB"
        in make_answer(parts, recommend(parts)).text
    )


def test_memory_of_the_killed_run_itself_is_not_what_it_took_elsewhere() -> None:
    memory = PrefixMemory(prefix="add", tasks=9, peak=2 * GB, rise_low=GB, rise_high=GB)

    text = advice(killed(tasks=ADD, task_memory=(memory,)), make_run(2))

    assert text.endswith("With 1 worker add was running when the memory ran out.")


def test_kills_of_one_kind_are_told_together() -> None:
    text = advice(killed(1, tasks=(*ADD, "sum-1")), killed(2, tasks=(*ADD, "sum-2")), make_run(4))

    assert text.endswith("With 1 and 2 workers add and sum were running when the memory ran out.")


def test_kill_of_which_nothing_is_known_is_not_explained() -> None:
    assert "ran out" not in advice(killed(), make_run(2))


@pytest.mark.parametrize(
    ("run", "text"),
    [
        (
            killed(tasks=FINALIZE),
            "No count finished: with 1 worker the memory went into the whole result, which dask"
            " puts together on one worker. Write it to zarr, reduce it on the workers, or raise"
            " --memory above 5.00 GB.",
        ),
        (
            killed(tasks=ADD),
            "No count finished: with 1 worker add was running when the memory ran out."
            " Try --memory above 5.00 GB, or smaller chunks.",
        ),
        (
            killed(2, threads=2),
            "No count finished. Try --memory above 5.00 GB, smaller chunks, or fewer --threads.",
        ),
        (
            make_run(status="killed", failure=make_failure(nbytes=None)),
            "No count finished. Try a smaller part of the data.",
        ),
        (
            make_run(status="stuck"),
            "No count finished. Try a longer --timeout, or a smaller part of the data.",
        ),
        (
            make_run(status="failed"),
            "No count finished. Fix the error that the cell raises, then profile it again.",
        ),
        (
            make_run(status="interrupted"),
            "No count finished. Try a smaller part of the data.",
        ),
    ],
)
def test_what_to_try_where_nothing_finished(run: Run, text: str) -> None:
    assert advice(run) == text


def test_empty_profile_has_no_advice() -> None:
    assert advice(empty=True) == ""
