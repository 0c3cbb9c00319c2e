"""A verdict is given only where the repeats allow one, and then it is right."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdprofile.model.timing import Timing
from sdprofile.model.verdict import compare

SECONDS = st.floats(min_value=0.001, max_value=1e6)
OPPOSITE = {"faster": "slower", "slower": "faster"}


def timings(least: int = 1, most: int = 8) -> st.SearchStrategy[Timing]:
    return st.lists(SECONDS, min_size=least, max_size=most).map(
        lambda seconds: Timing(seconds=tuple(seconds))
    )


def word(base: tuple[float, ...], other: tuple[float, ...]) -> str:
    return compare(Timing(seconds=base), Timing(seconds=other)).word


@pytest.mark.parametrize(
    ("runs", "p"),
    [(4, 2 / 70), (5, 2 / 252), (6, 2 / 924)],  # 2 of all ways to share the ranks out
)
def test_enough_runs_that_lie_apart_can_tell(runs: int, p: float) -> None:
    base = Timing(seconds=tuple(10 + i / 10 for i in range(runs)))
    other = Timing(seconds=tuple(8 + i / 10 for i in range(runs)))

    verdict = compare(base, other)

    assert (verdict.word, verdict.words, verdict.apart) == ("faster", "faster", True)
    assert verdict.p == pytest.approx(p)
    assert compare(other, base).word == "slower"


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


def test_overlap_with_close_medians_is_the_same() -> None:
    assert word((10.0, 11.0, 12.0, 13.0), (9.0, 10.1, 11.1, 12.1)) == "the same"


def test_overlap_with_medians_far_apart_is_too_noisy() -> None:
    verdict = compare(
        Timing(seconds=(10.0, 20.0, 22.0, 30.0)), Timing(seconds=(5.0, 8.0, 12.0, 25.0))
    )

    assert (verdict.word, verdict.words) == ("cannot tell", "cannot tell, too noisy")


@pytest.mark.parametrize(
    ("runs", "words"), [(1, "cannot tell with 1 repeat"), (3, "cannot tell with 3 repeats")]
)
def test_too_few_runs_say_how_many_there_were(runs: int, words: str) -> None:
    verdict = compare(Timing(seconds=(9.0,) * runs), Timing(seconds=(1.0,) * runs))

    assert (verdict.words, verdict.p) == (words, None)


@given(timings(3, 3), timings(3, 3))
def test_3_against_3_never_can_tell(base: Timing, other: Timing) -> None:
    assert compare(base, other).word == "cannot tell"


@given(timings(3, 3), timings(5, 5))
def test_3_against_5_never_can_tell(base: Timing, other: Timing) -> None:
    assert compare(base, other).word == "cannot tell"


@given(timings(), timings())
def test_verdict_turns_round_when_base_and_other_do(base: Timing, other: Timing) -> None:
    one, back = compare(base, other), compare(other, base)

    assert back.word == OPPOSITE.get(one.word, one.word)
    assert (back.p, back.runs, back.apart) == (one.p, one.runs, one.apart)
    assert back.ratio == pytest.approx(1 / one.ratio)
    assert back.ratio_low == pytest.approx(1 / one.ratio_high)


@given(timings())
def test_a_count_is_neither_faster_nor_slower_than_itself(timing: Timing) -> None:
    expected = "the same" if len(timing.seconds) > 3 else "cannot tell"

    assert compare(timing, timing).word == expected


@given(timings(4), timings(4))
def test_ratio_lies_in_its_range(base: Timing, other: Timing) -> None:
    verdict = compare(base, other)

    assert verdict.ratio_low * 0.999 <= verdict.ratio <= verdict.ratio_high * 1.001


@pytest.mark.parametrize(("slower", "expected"), [(1.0, "the same"), (1.2, "slower")])
def test_noise_of_3_percent_is_seen_through(slower: float, expected: str) -> None:
    noise = random.Random(2026)

    def runs(mean: float) -> tuple[float, ...]:
        return tuple(noise.gauss(mean, 0.03 * mean) for _ in range(8))

    words = Counter(word(runs(10.0), runs(10.0 * slower)) for _ in range(500))

    assert words[expected] >= 490


def test_scipy_is_not_imported_where_repeats_are_too_few() -> None:
    code = """
import sys
from sdprofile.model.timing import Timing
from sdprofile.model.verdict import compare
compare(Timing(seconds=(1.0, 1.1, 1.2)), Timing(seconds=(2.0, 2.1, 2.2)))
assert "scipy" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
