"""A grid as table, bars, plot and page."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pages import Page
from profiles import GB, make_profile, make_run

from sdprofile.render.grid_lines import grid_lines
from sdprofile.render.page.markup import count_headers
from sdprofile.render.page.memory_view import memory_view
from sdprofile.render.page.page import html_report
from sdprofile.render.palette import marked
from sdprofile.render.plots.grid import grid_plot
from sdprofile.render.text.grid_bars import grid_bars
from sdprofile.render.text.report import report
from sdprofile.render.text.rows import conditions, table_rows
from sdprofile.results.profile import Profile


def grid(*values: str, **kwargs: Any) -> Profile:
    """Return a grid of 1 and 2 workers, with a variable of so many values; the last is killed."""
    runs = [
        make_run(
            workers,
            seconds=10.0 / workers / (index + 1),
            curve=(GB, 2 * GB),
            variables=(("chunk", value),),
            status="killed" if workers == 2 and value == values[-1] else "ok",
            **kwargs,
        )
        for workers in (1, 2)
        for index, value in enumerate(values)
    ]
    return make_profile(*runs)


def test_the_table_has_a_column_for_what_is_varied() -> None:
    headers, *rows = table_rows(grid("500", "1000"))
    assert headers[:4] == ["workers", "chunk", "status", "time"]
    assert [row[:2] for row in rows] == [["1", "500"], ["2", "500"], ["1", "1000"], ["2", "1000"]]
    assert "efficiency" not in headers


def test_what_is_varied_is_no_condition_of_all() -> None:
    assert conditions(grid("1", "2")) == [
        "limit 5.00 GB per worker",
        "1 thread per worker",
        "1 repeat",
    ]
    runs = [make_run(threads=n, memory_limit=n * GB, variables=(("a", "x"),)) for n in (1, 2)]
    assert conditions(make_profile(*runs)) == ["a=x", "1 repeat"]


def test_the_axis_with_the_most_values_is_along_the_plot() -> None:
    axis, values, lines = grid_lines(grid("1", "2", "3"))
    assert (axis.name, values) == ("chunk", ("1", "2", "3"))
    assert [(line.name, [place for place, _ in line.places]) for line in lines] == [
        ("1 worker", [0, 1, 2]),
        ("2 workers", [0, 1, 2]),
    ]
    marks = [how for _, how in marked(grid("1", "2", "3"))]
    assert marks[0] == marks[2] == marks[4] != marks[1] == marks[3] == marks[5]


def test_every_run_is_a_dot_and_what_ended_badly_a_cross() -> None:
    figure = grid_plot(grid("500", "1000", "2000"))
    times, peaks = figure.axes
    assert [text.get_text() for text in times.get_xticklabels()] == ["500", "1000", "2000"]
    drawn = [(line.get_marker(), tuple(line.get_ydata())) for line in times.lines]
    assert ("o", pytest.approx((10.0, 5.0, 10 / 3))) in drawn
    assert ("s", pytest.approx((5.0, 2.5))) in drawn
    assert [y for marker, y in drawn if marker == "x"] == [(0.0,)]
    assert len([line for line in times.lines if line.get_markersize() == 4]) == 5
    [ring] = [line for line in times.lines if line.get_label() == "to use"]
    assert tuple(ring.get_ydata()) == (2.5,)
    assert len([line for line in peaks.lines if line.get_marker() == "x"]) == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "1 worker",
        "2 workers",
        "to use",
    ]


def test_the_two_plots_share_the_figure_evenly() -> None:
    figure = grid_plot(grid("500", "1000", "2000"))
    figure.draw_without_rendering()
    widths = [ax.get_position().width for ax in figure.axes]
    assert min(widths) > 0.35


def test_times_are_drawn_into_the_axes_of_the_user() -> None:
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert grid("1", "2").plot(ax=ax) is ax.figure
    assert ax.get_legend() is not None


def test_a_grid_without_any_peak_is_drawn_all_the_same() -> None:
    _, peaks = grid_plot(make_profile(*(make_run(threads=n, peak=None) for n in (1, 2)))).axes
    assert [text.get_text() for text in peaks.texts] == ["not known"]


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", [40, 60, 100])
def test_bars_are_as_long_as_the_medians_and_fit(width: int, ascii_only: bool) -> None:
    lines = grid_bars(grid("500", "1000"), width=width, ascii_only=ascii_only).splitlines()[1:]
    assert max(map(len, lines)) <= width
    block = "#" if ascii_only else "█"
    longest, half, quarter, killed = (line.count(block) for line in lines)
    assert half == pytest.approx(longest / 2, abs=1)
    assert quarter == pytest.approx(longest / 2, abs=1)
    assert killed == 0
    assert "x killed" in lines[3]


def test_the_report_has_table_bars_and_parts() -> None:
    profile = grid("500", "1000")
    text = report(profile, width=90)
    for part in ("workers  chunk", "median time", "profile.parts[1] (chunk=1000)"):
        assert part in text
    assert "where the time went" not in text.lower()
    assert max(map(len, text.splitlines())) <= 90


def test_a_page_has_the_plot_the_views_and_how_to_get_at_the_parts() -> None:
    html = html_report(grid("500", "1000"), with_plot=True)
    folded = [part.partition("<")[0] for part in html.split("<summary>")[1:]]
    assert folded == ["Memory", "Steps", "Tasks", "Details", "Code"]
    assert 'alt="Times and peaks"' in html
    assert "profile.parts[0] (chunk=500)" in html


def test_a_large_grid_leaves_out_what_needs_a_column_for_each_setting() -> None:
    html = html_report(grid(*map(str, range(9))))
    folded = [part.partition("<")[0] for part in html.split("<summary>")[1:]]
    assert folded == ["Memory", "Details", "Code"]


def test_the_setting_to_use_is_marked_in_the_table() -> None:
    profile = grid("500", "1000", "2000")
    page = Page(html_report(profile))
    [marked] = [each for each in page.attributes["tr"] if "sdp-chosen" in (each.get("class") or "")]
    assert profile.chosen is profile.counts[page.attributes["tr"].index(marked) - 1]
    headers, *rows = Page(memory_view(profile)).rows
    assert headers[:2] == ["workers", "chunk"]
    assert [row[1] for row in rows] == ["500", "500", "1000", "1000", "2000", "2000"]


def test_columns_of_a_setting_name_it() -> None:
    headers = count_headers(grid("500", "1000"))
    assert [header.text for header in headers][::3] == [
        "1 worker, chunk=500",
        "2 workers, chunk=1000",
    ]


def test_values_are_text_wherever_they_come_from() -> None:
    hostile = "$x_{</style><script>x()</script>", "_y'\x1b[2J'"
    profile = grid(*hostile)
    page = Page(html_report(profile, with_plot=True))
    assert "script" not in page.attributes
    assert "\x1b" not in str(profile)


def test_a_terminal_needs_no_matplotlib() -> None:
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from profiles import make_profile, make_run
print(make_profile(*(make_run(threads=n) for n in (1, 2))))
assert "matplotlib" not in sys.modules
"""
    folder = __file__.rpartition("/render/")[0]
    subprocess.run([sys.executable, "-c", code, folder], check=True, timeout=60)
