"""Steps come as a tree, and what they took adds up to the wall time."""

from __future__ import annotations

import pytest
from profiles import make_activity, make_profile, make_run, make_step

from sdprofile.render.page.steps_view import steps_view
from sdprofile.render.text.report import report
from sdprofile.render.text.steps import bar_key, merged_line, step_rows, steps, with_bars
from sdprofile.results.profile import Profile


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


def with_calls() -> Profile:
    """Return a profile whose second step has no tasks, on 1 and 2 workers."""
    spans = (
        make_activity("thread-cpu", 4.0, span="cell/mine/map_raster (line 2)"),
        make_activity("idle", 16.0, span="cell"),
    )
    calls = (
        make_step("cell/mine/map_raster (line 2)", 0.25),
        make_step("cell/transform (line 3)", 0.5, calls=2),
        make_step("cell", calls=0, fused=["transform (line 3)"]),
    )
    first = make_run(1, seconds=20.0, spans=spans, steps=calls)
    return make_profile(first, make_run(2, seconds=10.0, spans=spans, steps=calls[:1]))


def test_calls_are_steps_in_their_order_with_or_without_tasks() -> None:
    assert step_rows(with_calls()) == [
        ["step", "1 worker", "2 workers"],
        ["cell", "20.0 s", "10.0 s"],
        ["  mine", "4.00 s", "2.00 s"],
        ["    map_raster (line 2)", "4.00 s (250 ms)", "2.00 s (250 ms)"],
        ["  transform (line 3)", "merged (500 ms)", "–"],
    ]


def test_step_whose_tasks_were_fused_says_with_those_of_which_step() -> None:
    assert merged_line(with_calls()) == (
        "merged: transform (line 3) into the cell's own tasks (--no-fuse tells them apart)"
    )
    html = steps_view(with_calls())
    assert "merged<br><small>into the cell&#39;s own tasks, kernel 500 ms</small>" in html
    assert "--no-fuse tells them apart" in html
    calls = (make_step("cell/a", fused=["b", "c"]), make_step("cell/b"), make_step("cell/c"))
    spans = (make_activity("thread-cpu", 10.0, span="cell/a"), make_activity("idle", 0.0))
    profile = make_profile(make_run(spans=spans, steps=calls))
    assert merged_line(profile) == "merged: b and c into a (--no-fuse tells them apart)"
    assert merged_line(make_profile(make_run(spans=spans, steps=calls[1:]))) == ""


def test_step_with_some_tasks_of_its_own_has_their_time() -> None:
    calls = (make_step("cell/a", fused=["b"]), make_step("cell/b"))
    spans = tuple(make_activity("thread-cpu", 5.0, span=f"cell/{name}") for name in "ab")
    profile = make_profile(make_run(spans=(*spans, make_activity("idle", 0.0)), steps=calls))
    assert step_rows(profile)[-1] == ["  b", "5.00 s (100 ms)"]
    assert merged_line(profile) == ""


def test_bars_in_letters_have_one_scale_for_all_steps_and_counts() -> None:
    profile = with_calls()
    rows = step_rows(profile)
    shown = with_bars(rows, profile, width=42)
    assert [[cell.split()[-1] for cell in row[1:]] for row in shown[1:4]] == [
        ["CCCC" + "I" * 16, "CC" + "I" * 8],
        ["CCCC", "CC"],
        ["CCCC", "CC"],
    ]
    assert len({tuple(map(len, row[1:])) for row in shown}) == 1
    assert bar_key(profile, width=42) == "C compute, I idle; a letter is 1.00 s"
    assert with_bars(rows, profile, width=17) == rows
    assert bar_key(profile, width=17) == ""


def test_report_shows_the_steps_aligned_where_there_are_any() -> None:
    lines = report(with_calls(), width=80).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("steps ("))
    assert lines[start + 1 : start + 6] == [
        "step                            1 worker                   2 workers",
        "cell                              20.0 s CCIIIIIIII           10.0 s CIIII",
        "  mine                            4.00 s CC                   2.00 s C",
        "    map_raster (line 2)  4.00 s (250 ms) CC          2.00 s (250 ms) C",
        "  transform (line 3)     merged (500 ms)                           –",
    ]
    assert lines[start + 6 : start + 8] == [
        "C compute, I idle; a letter is 2.00 s",
        "merged: transform (line 3) into the cell's own tasks (--no-fuse tells them",
    ]
    alone = make_profile(make_run(spans=(make_activity("idle", 10.0, span="cell"),)))
    assert step_rows(alone) == []
    assert "steps (" not in report(alone)


def test_widget_tells_the_time_in_the_kernel() -> None:
    html = steps_view(with_calls())
    assert "compute 100 %, kernel 250 ms" in html
    assert "kernel 500 ms" in html


def test_table_of_steps() -> None:
    table = with_calls().steps()
    assert table.to_dict("records")[:2] == [
        {
            "workers": 1,
            "repeat": 1,
            "step": "cell/mine/map_raster (line 2)",
            "calls": 1,
            "kernel_seconds": 0.25,
            "thread_seconds": 4.0,
            "merged": "",
        },
        {
            "workers": 1,
            "repeat": 1,
            "step": "cell/transform (line 3)",
            "calls": 2,
            "kernel_seconds": 0.5,
            "thread_seconds": 0,
            "merged": "",
        },
    ]
    assert len(table) == 3
    assert list(make_profile(make_run()).steps()) == list(table)
