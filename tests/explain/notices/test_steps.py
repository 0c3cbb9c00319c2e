"""Steps that dask merged are told, and how to tell them apart."""

from __future__ import annotations

from profiles import make_profile, make_run, make_step

from sdprofile.explain.notices.steps import step_notices
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


def test_many_names_are_cut() -> None:
    step = make_step("cell/transform (line 1)", fused=[f"step{index}" for index in range(9)])

    [fact] = facts(make_profile(make_run(steps=(step,))))

    assert fact.endswith("step0, step1, step2, step3 and 5 more into transform (line 1)")


def test_steps_that_are_apart_are_not_told() -> None:
    assert facts(make_profile(make_run(steps=(make_step("cell/transform (line 1)"),)))) == []


def test_what_is_merged_without_fusion_is_not_told() -> None:
    step = make_step("cell/transform (line 1)", fused=["ones"])

    assert facts(make_profile(make_run(steps=(step,)), fused=False)) == []
