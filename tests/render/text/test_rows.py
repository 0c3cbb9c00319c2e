"""Each worker count is a row of text, the same in every table."""

from __future__ import annotations

import pytest
from profiles import GB, make_card, make_profile, make_run

from sdprofile.model.memory import Thresholds
from sdprofile.render.palette import mark
from sdprofile.render.text.rows import (
    conditions,
    detail_rows,
    of_limit,
    right_aligned,
    table_rows,
)
from sdprofile.results.profile import Profile


def column(profile: Profile, header: str) -> list[str]:
    headers, *rows = table_rows(profile)
    return [row[headers.index(header)] for row in rows]


def test_row_holds_every_number() -> None:
    profile = make_profile(
        make_run(1, seconds=12.0, peak=4 * GB), make_run(2, seconds=8.0, peak=2 * GB, tasks=50)
    )

    headers, _, row = table_rows(profile)

    assert dict(zip(headers, row, strict=True)) == {
        "workers": "2",
        "time": "8.00 s",
        "faster": "1.50x",
        "peak/worker": "2.00 GB",
        "of limit": "40 %",
    }
    headers, _, row = detail_rows(profile)
    assert dict(zip(headers, row, strict=True)) == {
        "workers": "2",
        "tasks": "50",
        "efficiency": "75 %",
        "serial fraction": "0.33",
        "verdict": "cannot tell with 1 repeat",
    }


def test_a_gpu_that_was_used_has_two_columns_and_a_full_one_a_flag() -> None:
    profile = make_profile(
        make_run(1, cards=(make_card(22 * GB),)), make_run(2, cards=(make_card(36 * GB, 37 * GB),))
    )

    assert column(profile, "gpu/worker") == ["22.0 GB", "37.0 GB"]
    assert column(profile, "of gpu") == ["28 %", "91 % !"]
    unused = make_profile(make_run(1, cards=(make_card(),)))
    assert not {"gpu/worker", "of gpu"} & set(table_rows(unused)[0])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        ((7.0, 8.0, 12.0), "7.00 to 12.0 s"),
        ((0.9, 1.2), "900 ms to 1.20 s"),
        ((90.0, 200.0), "90.0 s to 3 min 20 s"),
    ],
)
def test_range_has_its_unit_once_where_both_ends_have_it(
    seconds: tuple[float, ...], text: str
) -> None:
    assert column(make_profile(*[make_run(seconds=each) for each in seconds]), "range") == [text]


def test_one_run_has_no_range_and_no_mean_that_would_repeat_its_time() -> None:
    for rows in (table_rows(make_profile()), detail_rows(make_profile())):
        assert not {"range", "mean ± std. dev."} & set(rows[0])


def test_time_is_the_median_beside_its_range_and_mean_and_std() -> None:
    seconds = (7.0, 8.0, 12.0)
    profile = make_profile(*[make_run(seconds=each) for each in seconds])

    assert column(profile, "time") == ["8.00 s"]
    assert column(profile, "range") == ["7.00 to 12.0 s"]
    assert [row[1] for row in detail_rows(profile)] == ["mean ± std. dev.", "9.00 s ± 2.65 s"]


def test_status_is_a_column_only_if_a_run_did_not_end_well() -> None:
    fine, troubled = make_profile(), make_profile(make_run(1, status="killed"), make_run(2))

    assert "status" not in table_rows(fine)[0]
    assert column(troubled, "status") == ["killed 10.0 s", "ok"]


def test_count_that_never_finished_has_dashes_and_its_peak() -> None:
    killed = make_run(1, seconds=8.1, status="killed", peak=49 * GB // 10)

    headers, row, _ = table_rows(make_profile(killed, make_run(2)))

    cells = dict(zip(headers, row, strict=True))
    assert cells["status"] == "killed 8.10 s"
    assert cells["time"] == "–"
    assert "faster" not in cells
    assert cells["peak/worker"] == "4.90 GB"
    assert cells["of limit"] == "98 % !"


def test_unequal_tasks_are_a_range() -> None:
    profile = make_profile(make_run(tasks=90), make_run(tasks=100))

    headers, row = detail_rows(profile)
    assert row[headers.index("tasks")] == "90 to 100"


@pytest.mark.parametrize(
    ("percent", "text"), [(79.4, "79 %"), (79.6, "80 % !"), (80, "80 % !"), (101, "101 % !")]
)
def test_flag_is_set_from_80_percent_as_it_reads(percent: float, text: str) -> None:
    [count] = make_profile(make_run(peak=round(percent * GB), memory_limit=100 * GB)).counts

    assert of_limit(count, Thresholds()) == text


@pytest.mark.parametrize(
    ("thresholds", "text"),
    [
        (Thresholds(pause=0.95), "90 %"),
        (Thresholds(pause=None, terminate=0.9), "90 % !"),
        (Thresholds(pause=None, terminate=None), "90 %"),
    ],
)
def test_the_flag_goes_by_what_the_workers_are_set_to(thresholds: Thresholds, text: str) -> None:
    profile = make_profile(make_run(peak=90 * GB, memory_limit=100 * GB), thresholds=thresholds)
    assert column(profile, "of limit") == [text]


@pytest.mark.parametrize("unknown", [{"peak": None}, {"memory_limit": None}])
def test_share_of_the_limit_needs_both_numbers(unknown: dict[str, None]) -> None:
    profile = make_profile(make_run(1, **unknown), make_run(2))

    assert column(profile, "of limit") == ["–", "20 %"]


def test_a_column_in_which_nothing_is_known_is_left_out() -> None:
    [headers, row] = table_rows(make_profile(make_run(status="killed", peak=None)))

    assert headers == ["workers", "status", "time"]
    assert row == ["1", "killed 10.0 s", "–"]


def test_memory_is_in_the_users_units() -> None:
    run = make_run(peak=2**30)

    assert column(make_profile(run, decimal=False), "peak/worker") == ["1.00 GiB"]
    assert column(make_profile(run, decimal=True), "peak/worker") == ["1.07 GB"]


def test_flag_does_not_shift_the_numbers() -> None:
    assert right_aligned(["92 % !", "100 % !", "8 %"]) == [" 92 % !", "100 % !", "  8 %  "]


def test_conditions_tell_limit_threads_and_repeats() -> None:
    profile = make_profile(make_run(threads=2, memory_limit=5 * GB), repeats=3)

    assert conditions(profile) == ["limit 5.00 GB per worker", "2 threads per worker", "3 repeats"]


def test_conditions_tell_that_there_is_no_limit() -> None:
    assert conditions(make_profile(make_run(memory_limit=None)))[0] == "no memory limit"


@pytest.mark.parametrize(
    ("workers", "text"),
    [
        ((1, 2, 4, 1, 2, 4, 1, 2, 4), "3 repeats in rounds"),
        ((1, 2, 4, 4, 2, 1), "3 repeats in rounds"),
        ((1, 1, 1, 2, 2, 2), "3 repeats in a row"),
        ((4, 4, 4, 1, 1, 1), "3 repeats in a row"),
        ((1, 2, 2, 2), "3 repeats in a row"),  # one worker was killed
        ((1, 2, 4, 2, 4), "3 repeats in rounds"),  # as above
        ((1, 2, 4), "3 repeats"),  # stopped after one round, or killed each time
        ((1, 1, 1), "3 repeats"),  # nothing to take turns with
    ],
)
def test_conditions_tell_the_order_of_the_repeats(workers: tuple[int, ...], text: str) -> None:
    profile = make_profile(*[make_run(each) for each in workers], repeats=3)

    assert conditions(profile)[2] == text


def test_thirty_counts_are_told_apart_by_colour_marker_or_line() -> None:
    assert len({mark(index) for index in range(30)}) == 30


def test_six_counts_are_told_apart_without_colour() -> None:
    assert len({mark(index).glyph for index in range(6)}) == 6
