"""A profile in which more was varied than the workers: its parts, and what is said of the whole."""

from __future__ import annotations

from typing import Any

import pytest
from profiles import GB, make_profile, make_run, make_setting

from sdprofile.errors import SdprofileError
from sdprofile.explain.verdict import verdict_of
from sdprofile.model.run import Run
from sdprofile.model.setting import Varied
from sdprofile.plain import compare
from sdprofile.results.profile import Profile


def chunk(value: int, workers: int = 1, seconds: float = 10.0, **kwargs: Any) -> list[Run]:
    """Return 5 runs in which chunk was so large, each a little slower than the one before."""
    return [
        make_run(
            workers,
            repeat=index + 1,
            seconds=seconds * (1 + index / 100),
            variables=(("chunk", str(value)),),
            **kwargs,
        )
        for index in range(5)
    ]


def chunks() -> Profile:
    """Return a grid of two chunks on 1 and 2 workers; 1000 is better, 2 workers only with it."""
    runs = [
        *chunk(500, 1, 20.0),
        *chunk(500, 2, 20.0),
        *chunk(1000, 1, 10.0),
        *chunk(1000, 2, 5.0),
    ]
    return make_profile(*runs, repeats=5)


def limits(*held: tuple[int, str]) -> Profile:
    runs = [make_run(peak=GB, memory_limit=limit * GB, status=status) for limit, status in held]
    return make_profile(*runs)


def test_a_sweep_over_workers_is_its_own_only_part() -> None:
    profile = make_profile()
    assert not profile.is_grid
    assert profile.parts == (profile,)


def test_each_part_is_a_profile_over_workers() -> None:
    profile = chunks()
    assert profile.is_grid
    assert [len(part.runs) for part in profile.parts] == [10, 10]
    assert [[count.workers for count in part.counts] for part in profile.parts] == [[1, 2], [1, 2]]
    assert [part.counts[1].speedup for part in profile.parts] == [1.0, 2.0]
    assert not any(part.is_grid for part in profile.parts)


def test_settings_come_by_part_and_are_held_against_the_first() -> None:
    counts = chunks().counts
    assert [(count.workers, dict(count.setting.variables)["chunk"]) for count in counts] == [
        (1, "500"),
        (2, "500"),
        (1, "1000"),
        (2, "1000"),
    ]
    assert [count.speedup for count in counts] == pytest.approx([1.0, 1.0, 2.0, 4.0])
    # More than the workers differs from the first: nothing is shared out among them.
    assert [count.efficiency for count in counts] == [1.0, 0.5, None, None]
    assert [count.serial_fraction is None for count in counts] == [True, False, True, True]
    verdicts = [verdict_of(count) for count in counts[2:]]
    assert [verdict.word for verdict in verdicts if verdict] == ["faster", "faster"]


def test_advice_names_the_setting_and_what_each_axis_does_there() -> None:
    assert chunks().advice == (
        "Use 2 workers, chunk=1000: 5.10 s instead of 20.4 s with 1 worker, chunk=500, 4.0x faster"
        " (shown by 5 repeats)."
        " Changing only chunk makes it up to 4.0x faster (1000 against 500), only workers makes it"
        " up to 2.0x faster (2 against 1)."
        " Each of 2 workers took up to 1.00 GB: use --memory 1.7GB (1.1GB is the bare minimum)."
    )


def test_of_settings_that_none_beats_the_one_with_the_fewest_threads_is_advised() -> None:
    runs = [*chunk(500, 1, 10.0), *chunk(500, 2, 10.0), *chunk(1000, 4, 9.99)]
    advice = make_profile(*runs, repeats=5).advice
    assert advice.startswith(
        "Use 1 worker, chunk=500: nothing else was measurably faster;"
        " 4 workers, chunk=1000 takes the same time."
    )
    assert "workers makes no difference" in advice


def test_a_spread_that_hides_a_difference_is_not_taken_for_none() -> None:
    runs = [
        make_run(workers, repeat=repeat, seconds=seconds * (0.99 if workers == 4 else 1), threads=n)
        for workers, n in ((1, 1), (4, 1), (1, 2))
        for repeat, seconds in enumerate((8.0, 9.0, 10.0, 11.0, 12.0), start=1)
    ]
    advice = make_profile(*runs, repeats=5).advice
    assert advice.startswith(
        "Use 1 worker, 1 thread: nothing else was measurably faster;"
        " 4 workers, 1 thread was not measurably faster."
    )
    assert "workers makes no measurable difference" in advice


def test_the_smallest_limit_that_holds_is_told() -> None:
    assert "5.00 GB is the smallest limit that was enough, with 2.00 GB a worker was killed." in (
        limits((2, "killed"), (5, "ok"), (9, "ok")).advice
    )
    assert "2.00 GB is the smallest limit that was enough, none was too small." in (
        limits((2, "ok"), (5, "ok")).advice
    )


def test_where_nothing_finished_the_part_with_the_most_memory_advises() -> None:
    advice = limits((2, "killed"), (5, "killed")).advice
    assert advice.startswith("Nothing finished. limit 5.00 GB: No count finished. Try --memory")
    assert make_profile(empty=True).advice == ""


def test_notices_of_the_parts_with_one_advice_are_one() -> None:
    runs = [*chunk(500, tasks=0), *chunk(1000, tasks=0), *chunk(2000)]
    found = [notice.fact for notice in make_profile(*runs).notices if "No task" in notice.fact]
    assert len(found) == 1
    assert found[0].startswith("chunk=500 and chunk=1000: No task ran")


def test_tables_tell_the_settings_apart() -> None:
    profile = chunks()
    assert profile.summary()[["workers", "chunk"]].values.tolist() == [
        [1, 500],
        [2, 500],
        [1, 1000],
        [2, 1000],
    ]
    assert profile.to_frame().groupby(["workers", "chunk"]).size().tolist() == [5] * 4
    threads = make_profile(*(make_run(threads=n, memory_limit=n * GB) for n in (1, 2)))
    assert threads.summary()["threads"].tolist() == [1, 2]
    for frame in (threads.memory(), threads.spans(), threads.steps(), threads.tasks()):
        assert list(frame.columns[:3]) == ["workers", "threads", "memory_limit_bytes"]


def test_columns_of_a_plain_profile_are_as_ever() -> None:
    assert list(make_profile().memory().columns[:2]) == ["workers", "repeat"]
    assert "threads" not in make_profile().summary()


@pytest.mark.parametrize("name", ["workers", "threads", "limit", "seconds", "time"])
def test_a_variable_may_be_called_as_an_axis_or_a_column_is(name: str) -> None:
    runs = [make_run(variables=((name, str(value)),), seconds=value) for value in (1, 2)]
    profile = make_profile(*runs)
    assert [axis.is_variable for axis in profile.varied.axes] == [True]
    assert profile.varied.name(runs[0].setting) == f"1 worker, {name}=1"
    frame = profile.to_frame()
    assert frame[name if name in ("limit", "time") else f"{name}="].tolist() == [1, 2]
    assert frame["workers"].tolist() == [1, 1]
    assert f"{name}=1" in str(profile)


def test_only_what_differs_is_in_a_name() -> None:
    one = make_setting(2, threads=4, variables=(("a", "1"), ("b", "x")))
    other = make_setting(2, threads=4, memory_limit=None, variables=(("a", "2"), ("b", "x")))
    varied = Varied.of([one, other], decimal=True)
    assert varied.name(one) == "2 workers, a=1, limit 5.00 GB"
    assert varied.name_kind(other) == "a=2, no limit"
    assert Varied.of([one], decimal=True).name(one) == "2 workers"


def test_a_grid_is_compared_by_its_parts_only() -> None:
    profile = chunks()
    with pytest.raises(SdprofileError, match=r"after: expected a profile .* got 2 .*parts\[0\]"):
        compare(profile.parts[0], profile)
    assert compare(*profile.parts).counts[1].verdict is not None
