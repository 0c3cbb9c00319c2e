"""A verdict is given only where the repeats allow one, and then it is right."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdprofile.explain.verdict import compare
from sdprofile.model.timing import Timing

SECONDS = st.floats(min_value=0.001, max_value=1e6)
OPPOSITE = {"faster": "slower", "not measurably faster": "not measurably slower"}
OPPOSITE |= {other: one for one, other in OPPOSITE.items()}


def timings(least: int = 1, most: int = 8) -> st.SearchStrategy[Timing]:
    return st.lists(SECONDS, min_size=least, max_size=most).map(
        lambda seconds: Timing(seconds=tuple(seconds))
    )


def word(base: tuple[float, ...], other: tuple[float, ...]) -> str:
    return compare(Timing(seconds=base), Timing(seconds=other)).word


@pytest.mark.parametrize("runs", [4, 5, 6])
def test_enough_runs_that_lie_apart_can_tell(runs: int) -> None:
    base = Timing(seconds=tuple(10 + i / 10 for i in range(runs)))
    other = Timing(seconds=tuple(8 + i / 10 for i in range(runs)))

    verdict = compare(base, other)

    assert (verdict.word, verdict.words, verdict.apart) == ("faster", "faster", True)
    assert compare(other, base).word == "slower"


@pytest.mark.parametrize(
    ("runs", "left_out"),  # at each end; pairs out of order that 97 of 100 orders pass
    [(4, 0), (5, 1), (6, 4), (8, 11)],
)
def test_interval_is_of_the_ratios_of_all_pairs_of_runs(runs: int, left_out: int) -> None:
    base, other = range(100, 100 + runs), range(200, 200 + runs)

    found = compare(Timing(seconds=tuple(base)), Timing(seconds=tuple(other))).interval

    ratios = sorted(one / two for one in base for two in other)
    assert found == (ratios[left_out], ratios[-1 - left_out])


def test_interval_of_unlike_numbers_of_runs() -> None:
    verdict = compare(Timing(seconds=(1.0,) * 3), Timing(seconds=(1.0,) * 6))

    assert verdict.interval == (1.0, 1.0)  # 2 of 84 orders keep them wholly apart: 2.4 %
    assert verdict.word == "the same"


def test_ratio_is_of_the_medians_and_its_range_of_the_extremes() -> None:
    verdict = compare(Timing(seconds=(8.0, 12.0, 10.0)), Timing(seconds=(5.0, 4.0, 6.0)))

    assert (verdict.ratio, verdict.ratio_low, verdict.ratio_high) == (2.0, 8 / 6, 3.0)
    assert verdict.apart


def test_runs_are_those_of_the_smaller_sample() -> None:
    assert compare(Timing(seconds=(1.0,) * 5), Timing(seconds=(1.0,) * 3)).runs == 3


def test_ranges_that_touch_do_not_lie_apart() -> None:
    assert not compare(Timing(seconds=(1.0, 2.0)), Timing(seconds=(2.0, 3.0))).apart


def test_less_than_5_percent_is_the_same_though_the_ranks_tell_apart() -> None:
    assert word((100.0, 100.1, 100.2, 100.3), (96.0, 96.1, 96.2, 96.3)) == "the same"
    assert word((100.0, 100.1, 100.2, 100.3), (95.0, 95.1, 95.2, 95.3)) == "faster"


def test_overlap_is_not_the_same_where_5_percent_may_be_there() -> None:
    assert word((10.0, 11.0, 12.0, 13.0), (9.0, 10.1, 11.1, 12.1)) == "not measurably faster"
    assert word((9.0, 10.1, 11.1, 12.1), (10.0, 11.0, 12.0, 13.0)) == "not measurably slower"
    assert word((10.0, 20.0, 22.0, 30.0), (5.0, 8.0, 12.0, 25.0)) == "not measurably faster"


def test_overlap_within_5_percent_is_the_same() -> None:
    assert word((10.0, 10.1, 10.2, 10.3), (10.05, 10.1, 10.2, 10.4)) == "the same"


def test_one_run_that_is_off_hides_that_others_are_the_same() -> None:
    steady = (10.0, 10.1, 10.0, 10.1)

    assert word(steady, (10.0, 10.1, 10.0, 10.1)) == "the same"
    assert word(steady, (10.0, 10.1, 10.1, 11.0)) == "not measurably slower"


def test_less_than_5_percent_is_not_faster_and_not_the_same_where_it_may_be_more() -> None:
    # Told apart, by 4 % of the medians, perhaps by 6 %.
    assert word((100.0, 100.0, 101.0, 102.0), (96.0, 96.5, 97.0, 97.0)) == "not measurably faster"


@pytest.mark.parametrize(
    ("runs", "words"), [(1, "cannot tell with 1 repeat"), (3, "cannot tell with 3 repeats")]
)
def test_too_few_runs_say_how_many_there_were(runs: int, words: str) -> None:
    verdict = compare(Timing(seconds=(9.0,) * runs), Timing(seconds=(1.0,) * runs))

    assert (verdict.words, verdict.interval) == (words, None)


@given(timings(3, 3), timings(3, 3))
def test_3_against_3_never_can_tell(base: Timing, other: Timing) -> None:
    assert compare(base, other).word == "cannot tell"


@given(timings(3, 3), timings(5, 5))
def test_3_against_5_never_can_tell(base: Timing, other: Timing) -> None:
    assert compare(base, other).word == "cannot tell"


@given(timings(), timings())
def test_verdict_turns_round_when_base_and_other_do(base: Timing, other: Timing) -> None:
    one, back = compare(base, other), compare(other, base)

    if one.ratio != 1:
        assert back.word == OPPOSITE.get(one.word, one.word)
    assert (back.runs, back.apart) == (one.runs, one.apart)
    assert (back.interval is None) == (one.interval is None)
    assert back.ratio == pytest.approx(1 / one.ratio)
    assert back.ratio_low == pytest.approx(1 / one.ratio_high)


@given(timings())
def test_a_count_is_neither_faster_nor_slower_than_itself(timing: Timing) -> None:
    few = len(timing.seconds) < 4
    expected = ["cannot tell"] if few else ["the same", "not measurably faster"]

    assert compare(timing, timing).word in expected


@given(timings(4), timings(4))
def test_ratio_lies_in_its_range(base: Timing, other: Timing) -> None:
    verdict = compare(base, other)

    assert verdict.ratio_low * 0.999 <= verdict.ratio <= verdict.ratio_high * 1.001


@pytest.mark.parametrize(
    ("slower", "noise", "expected"),
    [(1.0, 0.01, "the same"), (1.0, 0.03, "the same not measurably"), (1.2, 0.03, "slower")],
)
def test_noise_is_seen_through_and_never_hides_a_difference(
    slower: float, noise: float, expected: str
) -> None:
    chosen = random.Random(2026)

    def runs(mean: float) -> tuple[float, ...]:
        return tuple(chosen.gauss(mean, noise * mean) for _ in range(8))

    words = Counter(word(runs(10.0), runs(10.0 * slower)) for _ in range(500))

    assert sum(words[each] for each in words if each.rsplit(" ", 1)[0] in expected) >= 490


@pytest.mark.parametrize("runs", [4, 5, 8])
def test_the_same_is_seldom_said_of_times_that_differ_by_5_percent(runs: int) -> None:
    chosen = random.Random(2026)

    def times(mean: float) -> tuple[float, ...]:
        return tuple(chosen.gauss(mean, 0.02 * mean) for _ in range(runs))

    words = Counter(word(times(10.0), times(10.5)) for _ in range(1000))

    assert words["the same"] <= 30  # `ALPHA`


def test_scipy_which_takes_seconds_to_import_is_not_needed() -> None:
    code = """
import sys
from sdprofile.model.timing import Timing
from sdprofile.explain.verdict import compare
compare(Timing(seconds=(1.0, 1.1, 1.2, 1.3)), Timing(seconds=(2.0, 2.1, 2.2, 2.3)))
assert "scipy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
