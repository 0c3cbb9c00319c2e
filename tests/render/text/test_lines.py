"""What lines took, in the report for a terminal and in the page."""

from __future__ import annotations

from array import array
from dataclasses import replace

from pages import Page
from profiles import MACHINE, make_profile, make_run, make_task
from traces import make_trace

from sdprofile.model.steps import LineTime
from sdprofile.model.trace import Calls
from sdprofile.render.page.lines_view import lines_view
from sdprofile.render.text.lines import line_rows, shown_lines
from sdprofile.render.text.report import report
from sdprofile.results.profile import Profile

HOSTILE = "x = '</td><script>alert(1)</script>'"


def profile(*lines: LineTime, seconds: float = 10.0) -> Profile:
    """Return a cell of 10 s in which line 3 computed for 5 s, and line 4 for 3 s."""
    trace = make_trace([4.0, 1.0, 2.0], graphs=[0, 0, 1], nbytes=10**6)
    calls = Calls(
        begun=array("d", [0.0, 5.0]),
        ended=array("d", [5.0, 8.0]),
        sends=array("b", [2, 2]),
        line=array("i", [3, 4]),
    )
    trace = replace(trace, seconds=seconds, calls=calls)
    texts = (
        LineTime(line=3, seconds=0.0, text="a.compute()"),
        LineTime(line=4, seconds=0.0, text=HOSTILE),
    )
    memory = (make_task("group0", rise_high=2 * 10**6),)
    run = make_run(seconds=seconds, trace=trace, lines=(*texts, *lines), task_memory=memory)
    return make_profile(run, machine=MACHINE)


def test_a_row_has_the_line_with_its_code_times_and_memory() -> None:
    rows = line_rows(profile(LineTime(line=1, seconds=1.0, text="b = f()")))

    assert rows == [
        ["line", "in the kernel", "on threads", "results", "rise"],
        ["1  b = f()", "1.00 s", "–", "–", "–"],
        ["3  a.compute()", "5.00 s", "5.00 s", "2.00 MB", "2.00 MB"],
        [f"4  {HOSTILE}", "3.00 s", "2.00 s", "1.00 MB", "2.00 MB"],
        ["elsewhere", "1.00 s", "–", "–", "–"],
    ]


def test_lines_that_took_little_are_elsewhere() -> None:
    little = (LineTime(line=n, seconds=0.1) for n in range(10, 30))

    shown = shown_lines(profile(*little), most=10)

    assert [use.line for use in shown] == [3, 4, 0]
    assert round(shown[-1].seconds, 6) == 2.0


def test_of_many_lines_those_that_took_most_are_told() -> None:
    lines = (LineTime(line=10 + n, seconds=1.0 + n / 10) for n in range(10))

    shown = shown_lines(profile(*lines, seconds=25.0), most=4)

    assert [use.line for use in shown] == [3, 4, 18, 19, 0]
    assert round(sum(use.seconds for use in shown), 6) == 25.0


def test_lines_of_functions_come_after_those_of_the_cell() -> None:
    inner = LineTime(line=2, function="helper", seconds=0.5, text="y = 1")

    rows = line_rows(profile(LineTime(line=1, seconds=1.0), inner))

    assert [row[0] for row in rows[-2:]] == ["elsewhere", "helper, line 2  y = 1"]
    assert rows[-1][1:] == ["500 ms", "–", "–", "–"]


def test_the_report_has_them_where_there_are_several() -> None:
    told = report(profile(), width=80)

    assert "what each line took (wall time; of its tasks thread time and memory," in told
    assert "\n3  a.compute()" in told
    one = profile()
    [run] = one.runs
    assert run.trace is not None
    same = replace(run.trace, calls=replace(run.trace.calls, line=array("i", [3, 3])))
    single = make_profile(replace(run, trace=same, steps=replace(run.steps, lines=())))
    assert "what each line took" not in report(single, width=80)


def test_the_page_has_them_with_bars_and_escapes_the_code() -> None:
    html = lines_view(profile())

    assert "<script" not in html
    headers, *rows = Page(html).rows
    assert headers == ["line", "in the kernel", "on threads", "results", "rise"]
    assert rows == line_rows(profile())[1:]
    assert not lines_view(make_profile())
