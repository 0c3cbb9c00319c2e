"""What does not fit into a budget of time is left out, and said."""

from __future__ import annotations

from typing import Any

import pytest
from profiles import make_run, make_setting

from sdprofile import agenda
from sdprofile.agenda import Agenda
from sdprofile.errors import SdprofileError
from sdprofile.model.run import Run
from sdprofile.options.options import Options
from sdprofile.plan import Plan

SECONDS = {1: 8.0, 2: 4.0, 4: 2.0}
PLAN = Plan(settings=tuple(make_setting(n) for n in SECONDS), repeats=3)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which stands still unless a test sets it."""
    now = [100.0]
    monkeypatch.setattr(agenda.time, "perf_counter", lambda: now[0])
    return now


def made(clock: list[float], *, enough: int = 3, **options: Any) -> tuple[list[Run], Agenda]:
    """Make runs that take 8, 4 and 2 s on 1, 2 and 4 workers, as long as there is a next one."""
    found = Agenda(Options(**options))
    clock[0] += 1.0  # a cluster starts
    found.start()
    runs: list[Run] = []
    while (visit := found.next_visit(PLAN, runs, enough=lambda _: enough)) is not None:
        for _ in range(visit.repeats):
            workers = visit.setting.workers
            runs.append(make_run(workers, repeat=len(runs) + 1, seconds=SECONDS[workers]))
            clock[0] += SECONDS[workers]
    return runs, found


def counts(runs: list[Run]) -> list[int]:
    return [run.workers for run in runs]


def test_without_a_budget_all_is_run(clock: list[float]) -> None:
    runs, found = made(clock)
    assert counts(runs) == [1, 2, 4, 4, 2, 1, 1, 2, 4]
    assert found.close(PLAN, runs) == ()


def test_repeats_are_left_out_that_do_not_fit(clock: list[float]) -> None:
    runs, found = made(clock, budget="22s")
    # The first run of two workers is expected to take as long as that of one.
    assert counts(runs) == [1, 2, 4, 4, 2]
    (notice,) = found.close(PLAN, runs)
    assert notice.fact == (
        "2 runs with 1 worker, 1 run with 2 workers and 1 run with 4 workers did not fit into"
        " --budget 22 s"
    )
    assert found.repeats == 2


def test_the_first_run_is_made_however_little_time_there_is(clock: list[float]) -> None:
    runs, found = made(clock, budget="1ms")
    assert counts(runs) == [1]
    (notice,) = found.close(PLAN, runs)
    assert notice.fact.startswith("3 runs with 2 workers, 3 runs with 4 workers and 2 runs with")


def test_a_number_of_repeats_is_the_most(clock: list[float]) -> None:
    runs, _ = made(clock, budget="1h", repeats=1)
    assert counts(runs) == [1, 2, 4]


def test_more_repeats_are_made_as_long_as_they_fit(clock: list[float]) -> None:
    runs, found = made(clock, budget="60s", enough=5)
    assert len(runs) > 9
    assert clock[0] <= 160.0
    assert found.close(PLAN, runs)


def test_what_is_left_is_what_fits(clock: list[float]) -> None:
    found = Agenda(Options(budget="16s"))
    runs = [make_run(1, seconds=8.0)]
    clock[0] += 8.0
    assert [setting.workers for setting in found.left(PLAN, runs)] == [2]


@pytest.mark.parametrize("other", [{"report": "a.html"}, {"against": "before"}])
def test_what_needs_all_runs_is_refused(other: dict[str, str]) -> None:
    with pytest.raises(SdprofileError, match="--budget: expected no --"):
        Options(budget="1min", **other)  # type: ignore[arg-type] # one of two names
