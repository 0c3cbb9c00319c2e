"""The settings come in rounds or in groups, and one that did not end well comes no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from profiles import GB, make_run, make_setting

from sdprofile.model.run import Run
from sdprofile.order import next_visit, runs_left
from sdprofile.plan import Plan

Seconds = Callable[[int, int], float]


def make_plan(counts: tuple[int, ...] = (1, 2, 4), **kwargs: Any) -> Plan:
    settings = tuple(make_setting(count) for count in counts)
    return Plan(settings=settings, **({"repeats": 3} | kwargs))


def visited(
    plan: Plan, *, seconds: Seconds = lambda workers, repeat: 1.0, killed: tuple[int, ...] = ()
) -> list[int]:
    """Return the counts of the runs in the order in which they are made."""
    runs: list[Run] = []
    while (visit := next_visit(plan, runs)) is not None:
        for _ in range(visit.repeats):
            workers = visit.setting.workers
            repeat = 1 + sum(run.workers == workers for run in runs)
            status = "killed" if workers in killed else "ok"
            took = seconds(workers, repeat)
            runs.append(make_run(workers, repeat=repeat, seconds=took, status=status))
            if status != "ok":
                break
    return [run.workers for run in runs]


def test_every_second_round_goes_backwards() -> None:
    assert visited(make_plan()) == [1, 2, 4, 4, 2, 1, 1, 2, 4]


def test_groups_have_all_repeats_of_a_count_in_a_row() -> None:
    assert visited(make_plan(order="grouped")) == [1, 1, 1, 2, 2, 2, 4, 4, 4]


def test_a_visit_at_the_turn_is_of_two_runs() -> None:
    runs = [make_run(1), make_run(2)]
    visit = next_visit(make_plan(), runs)
    assert visit is not None
    assert (visit.setting, visit.repeats) == (make_setting(4), 2)


def test_a_killed_count_is_not_visited_again() -> None:
    assert visited(make_plan(), killed=(1,)) == [1, 2, 4, 4, 2, 2, 4]
    assert visited(make_plan(), killed=(1, 2, 4)) == [1, 2, 4]
    assert visited(make_plan(order="grouped"), killed=(2,)) == [1, 1, 1, 2, 4, 4, 4]


def test_after_a_cold_start_the_rest_comes_in_groups_down_from_warm_workers() -> None:
    def cold(workers: int, repeat: int) -> float:
        return 5.0 if repeat == 1 else 1.0

    assert visited(make_plan(), seconds=cold) == [1, 2, 4, 4, 4, 2, 2, 1, 1]
    assert visited(make_plan(order_asked=True), seconds=cold) == [1, 2, 4, 4, 2, 1, 1, 2, 4]
    # Where the largest count was killed, the turn is at the next.
    assert visited(make_plan(), seconds=cold, killed=(4,)) == [1, 2, 4, 2, 2, 1, 1]


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True),
    st.integers(1, 5),
    st.sampled_from(["rounds", "grouped"]),
    st.floats(0.1, 10),
)
def test_each_count_has_its_repeats(
    counts: list[int], repeats: int, order: str, first: float
) -> None:
    plan = make_plan(tuple(counts), repeats=repeats, order=order)
    made = visited(plan, seconds=lambda workers, repeat: first if repeat == 1 else 1.0)
    assert sorted(made) == sorted(counts * repeats)


def test_runs_of_a_count_that_was_given_up_are_not_left() -> None:
    def left(plan: Plan, runs: list[Run]) -> list[int]:
        return [setting.workers for setting in runs_left(plan, runs)]

    assert left(make_plan(), []) == [1, 2, 4, 4, 2, 1, 1, 2, 4]
    made = [make_run(1), make_run(2, status="killed")]
    assert left(make_plan(), made) == [4, 4, 1, 1, 4]
    assert left(make_plan(order="grouped"), made) == [1, 1, 4, 4, 4]


def test_settings_of_one_count_are_told_apart() -> None:
    small, large = (make_setting(2, memory_limit=limit) for limit in (GB, 2 * GB))
    plan = Plan(settings=(small, large), repeats=2)
    assert runs_left(plan, []) == (small, large, large, small)
    killed = make_run(2, memory_limit=GB, status="killed")
    assert runs_left(plan, [killed]) == (large, large)
    varied = [make_setting(variables=(("chunk", value),)) for value in ("1", "2")]
    run = make_run(variables=(("chunk", "1"),))
    assert runs_left(Plan(settings=tuple(varied), repeats=1), [run]) == (varied[1],)
