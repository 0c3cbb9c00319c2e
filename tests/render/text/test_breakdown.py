"""Shares of the time add up as dask counted them; the tasks that took most memory come first."""

from __future__ import annotations

import pytest
from profiles import GB, make_activity, make_profile, make_run, make_task

from sdprofile.model.run import Run
from sdprofile.model.spans import SpanActivity
from sdprofile.render.text.breakdown import memory_rows, time_rows

MB = 10**6
IDLE = make_activity("idle", 0.0, context="idle", prefix="")


def test_activities_are_percent_of_all_thread_time() -> None:
    spans = (
        make_activity("thread-cpu", 5.0),
        make_activity("thread-cpu", 1.0, prefix="sum"),
        make_activity("thread-noncpu", 4.0),
        make_activity("disk-read", 1.0),
        make_activity("disk-write", 1.0, context="memory-monitor"),
        make_activity("network", 2.0, context="gather-dep"),
        *[
            make_activity(each, 0.25)
            for each in ("serialize", "deserialize", "compress", "decompress")
        ],
        make_activity("executor", 0.5),
        make_activity("of the user", 0.5),
        make_activity("idle", 4.0, context="idle"),
    )

    assert time_rows(make_profile(make_run(2, spans=spans))) == [
        ["workers", "compute", "waiting", "disk", "transfer", "serialize", "other", "idle"],
        ["2", "30 %", "20 %", "10 %", "10 %", "5 %", "5 %", "20 %"],
    ]


def test_column_is_shown_if_it_is_1_percent_at_some_count() -> None:
    def run(workers: int, *, disk: float, transfer: float) -> Run:
        spans = (
            make_activity("thread-cpu", 100 - disk - transfer),
            make_activity("disk-read", disk),
            make_activity("network", transfer),
            IDLE,
        )
        return make_run(workers, spans=spans)

    rows = time_rows(make_profile(run(1, disk=0.0, transfer=0.9), run(2, disk=1.0, transfer=0.9)))

    assert rows == [["workers", "compute", "disk"], ["1", "99 %", "0 %"], ["2", "98 %", "1 %"]]


def test_time_is_of_the_median_run() -> None:
    runs = [
        make_run(seconds=seconds, spans=(make_activity(activity, 1.0), IDLE))
        for seconds, activity in ((9.0, "network"), (2.0, "disk-read"), (3.0, "thread-cpu"))
    ]

    assert time_rows(make_profile(*runs)) == [["workers", "compute"], ["1", "100 %"]]


@pytest.mark.parametrize("status", ["killed", "interrupted", "stuck", "failed"])
def test_time_of_a_run_that_did_not_end_well_is_not_told(status: str) -> None:
    spans = (make_activity("thread-cpu", 1.0), IDLE)
    ended = make_run(1, status=status, spans=spans)

    assert time_rows(make_profile(ended, make_run(2, spans=spans)))[1:] == [
        ["1", "–"],
        ["2", "100 %"],
    ]
    assert time_rows(make_profile(ended)) == []


@pytest.mark.parametrize("spans", [(), (make_activity("thread-cpu", 1.0),), (IDLE,)])
def test_time_that_is_not_accounted_for_is_not_told(spans: tuple[SpanActivity, ...]) -> None:
    assert time_rows(make_profile(make_run(spans=spans))) == []


def test_row_of_a_prefix_holds_what_its_tasks_took() -> None:
    run = make_run(
        task_memory=(make_task("add", tasks=30, peak=3 * GB, rise_low=GB, rise_high=GB),),
        spans=(
            make_activity("thread-cpu", 4.0),
            make_activity("disk-read", 2.0),
            make_activity("thread-cpu", 9.0, prefix="sum"),
            make_activity("network", 9.0, context="gather-dep"),
        ),
    )

    assert memory_rows(make_profile(run)) == [
        ["prefix", "tasks", "time", "peak/worker", "rise"],
        ["add", "30", "6.00 s", "3.00 GB", "1.00 GB"],
    ]


def test_every_number_is_the_highest_of_any_run() -> None:
    one = make_run(
        1,
        task_memory=(make_task(tasks=30, peak=3 * GB, rise_low=GB, rise_high=GB),),
        spans=(make_activity("thread-cpu", 4.0),),
    )
    killed = make_run(
        2,
        status="killed",
        task_memory=(make_task(tasks=20, peak=2 * GB, rise_low=2 * GB, rise_high=2 * GB),),
        spans=(make_activity("thread-cpu", 6.0),),
    )

    [_, row] = memory_rows(make_profile(one, killed))

    assert row == ["add", "30", "6.00 s", "3.00 GB", "2.00 GB"]


def test_five_prefixes_with_the_highest_rise_come_first() -> None:
    tasks = [make_task(f"task-{n}", rise_low=n * MB, rise_high=n * MB) for n in range(1, 8)]

    _, *rows = memory_rows(make_profile(make_run(task_memory=tuple(tasks))))

    assert [row[0] for row in rows] == ["task-7", "task-6", "task-5", "task-4", "task-3"]


def test_prefix_that_took_nothing_is_left_out() -> None:
    none = make_task(rise_low=0, rise_high=0)

    assert memory_rows(make_profile(make_run(task_memory=(none,)))) == []


def test_time_that_is_not_known_is_a_dash() -> None:
    assert memory_rows(make_profile(make_run(task_memory=(make_task(),))))[1][2] == "–"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (400 * MB, 400 * MB, "400 MB"),
        (380 * MB, 400 * MB, "400 MB"),
        (379 * MB, 400 * MB, "379 to 400 MB"),
        (200 * MB, 2 * GB, "200 MB to 2.00 GB"),
        (0, 2 * GB, "up to 2.00 GB"),
    ],
)
def test_rise_is_a_range_where_its_ends_differ_by_more_than_5_percent(
    low: int, high: int, text: str
) -> None:
    run = make_run(task_memory=(make_task(rise_low=low, rise_high=high),))

    assert memory_rows(make_profile(run))[1][-1] == text


def test_nothing_measured_gives_nothing() -> None:
    assert time_rows(make_profile()) == []
    assert memory_rows(make_profile()) == []
    assert time_rows(make_profile(empty=True)) == []
