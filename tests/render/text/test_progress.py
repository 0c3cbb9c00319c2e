"""The progress as text fits where it is shown, and as HTML lets no text be code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import make_profile, make_setting

from sdprofile.model.at_work import AtWork
from sdprofile.progress import Standing, Step
from sdprofile.render.page.progress import progress_html
from sdprofile.render.text.progress import progress_line, progress_lines
from sdprofile.render.text.rows import table_rows

ROWS = table_rows(make_profile())


def make_standing(**kwargs: Any) -> Standing:
    """Return a standing: the second of 3 runs on 2 workers, 4 of 9 done in 12.9 s, 14.1 s left."""
    values: dict[str, Any] = {"seconds": 12.9, "seconds_left": 14.1, "rows": ROWS, "work": None}
    steps: dict[str, Any] = {
        "name": "2 workers",
        "repeat": 2,
        "repeats": 3,
        "done": 4,
        "left": tuple(make_setting(workers) for workers in (2, 1, 1, 2, 4)),
        "dashboard": "http://127.0.0.1:8787/status",
    }
    values |= {name: value for name, value in kwargs.items() if name in values}
    steps |= {name: value for name, value in kwargs.items() if name in steps}
    return Standing(step=Step(**steps), done=steps["done"], **values)


def test_the_line_tells_count_repeat_and_both_times() -> None:
    assert progress_line(make_standing()) == (
        "sdprofile: 2 workers, run 2 of 3: 4 of 9 runs done, 12 s, about 15 s left"
    )


def test_the_line_tells_how_far_the_workers_are() -> None:
    work = AtWork(done=80, known=120, nbytes=612 * 10**6, limit=2 * 10**9, decimal=True)
    assert progress_line(make_standing(work=work)) == (
        "sdprofile: 2 workers, run 2 of 3 (80 of 120 tasks, fullest worker 612 MB of 2.00 GB):"
        " 4 of 9 runs done, 12 s, about 15 s left"
    )
    assert "(" not in progress_line(make_standing(work=replace(work, known=0)))


def test_the_line_tells_that_the_cluster_is_on_its_way() -> None:
    assert progress_line(make_standing(name="1 worker", repeat=0, seconds_left=None)) == (
        "sdprofile: starting 1 worker: 4 of 9 runs done, 12 s"
    )


def test_a_time_that_is_over_is_not_told() -> None:
    assert "left" not in progress_line(make_standing(seconds_left=0.0))


def test_a_terminal_shows_line_dashboard_and_table() -> None:
    lines = progress_lines(make_standing(), width=99, height=20)
    assert lines[0] == progress_line(make_standing())
    assert lines[1] == "dashboard http://127.0.0.1:8787/status"
    assert lines[2].startswith("workers ")
    assert [line.split()[0] for line in lines[4:]] == ["1", "2", "4"]


def test_a_narrow_terminal_wraps_the_line_and_drops_columns() -> None:
    lines = progress_lines(make_standing(), width=49, height=20)
    assert " ".join(lines[:2]) == progress_line(make_standing())
    assert "min" not in lines[3].split()
    assert "faster" in lines[3].split()


@pytest.mark.parametrize(("height", "shown"), [(7, 7), (6, 2), (2, 2), (1, 1)])
def test_what_has_no_room_is_left_out(height: int, shown: int) -> None:
    assert len(progress_lines(make_standing(), width=99, height=height)) == shown


@given(st.integers(1, 120), st.integers(1, 12))
def test_no_terminal_is_too_small(width: int, height: int) -> None:
    lines = progress_lines(make_standing(), width=width, height=height)
    assert 1 <= len(lines) <= height
    assert all(len(line) <= width for line in lines)


def test_ascii_is_enough_where_it_must_be() -> None:
    lines = progress_lines(make_standing(), width=120, height=20, ascii_only=True)
    assert all(line.isascii() for line in lines)


def test_html_has_a_bar_a_link_and_the_table() -> None:
    html = progress_html(make_standing())
    assert html.startswith('<div class="sdp-progress">')
    assert '<progress aria-label="runs done" value="4" max="9">' in html
    assert progress_line(make_standing()) in html
    assert (
        '<a href="http://127.0.0.1:8787/status" target="_blank" rel="noopener">dashboard</a>'
        in html
    )
    assert html.count("<tr>") == 1 + 3


def test_html_has_neither_link_nor_table_before_they_are_known() -> None:
    html = progress_html(make_standing(rows=(), dashboard=""))
    assert "<a " not in html
    assert "<table" not in html


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "proxy/8787/status", '"><script>alert(1)</script>']
)
def test_only_addresses_of_the_web_are_links(address: str) -> None:
    html = progress_html(make_standing(dashboard=address))
    assert "<a " not in html
    assert "<script" not in html


def test_every_text_is_escaped() -> None:
    html = progress_html(
        make_standing(rows=[["<b>"], ["<i>"]], dashboard='https://x/"onclick="alert(1)')
    )
    assert "<b>" not in html
    assert "<i>" not in html
    assert '"onclick' not in html
