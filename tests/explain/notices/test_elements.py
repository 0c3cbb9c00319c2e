"""Chunks that cost more than they need to are told, with the number and the line to change."""

from __future__ import annotations

from typing import Any

import pytest
from profiles import GB, make_element, make_profile, make_run, make_task

from sdprofile.explain.notices.elements import element_notices
from sdprofile.model.elements import FinerThanNeeded
from sdprofile.model.notice import Notice
from sdprofile.model.run import Run
from sdprofile.results.profile import Profile


def notices(profile: Profile) -> list[Notice]:
    return list(element_notices(profile))


def with_rise(
    rise: int,
    *,
    threads: int = 1,
    low: int | None = None,
    limit: int = 4 * GB,
    prefix: str = "filter",
    **kwargs: Any,
) -> Run:
    """Return a run whose workers have 200 MB at the start; one thread measures a task exactly."""
    memory = make_task(prefix, rise_low=rise if low is None else low, rise_high=rise, **kwargs)
    element = make_element(chunk_bytes=200_000_000, chunks=(1, 5000, 5000))
    return make_run(threads=threads, memory_limit=limit, task_memory=(memory,), elements=(element,))


def test_chunks_whose_tasks_pass_the_limit_side_by_side_are_told() -> None:
    [notice] = notices(make_profile(with_rise(4 * GB, low=11 * GB // 10, threads=4)))

    assert notice.fact == (
        "Chunks are too large: a task of filter takes at least 1.10 GB, so 4 side by side pass the"
        " limit of 4.00 GB"
    )
    assert notice.advice == (
        "In line 2 give image smaller chunks than chunks=(1, 5000, 5000) (200 MB), or raise"
        " --memory, or use fewer --threads"
    )


def test_what_one_thread_measured_is_exact_and_counts_for_several() -> None:
    [notice] = notices(
        make_profile(with_rise(GB), with_rise(3 * GB, low=GB // 10, threads=4, limit=3 * GB))
    )

    assert "takes 1.00 GB, so 4 side by side pass the limit of 3.00 GB" in notice.fact


def test_chunks_of_which_one_task_passes_a_limit_are_told() -> None:
    [notice] = notices(make_profile(with_rise(3 * GB), with_rise(GB, limit=2 * GB)))

    assert notice.fact.endswith("a task of filter takes 3.00 GB, more than the limit of 2.00 GB")
    assert notice.advice.endswith("or raise --memory")


@pytest.mark.parametrize(
    "run",
    [
        with_rise(2 * GB, low=0, threads=4, limit=5 * GB),  # of all 4 threads together
        with_rise(4 * GB, low=9 * GB // 10, threads=4),
        with_rise(2 * GB, threads=4, tasks=1),
        with_rise(3 * GB),
        with_rise(5 * GB, prefix="finalize-hlgfinalizecompute"),
    ],
)
def test_chunks_whose_tasks_fit_as_far_as_is_known(run: Run) -> None:
    assert notices(make_profile(run)) == []


@pytest.mark.parametrize(
    ("change", "fact", "advice"),
    [
        ({"unevenness": 3.14}, "image (line 2) are uneven: the largest has 3.1 times", "one size"),
        (
            {"reads": 1.56, "store_chunks": (1, 256, 256)},
            "image (line 2) are not aligned with those of its store: each is read 1.6 times",
            "multiples of chunks=(1, 256, 256) instead of chunks=(1, 100, 100)",
        ),
    ],
)
def test_what_is_wrong_with_an_element(change: dict[str, Any], fact: str, advice: str) -> None:
    [notice] = notices(make_profile(make_run(elements=(make_element(**change),))))

    assert fact in notice.fact
    assert advice in notice.advice


@pytest.mark.parametrize("change", [{"unevenness": 1.9}, {"reads": 1.05}, {"chunks": ()}])
def test_what_is_not_wrong_with_an_element(change: dict[str, Any]) -> None:
    assert notices(make_profile(make_run(elements=(make_element(**change),)))) == []


def test_full_resolution_that_is_not_needed_is_told() -> None:
    finer = FinerThanNeeded(
        name="small (line 3)",
        pyramid="tree",
        scale="scale0",
        nbytes=2_400_000_000,
        ratio=8.0,
        enough="scale3",
        enough_bytes=37_500_000,
    )
    run = make_run(finer_than_needed=(finer,))

    [notice] = notices(make_profile(run, decimal=True))

    assert notice.fact == (
        "small (line 3) was made from scale0 of tree (2.40 GB), though its pixels are 8.0 times as"
        " long"
    )
    assert notice.advice == 'Make it from tree["scale3"] (37.5 MB)'
    assert notices(make_profile(make_run())) == []
