"""Each view tells all counts, in numbers that were known before, and escapes every name."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from pages import Page
from profiles import (
    GB,
    address,
    make_activity,
    make_card,
    make_curve,
    make_profile,
    make_run,
    make_task,
)
from traces import call_tree, make_trace

from sdprofile.explain.notices.every import Notice
from sdprofile.model.calls import CELL, CallTrees, Frame
from sdprofile.model.disk import Disk, WorkerDisk
from sdprofile.model.gpu import Held
from sdprofile.model.memory import WorkerPeak
from sdprofile.render.page.calls_view import calls_view
from sdprofile.render.page.details_view import details_view
from sdprofile.render.page.memory_view import memory_panels, memory_view
from sdprofile.render.page.picture import svg_picture
from sdprofile.render.page.steps_view import steps_view
from sdprofile.render.page.tasks_view import tasks_view
from sdprofile.render.page.time_view import time_view
from sdprofile.render.page.views import make_views
from sdprofile.render.text.rows import detail_rows, table_rows
from sdprofile.results.profile import Profile

HOSTILE = "</td></table><script>alert(1)</script>"


def bars(html: str) -> list[tuple[str, str]]:
    return re.findall(r"width:([\d.]+%);background:(#\w+)", html)


def hostile_profile() -> Profile:
    """Return a profile with a script wherever a name comes from the user's code or a file."""
    spans = (
        make_activity("thread-cpu", 3.0, span=f"cell/{HOSTILE.replace('/', '')}", prefix=HOSTILE),
        make_activity("idle", 1.0, span="cell", context="idle"),
    )
    runs = [
        make_run(
            workers,
            curve=(GB, 2 * GB),
            spans=spans,
            status=status,
            task_memory=(make_task(HOSTILE),),
        )
        for workers, status in ((1, "ok"), (2, "ok"), (4, HOSTILE))
    ]
    remark = Notice(fact=HOSTILE, advice=HOSTILE)
    return make_profile(*runs, remarks=(remark,), code=HOSTILE, stopped=HOSTILE)


def test_views_are_those_after_the_overview_in_their_order() -> None:
    names = [view.name for view in make_views(make_profile(remarks=()), picture=svg_picture)]

    assert [name.split()[0] for name in names] == ["Memory", "Steps", "Tasks", "Notes", "Details"]


def with_calls(name: str, *, module: str = "numpy") -> Profile:
    """Return a profile in whose tasks a function was seen, and another that it called."""
    inside = CallTrees(
        frames=(
            Frame(name="helper", file="<dynamic-code>", line=3),
            Frame(name=name, module=module, line=9),
            Frame(name="line 2", file=CELL, line=2),
        ),
        trees=(call_tree("add", (0, 0, 8.0), (1, 1, 6.0)), call_tree("kernel", (2, 0, 2.0))),
    )
    return make_profile(make_run(trace=replace(make_trace([8.0]), inside=inside)))


def test_calls_are_a_picture_and_the_functions_that_took_most_by_themselves() -> None:
    html = calls_view(with_calls("sort"), picture=svg_picture)

    assert 'aria-label="calls within the tasks and the kernel, with 1 worker"' in html
    assert Page(html).rows == [
        ["function", "of", "within", "time by itself", "share"],
        ["sort", "numpy, line 9", "add", "6.00 s", "60 %"],
        ["helper", "own function, line 3", "add", "2.00 s", "20 %"],
        ["line 2", "the cell", "the kernel", "2.00 s", "20 %"],
    ]
    assert [width for width, _ in bars(html)] == ["100.0%", "33.3%", "33.3%"]


def test_calls_that_are_left_out_are_counted() -> None:
    profile = with_calls("sort")
    [run] = profile.runs
    assert run.trace is not None
    fewer = replace(run, trace=run.trace.with_calls(2))

    html = calls_view(replace(profile, runs=(fewer,)), picture=svg_picture)

    assert "Not kept: 1 call that took least." in html
    assert "Not kept" not in calls_view(profile, picture=svg_picture)


def test_calls_follow_the_tasks_and_names_are_escaped() -> None:
    profile = with_calls(HOSTILE, module=HOSTILE)

    views = {view.name.split()[0]: view.html for view in make_views(profile, picture=svg_picture)}

    assert list(views) == ["Memory", "Steps", "Tasks", "Calls", "Notes", "Details"]
    assert "<script" not in views["Calls"]
    Page(views["Calls"])


def test_there_is_no_view_of_calls_where_none_are_known() -> None:
    assert not calls_view(make_profile(), picture=svg_picture)


def test_name_of_the_notices_tells_their_number() -> None:
    remarks = tuple(Notice(fact=f"fact {n}", advice="do") for n in range(3))
    profile = make_profile(remarks=remarks)

    *_, view, _ = make_views(profile, picture=svg_picture)

    assert view.name == f"Notes {len(profile.notices)}"
    assert len(Page(view.html).texts["li"]) == len(profile.notices) >= 3


def test_no_view_runs_what_is_in_a_name() -> None:
    for view in make_views(hostile_profile(), picture=svg_picture):
        assert "<script" not in view.html, view.name
        Page(view.html)  # all that was opened is closed in its turn


def test_time_has_the_cells_of_the_terminal_with_the_curves_marker() -> None:
    profile = make_profile(
        make_run(1, seconds=9.0, status="killed"), make_run(2, seconds=6.0), make_run(4)
    )

    headers, *rows = Page(time_view(profile)).rows

    wanted_headers, *wanted = table_rows(profile)
    kept = [index for index, name in enumerate(wanted_headers) if name in headers]
    assert headers == ["workers", "status", "time", "faster", "peak/worker", "of limit"]
    assert [row[1:] for row in rows] == [[row[index] for index in kept[1:]] for row in wanted]
    assert [row[0] for row in rows] == ["● 1", "■ 2", "▲ 4"]


def test_details_have_the_cells_of_the_terminals() -> None:
    profile = make_profile(*(make_run(1, seconds=each) for each in (9.0, 10.0)), make_run(2))

    rows = Page(details_view(profile, picture=svg_picture)).rows

    marks = ["", "● ", "■ "]
    assert rows == [
        [f"{mark}{row[0]}", *row[1:]] for mark, row in zip(marks, detail_rows(profile), strict=True)
    ]


def test_no_column_of_a_page_or_terminal_repeats_another() -> None:
    runs = [
        make_run(workers, seconds=(12.0 + n) / workers, peak=(4 + n) * GB // workers, tasks=100 + n)
        for workers in (1, 2, 4)
        for n in range(3)
    ]
    for profile in (make_profile(*runs), make_profile(*runs[::3]), make_profile(*runs[:3])):
        (_, *first), (_, *details) = table_rows(profile), detail_rows(profile)
        both = [[*one, *other[1:]] for one, other in zip(first, details, strict=True)]
        for rows in (both, Page(memory_view(profile)).rows[1:]):
            columns = list(zip(*rows, strict=True))
            assert len(set(columns)) == len(columns), columns


def test_bar_is_as_long_as_the_median_time_and_each_run_is_a_dot() -> None:
    profile = make_profile(
        *(make_run(1, seconds=seconds, repeat=n) for n, seconds in enumerate((10.0, 11.0, 20.0))),
        make_run(2, seconds=5.0),
    )

    html = time_view(profile)

    assert bars(html) == [("55.0%", "#0072B2"), ("25.0%", "#D55E00")]
    assert re.findall(r'<b style="left:([\d.]+)%', html) == ["50.0", "55.0", "100.0"]


def test_count_that_never_finished_has_no_bar() -> None:
    html = time_view(make_profile(make_run(1, status="killed"), make_run(2)))

    assert html.count('class="sdp-bar"') == 1


def test_details_tell_what_more_workers_gained_and_draw_it() -> None:
    page = Page(details_view(make_profile(), picture=svg_picture))

    headers, *rows = page.rows
    assert headers[-3:] == ["efficiency", "serial fraction", "verdict"]
    assert [row[-3:] for row in rows] == [
        ["100 %", "–", "–"],
        ["100 %", "0.00", "cannot tell with 1 repeat"],
        ["75 %", "0.11", "cannot tell with 1 repeat"],
    ]
    assert len(page.attributes["svg"]) == 1


@pytest.mark.parametrize("statuses", [("ok", "killed"), ("killed", "killed")])
def test_one_count_alone_has_no_plot_of_speedups(statuses: tuple[str, str]) -> None:
    runs = [make_run(n, status=status) for n, status in zip((1, 2), statuses, strict=True)]

    html = details_view(make_profile(*runs), picture=svg_picture)

    assert "svg" not in Page(html).attributes


def test_memory_is_the_most_of_any_run() -> None:
    def peaks(*amounts: int) -> tuple[WorkerPeak, ...]:
        return tuple(
            WorkerPeak(worker=address(n), baseline=GB // 10, peak=peak)
            for n, peak in enumerate(amounts)
        )

    dask = [
        tuple(
            make_curve((0, amount, GB // 100), measure=measure)
            for measure, amount in (("managed", first), ("unmanaged", GB // 4), ("spilled", second))
        )
        for first, second in ((GB, 0), (GB // 2, 2 * GB))
    ]
    profile = make_profile(
        make_run(2, worker_peaks=peaks(2 * GB, GB), curves=dask[0], transferred=GB // 8),
        make_run(2, worker_peaks=peaks(GB, 5 * GB // 2), curves=dask[1], repeat=2),
    )

    headers, row = Page(memory_view(profile)).rows

    told = dict(zip(headers, row, strict=True))
    del told["all workers"]
    assert told == {
        "workers": "● 2",
        "at start": "100 MB",
        "peak/worker": "2.50 GB",
        "of limit": "50 %",
        "managed": "1.00 GB",
        "unmanaged": "250 MB",
        "spilled": "2.00 GB",
        "transferred": "125 MB",
    }


def test_memory_view_has_what_was_held_of_a_gpu() -> None:
    profile = make_profile(make_run(1, cards=(make_card(22 * GB, peak=24 * GB),)), make_run(2))

    page = Page(memory_view(profile))

    headers, first, second = page.rows
    assert headers[-3:] == ["gpu/worker", "of gpu", "gpu busy"]
    assert first[-3:] == ["22.0 GB", "30 %", "50 %"]
    assert second[-3:] == ["–", "–", "–"]
    assert "gpu" in str(memory_view(profile)).lower()
    assert "gpu" not in str(memory_view(make_profile())).lower()


def test_memory_view_has_what_libraries_count_themselves_of_a_gpu() -> None:
    held = Held(worker=address(0), nbytes=22 * GB, torch=9 * GB)
    card = replace(make_card(22 * GB, peak=24 * GB), workers=(held,))
    profile = make_profile(make_run(1, cards=(card,)))

    page = Page(memory_view(profile))

    headers, first = page.rows
    assert headers[-4:] == ["gpu/worker", "in torch", "of gpu", "gpu busy"]
    assert first[-4:] == ["22.0 GB", "9.00 GB", "30 %", "50 %"]
    assert "by its own count" in str(memory_view(profile))


def test_a_count_that_used_a_gpu_has_a_plot_of_it() -> None:
    curve = make_curve((0, GB), source="nvml", worker=address(0), measure="gpu 0")
    of_memory = make_curve((0, GB), source="sampler", worker=address(0))
    with_gpu = make_run(1, cards=(make_card(GB),), curves=(of_memory, curve))

    drawn = [
        str(memory_panels(make_profile(run), picture=svg_picture)).count("<svg")
        for run in (make_run(1, curves=(of_memory,)), with_gpu)
    ]

    assert drawn[1] == drawn[0] + 1


def test_peak_of_all_workers_is_a_range_where_it_is_not_one_number() -> None:
    rows = Page(memory_view(make_profile(make_run(1, peak=GB), make_run(2, peak=GB)))).rows

    column = rows[0].index("all workers")
    assert [row[column] for row in rows[1:]] == ["1.00 GB", "1.00 GB to 2.00 GB"]


def test_each_count_that_was_sampled_has_a_panel() -> None:
    profile = make_profile(
        make_run(1, curve=(GB, 2 * GB)), make_run(2), make_run(4, curve=(GB, 2 * GB))
    )

    page = Page(memory_panels(profile, picture=svg_picture))

    panels = [str(each["class"]) for each in page.attributes["div"]]
    assert panels == ["sdp-panel sdp-w1", "sdp-panel sdp-w4"]
    assert len(page.attributes["svg"]) == 2


def test_steps_stand_below_each_other_and_counts_side_by_side() -> None:
    def spans(seconds: float) -> tuple[object, ...]:
        return (
            make_activity("thread-cpu", 2.0, span="cell/load"),
            make_activity("idle", seconds - 2.0, span="cell"),
        )

    profile = make_profile(
        make_run(1, seconds=8.0, spans=spans(8.0)), make_run(2, seconds=5.0, spans=spans(10.0))
    )

    html = steps_view(profile)

    assert Page(html).rows == [
        ["step", "● 1 worker", "■ 2 workers"],
        ["cell", "8.00 sidle 75 %", "5.00 sidle 80 %"],
        ["└ load", "2.00 scompute 100 %", "1.00 scompute 100 %"],
    ]
    assert 'aria-label="compute 25 %, idle 75 %"' in html
    assert "--no-fuse" not in html
    # The longest is the cell with 1 worker, 8 s; all bars are on its scale.
    assert [width for width, _ in bars(html)] == [
        "25.0%",
        "75.0%",
        "12.5%",
        "50.0%",
        "25.0%",
        "12.5%",
    ]


def test_bar_of_a_tenth_of_the_time_is_a_tenth_as_long() -> None:
    spans = (
        make_activity("thread-cpu", 1.0, span="cell/long"),
        make_activity("thread-cpu", 0.1, span="cell/short"),
        make_activity("idle", 0.9, span="cell"),
    )

    found = bars(steps_view(make_profile(make_run(seconds=2.0, spans=spans))))

    assert [width for width, _ in found[-2:]] == ["50.0%", "5.0%"]


def test_bars_are_drawn_where_the_style_sheet_is_stripped() -> None:
    spans = (make_activity("thread-cpu", 4.0), make_activity("idle", 6.0, span="cell"))
    profile = make_profile(make_run(spans=spans))

    for html in (time_view(profile), steps_view(profile)):
        [outer] = [
            str(each["style"])
            for each in Page(html).attributes["span"]
            if str(each.get("class")) in ("sdp-bar", "sdp-stack")
        ]
        assert re.match(r"display:(inline-block|flex);width:\d+px;height:\d+px;background:#", outer)
        inner = [str(each["style"]) for each in Page(html).attributes["i"]]
        assert all("height:100%" in each and "background:#" in each for each in inner)


def test_cell_without_steps_is_told_how_to_have_them() -> None:
    spans = (make_activity("idle", 10.0, span="cell"),)

    assert "--no-fuse" in steps_view(make_profile(make_run(spans=spans)))


def test_tasks_come_by_their_time_and_with_their_memory() -> None:
    spans = (
        make_activity("thread-cpu", 1.0, prefix="short"),
        make_activity("thread-cpu", 4.0, prefix="long"),
        make_activity("thread-noncpu", 1.0, prefix="long"),
        make_activity("idle", 4.0, span="cell", context="idle", prefix=""),
    )
    run = make_run(spans=spans, task_memory=(make_task("short"), make_task("unseen")))

    page = Page(tasks_view(make_profile(run)))

    assert page.rows == [
        ["task prefix", "● 1 worker", "peak/worker", "rise"],
        ["long", "5.00 s", "–", "–"],
        ["short", "1.00 s", "2.00 GB", "1.00 GB"],
        ["unseen", "–", "2.00 GB", "1.00 GB"],
    ]


def test_many_prefixes_are_cut_and_counted() -> None:
    tasks = tuple(make_task(f"prefix-{chr(97 + n)}") for n in range(20))

    html = tasks_view(make_profile(make_run(task_memory=tasks)))

    assert len(Page(html).rows) == 13
    assert "8 more" in html


def test_memory_view_has_what_workers_read_and_wrote_if_it_is_much() -> None:
    def disk(*read: int) -> Disk:
        return Disk(
            workers=tuple(
                WorkerDisk(
                    worker=address(n), read=each, written=GB // 1000, from_storage=0, to_storage=0
                )
                for n, each in enumerate(read)
            )
        )

    profile = make_profile(
        make_run(2, disk=disk(GB, GB)),  # the first run also reads what is imported
        make_run(2, repeat=2, disk=disk(GB // 4, GB // 4)),
        make_run(2, repeat=3, disk=disk(GB // 4, GB // 4)),
    )

    headers, row = Page(memory_view(profile)).rows
    told = dict(zip(headers, row, strict=True))
    assert told["read"] == "500 MB"
    assert "written" not in told
