"""The count to use is the smallest that no larger one beats."""

from __future__ import annotations

from profiles import make_profile, make_run

from sdprofile.explain.recommend import Candidate, Evidence, choose, evidence, make_candidates
from sdprofile.explain.verdict import compare
from sdprofile.model.run import Run
from sdprofile.model.timing import Timing


def repeats(workers: int, *seconds: float) -> list[Run]:
    return [make_run(workers, seconds=each, repeat=i) for i, each in enumerate(seconds, 1)]


def candidates(*runs: Run) -> tuple[Candidate, ...]:
    return make_candidates(make_profile(*runs).counts)


def chosen(*runs: Run) -> int:
    return choose(candidates(*runs)).workers


def found(base: tuple[float, ...], other: tuple[float, ...]) -> Evidence:
    return evidence(compare(Timing(seconds=base), Timing(seconds=other)))


def test_largest_count_where_each_step_is_faster() -> None:
    assert chosen(*repeats(1, 8, 8.1), *repeats(2, 4, 4.1), *repeats(4, 2, 2.1)) == 4


def test_count_below_one_that_adds_nothing() -> None:
    assert chosen(*repeats(1, 8, 8.1), *repeats(2, 4, 4.2), *repeats(4, 3.9, 4.1)) == 2


def test_smallest_count_where_more_are_slower() -> None:
    assert chosen(*repeats(1, 4, 4.1), *repeats(2, 5, 5.1), *repeats(4, 6, 6.1)) == 1


def test_a_larger_count_beats_also_past_one_that_is_slower() -> None:
    assert chosen(*repeats(1, 8, 8.1), *repeats(2, 9, 9.1), *repeats(4, 4, 4.1)) == 4


def test_counts_with_a_run_that_was_killed_are_no_candidates() -> None:
    runs = [*repeats(1, 8, 8), *repeats(2, 4), make_run(2, repeat=2, status="killed")]

    assert [candidate.workers for candidate in candidates(*runs)] == [1]


def test_interrupt_does_not_count_against_a_count() -> None:
    runs = [*repeats(1, 8), make_run(1, repeat=2, status="interrupted")]

    assert [candidate.workers for candidate in candidates(*runs)] == [1]


def test_few_repeats_are_a_sign_only_where_ranges_lie_apart_by_10_percent() -> None:
    assert found((10, 10, 10), (9, 9, 9)) is Evidence.LIKELY_FASTER
    assert found((10, 10, 10), (9.2, 9.2, 9.2)) is Evidence.NONE
    assert found((8, 10, 10), (5, 5, 8)) is Evidence.NONE
    assert found((9, 9, 9), (10, 10, 10)) is Evidence.LIKELY_SLOWER


def test_enough_repeats_are_proof_of_a_difference_or_of_none_or_neither() -> None:
    assert found((10,) * 4, (10.2,) * 4) is Evidence.SAME
    assert found((10,) * 4, (9,) * 4) is Evidence.FASTER
    assert found((9,) * 4, (10,) * 4) is Evidence.SLOWER
    assert found((10, 20, 20, 30), (5, 8, 12, 25)) is Evidence.NONE
