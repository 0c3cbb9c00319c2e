"""Steps come as a tree, and what they took adds up to the wall time."""

from __future__ import annotations

import pytest
from profiles import make_activity, make_profile, make_run

from sdprofile.render.steps import steps


def test_each_step_comes_before_those_in_it() -> None:
    spans = tuple(
        make_activity("thread-cpu", 1.0, span=span)
        for span in ("cell/b/deep", "cell/a", "cell/b", "cell/c", "cell/a/x")
    )
    run = make_run(spans=(*spans, make_activity("idle", 1.0, span="cell")))

    found = [(step.depth, step.name) for step in steps(make_profile(run))]

    assert found == [(0, "cell"), (1, "b"), (2, "deep"), (1, "a"), (2, "x"), (1, "c")]


def test_cell_takes_the_wall_time_and_a_step_its_share_of_the_threads() -> None:
    spans = (
        make_activity("thread-cpu", 12.0, span="cell/load"),
        make_activity("idle", 28.0, span="cell"),
    )
    run = make_run(2, threads=2, seconds=10.0, spans=spans)

    cell, load = steps(make_profile(run))

    [whole], [part] = cell.times, load.times
    assert whole is not None
    assert part is not None
    assert whole.seconds == 10.0
    assert whole.shares == pytest.approx({"compute": 0.3, "idle": 0.7})
    assert part.seconds == 3.0
    assert part.shares == {"compute": 1.0}


def test_step_with_the_start_of_anothers_name_is_not_in_it() -> None:
    spans = (
        make_activity("thread-cpu", 1.0, span="cell/load"),
        make_activity("thread-cpu", 4.0, span="cell/loading"),
        make_activity("idle", 5.0, span="cell"),
    )

    _, load, loading = steps(make_profile(make_run(spans=spans)))

    assert [load.times[0] and load.times[0].seconds] == [1.0]
    assert [loading.times[0] and loading.times[0].seconds] == [4.0]


def test_count_that_did_not_finish_has_no_times() -> None:
    spans = (make_activity("idle", 10.0, span="cell"),)
    profile = make_profile(make_run(1, status="killed", spans=spans), make_run(2, spans=spans))

    [cell] = steps(profile)

    assert cell.times[0] is None
    assert cell.times[1] is not None


def test_without_a_run_that_ended_well_there_are_no_steps() -> None:
    assert steps(make_profile(make_run(status="killed"))) == ()
