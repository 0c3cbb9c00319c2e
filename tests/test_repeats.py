"""Where nobody asks for a number, there are as many repeats as it takes to tell."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from profiles import make_profile, make_run, make_setting

from sdprofile.plan import Plan
from sdprofile.repeats import enough_repeats
from sdprofile.results.profile import Profile

FAR, NEAR = ([1.0, 1.01, 1.02, 1.03, 1.04], [0.5, 0.51, 0.52, 0.53, 0.54]), ([1.0, 1.1, 1.2],) * 2


def profile_of(one: Sequence[float], two: Sequence[float]) -> Profile:
    """Return a profile of 1 and 2 workers with these times."""
    return make_profile(
        *(make_run(1, seconds=each, repeat=n) for n, each in enumerate(one, start=1)),
        *(make_run(2, seconds=each, repeat=n) for n, each in enumerate(two, start=1)),
    )


def enough(profile: Profile, *, seconds: float = 6.0, rival: Profile | None = None) -> int:
    repeats = len(profile.counts[0].runs)
    plan = Plan(settings=tuple(make_setting(n) for n in (1, 2)), repeats=repeats)
    return enough_repeats(plan, profile, rival=rival, seconds=seconds)


def test_three_can_tell_nothing_five_may() -> None:
    assert enough(profile_of(*NEAR)) == 5
    assert enough(profile_of(FAR[0][:3], FAR[1][:3])) == 5
    assert enough(profile_of(*FAR)) == 5


def test_what_stays_open_ends_with_nine() -> None:
    close = [1.0, 1.1, 1.2, 1.0, 1.1, 1.2, 1.0]
    assert enough(profile_of(close, close)) == 9
    assert enough(profile_of([*close, 1.1, 1.2], [*close, 1.1, 1.2])) == 9


@pytest.mark.parametrize(("seconds", "repeats"), [(36.0, 5), (36.1, 3), (300.0, 3)])
def test_all_is_over_within_a_minute(seconds: float, repeats: int) -> None:
    # 6 runs are made and 4 are to come, each with what goes on around it.
    assert enough(profile_of(*NEAR), seconds=seconds) == repeats


def test_nothing_to_tell_needs_no_more() -> None:
    alone = make_profile(*(make_run(1, repeat=n) for n in (1, 2, 3)))
    assert enough(alone) == 3
    idle = make_profile(*(make_run(w, repeat=n, tasks=0) for w in (1, 2) for n in (1, 2, 3)))
    assert enough(idle) == 3


def test_two_that_take_turns_are_held_against_each_other() -> None:
    before, after = profile_of(FAR[0], FAR[0]), profile_of(FAR[1], FAR[1])
    assert enough(after, rival=before) == 5
    assert enough(after, rival=after) == 7
