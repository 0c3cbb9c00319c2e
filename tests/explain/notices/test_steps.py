"""Steps that dask merged are told, and how to tell them apart."""

from __future__ import annotations

from profiles import make_activity, make_profile, make_run, make_step

from sdprofile.explain.notices.steps import step_notices
from sdprofile.model.run import Run
from sdprofile.model.steps import Recomputed
from sdprofile.results.profile import Profile


def facts(profile: Profile) -> list[str]:
    return [notice.fact for notice in step_notices(profile)]


def test_merged_steps_are_told_once() -> None:
    one = make_step("cell/mine/map_raster (line 3)", fused=["map_raster (line 2)", "ones"])
    whole = make_step("cell", calls=0, fused=["map_raster (line 3)"])
    runs = [make_run(repeat=repeat, steps=(one, whole)) for repeat in (1, 2)]

    [notice] = step_notices(make_profile(*runs))

    assert notice.fact == (
        "Dask merged tasks (fusion): map_raster (line 2) and ones into map_raster (line 3);"
        " map_raster (line 3) into the cell's own"
    )
    assert "--no-fuse" in notice.advice


def repeating(seconds: float) -> Run:
    recomputed = Recomputed(name="map_raster (line 3)", blocks=36, made=108, seconds=seconds)
    return make_run(recomputed=recomputed, spans=(make_activity("thread-cpu", 9.0),))


def test_work_that_is_done_again_is_told_with_its_cost() -> None:
    [notice] = step_notices(make_profile(repeating(6.0)))

    assert notice.fact == (
        "map_raster (line 3) was worked out 3 times: 108 tasks for 36 blocks, and 6.00 s of the"
        " 9.00 s of all tasks went into repeating it"
    )
    assert ".persist()" in notice.advice


def test_repetition_that_costs_little_is_not_told() -> None:
    assert facts(make_profile(repeating(0.8))) == []


def test_many_names_are_cut() -> None:
    step = make_step("cell/transform (line 1)", fused=[f"step{index}" for index in range(9)])

    [fact] = facts(make_profile(make_run(steps=(step,))))

    assert fact.endswith("step0, step1, step2, step3 and 5 more into transform (line 1)")


def test_steps_that_are_apart_are_not_told() -> None:
    assert facts(make_profile(make_run(steps=(make_step("cell/transform (line 1)"),)))) == []


def test_what_is_merged_without_fusion_is_not_told() -> None:
    step = make_step("cell/transform (line 1)", fused=["ones"])

    assert facts(make_profile(make_run(steps=(step,)), fused=False)) == []
