"""How many workers fit on a GPU is said from what they held, and from what ran out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from profiles import GB, address, make_card, make_failure, make_profile, make_run

from sdprofile.explain.gpu import gpu_words
from sdprofile.model.failure import NO_GPU_MEMORY
from sdprofile.model.gpu import Card, Held
from sdprofile.model.run import Run


def run_with(*cards: Card, workers: int = 1, **kwargs: Any) -> Run:
    return make_run(workers, cards=cards, seconds=10.0 / workers, **kwargs)


def card_of(*held: int, busy: float | None = None, **kwargs: Any) -> Card:
    return make_card(*held, busy=busy, **kwargs)


def out_with(*cards: Card, workers: int) -> Run:
    failure = make_failure(status=NO_GPU_MEMORY, message="OutOfMemoryError: CUDA out of memory")
    return run_with(*cards, workers=workers, status=NO_GPU_MEMORY, failure=failure)


def words(*runs: Run) -> str:
    profile = make_profile(*runs)
    return gpu_words(profile, profile.chosen)


def test_what_each_worker_held_says_how_many_fit() -> None:
    run = run_with(card_of(20 * GB, 22 * GB), workers=2)
    expected = "each of 2 workers held up to 22.0 GB of gpu 0 (80.0 GB): 3 such workers fit"
    assert words(run) == expected
    assert f"{expected.capitalize().replace('gb', 'GB')}." in make_profile(run).advice


def test_what_others_and_the_kernel_hold_is_not_there_for_workers() -> None:
    run = run_with(card_of(20 * GB, kernel=10 * GB, others=20 * GB))
    assert words(run) == "1 worker held up to 20.0 GB of gpu 0 (80.0 GB): 2 such workers fit"


def test_what_torch_had_in_use_is_told_where_it_is_much_less() -> None:
    def held(torch: int) -> Card:
        workers = (Held(worker=address(0), nbytes=50 * GB, torch=torch),)
        return replace(card_of(50 * GB), workers=workers)

    assert words(run_with(held(30 * GB))) == (
        "1 worker held up to 50.0 GB of gpu 0 (80.0 GB), 30.0 GB in use by torch"
    )
    assert words(run_with(held(49 * GB))) == "1 worker held up to 50.0 GB of gpu 0 (80.0 GB)"


def test_what_cupy_kept_is_told() -> None:
    workers = (Held(worker=address(0), nbytes=50 * GB, cupy=49 * GB),)
    assert words(run_with(replace(card_of(50 * GB), workers=workers))) == (
        "1 worker held up to 50.0 GB of gpu 0 (80.0 GB), 49.0 GB kept by cupy's pool"
    )


def test_without_a_cluster_it_is_the_kernel_that_held_it() -> None:
    alone = make_run(0, cards=(card_of(20 * GB),))
    assert words(alone) == "the kernel held up to 20.0 GB of gpu 0 (80.0 GB)"


def test_a_cell_that_does_not_fit_without_a_cluster_says_so_only_where_nothing_did() -> None:
    failure = make_failure(status=NO_GPU_MEMORY, message="OutOfMemoryError: CUDA out of memory")
    alone = make_run(0, cards=(card_of(78 * GB),), status=NO_GPU_MEMORY, failure=failure)
    assert words(alone) == (
        "without a cluster it does not fit on gpu 0 (80.0 GB): the kernel held up to 78.0 GB when"
        " more was asked for"
    )
    assert words(alone, run_with(card_of(30 * GB))) == (
        "1 worker held up to 30.0 GB of gpu 0 (80.0 GB): 2 such workers fit"
    )


def test_how_busy_the_gpu_was_says_whether_more_workers_would_help() -> None:
    half = run_with(card_of(20 * GB, busy=0.5))
    assert words(half) == (
        "1 worker held up to 20.0 GB of gpu 0 (80.0 GB); it computed for 50 % of the time:"
        " 4 such workers fit"
    )
    with_others = run_with(card_of(20 * GB, busy=0.95, others=20 * GB))
    assert words(with_others) == (
        "1 worker held up to 20.0 GB of gpu 0 (80.0 GB): 3 such workers fit"
    )
    full = run_with(card_of(20 * GB, busy=0.95))
    assert words(full) == (
        "1 worker held up to 20.0 GB of gpu 0 (80.0 GB); it computed for 95 % of the time:"
        " more workers on it gain little"
    )


def test_nothing_is_said_of_more_where_no_more_fit_or_workers_have_a_card_each() -> None:
    full = run_with(card_of(38 * GB, 39 * GB), workers=2)
    assert words(full) == "each of 2 workers held up to 39.0 GB of gpu 0 (80.0 GB)"
    light = run_with(card_of(GB), workers=1)
    assert words(light) == "1 worker held up to 1.00 GB of gpu 0 (80.0 GB)"
    apart = run_with(card_of(10 * GB, 0), card_of(0, 12 * GB, name="gpu 1"), workers=2)
    assert words(apart) == (
        "each of 2 workers held up to 12.0 GB of gpu 0 and gpu 1 (80.0 GB each)"
    )


def test_nothing_is_said_without_a_card_or_one_that_was_used() -> None:
    assert words(make_run(1)) == ""
    assert words(run_with(card_of())) == ""


def test_the_count_that_ran_out_and_the_one_before_it_are_told() -> None:
    three = run_with(card_of(*[22 * GB] * 3), workers=3)
    four = out_with(card_of(*[19 * GB] * 4), workers=4)
    assert words(three, four) == "3 workers of up to 22.0 GB fit on gpu 0 (80.0 GB), 4 do not"


def test_counts_between_them_that_should_fit_are_told() -> None:
    two = run_with(card_of(22 * GB, 22 * GB), workers=2)
    four = out_with(card_of(*[19 * GB] * 4), workers=4)
    assert words(two, four, out_with(workers=8)) == (
        "2 workers of up to 22.0 GB fit on gpu 0 (80.0 GB), 4 do not; 3 should fit"
    )


def test_without_what_was_held_only_the_counts_are_told() -> None:
    assert words(make_run(1), out_with(workers=2)) == "1 worker fits on the GPU, 2 do not"
    assert words(out_with(workers=2)) == "2 workers do not fit on the GPU"


def test_a_profile_of_which_no_count_fits_says_what_to_do() -> None:
    profile = make_profile(out_with(card_of(78 * GB), workers=1))
    assert profile.advice == (
        "No count finished: 1 worker does not fit on gpu 0 (80.0 GB): it held up to 78.0 GB when"
        " more was asked for. Let each task use less of the GPU: smaller chunks or batches, or a"
        " smaller model."
    )


def test_a_count_that_finished_beside_one_that_ran_out_is_used() -> None:
    profile = make_profile(
        run_with(card_of(22 * GB)),
        run_with(card_of(22 * GB, 22 * GB), workers=2),
        out_with(card_of(*[19 * GB] * 4), workers=4),
    )
    assert profile.advice.startswith("Use 2 workers")
    assert "2 workers of up to 22.0 GB fit on gpu 0 (80.0 GB), 4 do not; 3 should fit." in (
        profile.advice
    )
