"""One profile against another: ratios, verdicts, and what makes them doubtful."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from profiles import GB, make_profile, make_run

from sdprofile.model.machine import Machine
from sdprofile.results.comparison import Comparison
from sdprofile.results.profile import Profile


def profile_of(times: dict[int, tuple[float, ...]], **values: Any) -> Profile:
    """Return a profile with these times of each worker count; `values` are of all runs."""
    runs = [
        make_run(workers, repeat=repeat, seconds=seconds, **values)
        for workers, each in times.items()
        for repeat, seconds in enumerate(each, start=1)
    ]
    return make_profile(*runs)


def against(before: Profile, after: Profile) -> Comparison:
    return Comparison(names=("before", "after"), before=before, after=after)


def test_times_are_a_ratio_with_its_range_and_a_verdict() -> None:
    before = profile_of({1: (10.0, 11.0, 12.0, 13.0)})
    after = profile_of({1: (5.0, 5.2, 5.4, 5.6)})

    [change] = against(before, after).counts

    assert change.workers == 1
    assert change.verdict is not None
    assert change.verdict.ratio == pytest.approx(11.5 / 5.3)
    assert (change.verdict.ratio_low, change.verdict.ratio_high) == (10 / 5.6, 13 / 5)
    assert change.verdict.words == "faster"


def test_three_repeats_give_no_verdict() -> None:
    [change] = against(profile_of({1: (10, 11, 12)}), profile_of({1: (5, 5.2, 5.4)})).counts

    assert change.verdict is not None
    assert change.verdict.words == "cannot tell with 3 repeats"


def test_memory_and_tasks_are_later_over_earlier() -> None:
    before = profile_of({2: (10,)}, peak=4 * GB, tasks=100)
    after = profile_of({2: (10,)}, peak=GB, tasks=150)

    [change] = against(before, after).counts

    assert (change.peak_ratio, change.tasks_ratio) == (0.25, 1.5)


def test_only_counts_of_both_are_compared_and_the_others_told() -> None:
    found = against(profile_of({1: (3,), 2: (2,)}), profile_of({2: (2,), 4: (1,), 8: (1,)}))

    assert [change.workers for change in found.counts] == [2]
    assert found.differences == ("1 worker only in the first", "4 and 8 workers only in the second")
    found = against(profile_of({0: (3,), 1: (3,), 2: (2,)}), profile_of({2: (2,)}))
    assert found.differences == ("no cluster and 1 worker only in the first",)


def test_count_without_a_run_that_ended_well_has_no_verdict() -> None:
    [change] = against(profile_of({1: (3,)}, status="killed"), profile_of({1: (3,)})).counts

    assert change.verdict is None
    assert change.tasks_ratio is None


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"fused": False}, "task fusion on against off"),
        ({"secure": True}, "TLS off against on"),
        ({"compute": "discard"}, "--compute off against discard"),
        ({"machine": Machine(cpus=64, memory=16 * GB, memory_free=GB)}, "4 CPUs against 64"),
        ({"versions": (("dask", "2"), ("new", "1"))}, "dask 1 against 2"),
    ],
)
def test_what_is_not_alike_is_told(values: dict[str, Any], told: str) -> None:
    machine = Machine(cpus=4, memory=16 * GB, memory_free=2 * GB)
    before = make_profile(versions=(("dask", "1"),), machine=machine)

    found = against(before, make_profile(**{"machine": machine} | values))

    assert found.differences == (told,)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"threads": 2}, "1 thread per worker against 2"),
        ({"memory_limit": None}, "limit of a worker 5.00 GB against none"),
    ],
)
def test_workers_that_are_not_alike_are_told(values: dict[str, Any], told: str) -> None:
    found = against(make_profile(make_run()), make_profile(make_run(**values), decimal=True))

    assert found.differences == (told,)


def test_alike_has_no_differences() -> None:
    assert against(make_profile(), make_profile()).differences == ()


def test_frame_has_a_row_per_count() -> None:
    found = against(
        profile_of({1: (10.0,), 2: (5.0,)}, peak=2 * GB),
        profile_of({1: (5.0,), 2: (5.0,)}, peak=GB),
    ).to_frame()

    assert found["workers"].tolist() == [1, 2]
    assert found["speedup"].tolist() == [2.0, 1.0]
    assert found["after_peak_bytes"].tolist() == [GB, GB]
    assert found["peak_ratio"].tolist() == [0.5, 0.5]
    assert found["verdict"].tolist() == ["cannot tell with 1 repeat"] * 2
    assert isinstance(found, pd.DataFrame)
