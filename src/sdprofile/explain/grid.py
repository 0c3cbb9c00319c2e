"""What to say of a profile in which more was varied than the number of workers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdprofile.explain.advice import how_sure, make_answer, shows_no_gain, speed_of
from sdprofile.explain.answer import Answer, Line, joined_lines
from sdprofile.explain.limits import memory_line
from sdprofile.explain.notices.every import make_notices
from sdprofile.explain.notices.task_memory import side_by_side
from sdprofile.explain.recommend import Candidate, beats, make_candidates, recommend
from sdprofile.explain.verdict import NOT_FASTER
from sdprofile.model.measured import compares_workers
from sdprofile.model.notice import Notice
from sdprofile.model.setting import LIMIT, Axis
from sdprofile.units import format_seconds, listed

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured


def grid_notices(profile: Measured) -> tuple[Notice, ...]:
    """Return the notices of all parts, those with the same advice as one.

    Parameters
    ----------
    profile
        A grid.
    """
    told: dict[tuple[str, bool], dict[str, list[str]]] = {}
    whole = tuple(side_by_side(profile))  # which one part may tell of another
    for part in profile.parts:
        name = profile.varied.name_kind(part.runs[0].setting)
        own = tuple(side_by_side(part))
        for notice in make_notices(part):
            if notice in own:
                continue
            told.setdefault((notice.advice, notice.leading), {}).setdefault(notice.fact, []).append(
                name
            )
    merged = (
        Notice(
            fact="; ".join(
                fact if len(names) == len(profile.parts) else f"{' and '.join(names)}: {fact}"
                for fact, names in facts.items()
            ),
            advice=advice,
            leading=leading,
        )
        for (advice, leading), facts in told.items()
    )
    return (*merged, *whole)


def grid_choice(profile: Measured) -> Candidate | None:
    """Return the setting to use; None where nothing could tell.

    Parameters
    ----------
    profile
        A grid.

    Notes
    -----
    It is the setting with the fewest threads in all, then the least memory, that the fastest one
    cannot be shown to beat (see `sdprofile.explain.recommend`).
    """
    candidates = make_candidates(profile.counts)
    if not candidates or not compares_workers(profile.runs):
        return None
    return _cheapest(candidates)


def grid_answer(profile: Measured) -> Answer:
    """Return which setting to use and why, what each axis does there, and the memory to give it.

    Parameters
    ----------
    profile
        A grid.
    """
    candidates = make_candidates(profile.counts)
    if not candidates:
        return _nothing_finished(profile)
    if not compares_workers(profile.runs):
        return Answer()
    fastest, chosen = _fastest(candidates), _cheapest(candidates)
    headline, remark = _choice(chosen, fastest, candidates[0], profile)
    lines = [
        _effects(chosen, candidates, profile),
        *(_limits(chosen, candidates, profile) or [memory_line(chosen, profile)]),
    ]
    return Answer(headline=headline, remark=remark, lines=joined_lines(lines))


def _fastest(candidates: Sequence[Candidate]) -> Candidate:
    return min(candidates, key=lambda each: each.timing.median)


def _cheapest(candidates: Sequence[Candidate]) -> Candidate:
    fastest = _fastest(candidates)
    return min((each for each in candidates if not beats(fastest, each)), key=_price)


def _price(candidate: Candidate) -> tuple[int, int]:
    setting = candidate.count.setting
    memory = candidate.memory or 0
    if setting.memory_limit is not None:
        memory = setting.workers * setting.memory_limit
    return setting.workers * setting.threads, memory


def _choice(
    chosen: Candidate, fastest: Candidate, first: Candidate, profile: Measured
) -> tuple[str, str]:
    """Return the setting to use and what it gains, and how sure that is."""
    name = profile.varied.name
    used, remark = name(chosen.count.setting), ""
    if chosen is first:
        text = f"Use {used}: nothing else was measurably faster"
    else:
        took, instead = (format_seconds(each.timing.median) for each in (chosen, first))
        text = f"Use {used}: {took} instead of {instead} with {name(first.count.setting)},"
        text += f" {speed_of(chosen, first)} faster"
        remark = how_sure(chosen, first)
    if chosen is not fastest:
        does = "takes the same time" if shows_no_gain(fastest, chosen) else f"was {NOT_FASTER}"
        text += f"; {name(fastest.count.setting)} {does}"
    return text, remark


def _effects(chosen: Candidate, candidates: Sequence[Candidate], profile: Measured) -> Line | None:
    """Return what each axis does to the time where the others are as chosen."""
    parts = []
    for axis in profile.varied.axes:
        others = _others(chosen, candidates, profile, but=axis)
        if len(others) < 2:
            continue
        best = min(others, key=lambda each: each.timing.median)
        worst = max(others, key=lambda each: each.timing.median)
        some = "no" if shows_no_gain(best, worst) else "no measurable"
        effect = f"makes {some} difference"
        if beats(best, worst):
            values = (axis.value(each.count.setting) for each in (best, worst))
            effect = f"makes it up to {speed_of(best, worst)} faster ({' against '.join(values)})"
        parts.append(f"{axis.name} {effect}")
    return Line(fact=f"Changing only {', only '.join(parts)}") if parts else None


def _limits(
    chosen: Candidate, candidates: Sequence[Candidate], profile: Measured
) -> list[Line | None]:
    """Return the smallest limit that held; empty where there was one only."""
    axis = profile.varied.own.get(LIMIT)
    if axis is None:
        return []
    held = _others(chosen, candidates, profile, but=axis)
    smallest = min(held, key=lambda each: each.count.memory_limit or math.inf)
    killed = [
        axis.value(count.setting)
        for count in profile.counts
        if count.status == "killed"
        and profile.varied.alike(count.setting, chosen.count.setting, but=axis)
    ]
    text = f"{axis.value(smallest.count.setting)} is the smallest limit that was enough"
    text += f", with {listed(killed)} a worker was killed" if killed else ", none was too small"
    return [Line(fact=text), memory_line(smallest, profile)]


def _others(
    chosen: Candidate, candidates: Sequence[Candidate], profile: Measured, *, but: Axis
) -> list[Candidate]:
    """Return those that differ from the chosen one on one axis, and itself."""
    setting, alike = chosen.count.setting, profile.varied.alike
    return [each for each in candidates if alike(each.count.setting, setting, but=but)]


def _nothing_finished(profile: Measured) -> Answer:
    if not profile.failures:
        return Answer()
    roomiest = max(profile.parts, key=lambda part: part.runs[0].memory_limit or 0)
    name = profile.varied.name_kind(roomiest.runs[0].setting)
    answer = make_answer(roomiest, recommend(roomiest))
    if not answer:
        return answer
    first = Line(fact=f"{name}: {answer.headline}")
    return Answer(headline="Nothing finished", lines=(first, *answer.lines))
