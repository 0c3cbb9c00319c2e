"""The report for a terminal is whole, fits, and never holds what the terminal cannot print."""

from __future__ import annotations

import io
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import (
    GB,
    make_activity,
    make_element,
    make_failure,
    make_profile,
    make_run,
    make_step,
    make_task,
)
from traces import ran

from sdprofile.explain.answer import Answer, Line
from sdprofile.explain.notices.every import Notice
from sdprofile.model.prediction import Prediction, Predictions
from sdprofile.render.text.report import report
from sdprofile.render.text.rows import table_rows
from sdprofile.results.profile import Profile

KILLED = make_run(
    1,
    seconds=8.1,
    status="killed",
    curve=(GB, 4 * GB),
    failure=make_failure(tasks=("finalize-hlgfinalizecompute-1",)),
)


BUSY = (
    make_activity("thread-cpu", 6.0),
    make_activity("network", 3.0, context="gather-dep"),
    make_activity("idle", 1.0, context="idle"),
)


RUNS = [make_run(n, seconds=each / n) for n in (1, 2) for each in (9.0, 10.0)]


def headers(profile: Profile, *, width: int) -> str:
    return " ".join(report(profile, width=width).splitlines()[0].split())


def test_str_of_a_profile_is_the_report() -> None:
    assert str(make_profile()) == report(make_profile())


def test_table_is_aligned_under_its_headers() -> None:
    profile = make_profile(
        make_run(1, seconds=12.0, peak=4 * GB), make_run(10, seconds=8.0, peak=100 * 10**6)
    )

    lines = report(profile, width=60).splitlines()

    assert lines[:4] == [
        "workers    time  faster  peak/worker  of limit",
        "───────  ──────  ──────  ───────────  ────────",
        "      1  12.0 s              4.00 GB    80 % !",
        "     10  8.00 s   1.50x       100 MB     2 %",
    ]


@pytest.mark.parametrize(
    ("width", "dropped"),
    [
        (62, []),
        (60, ["range"]),
        (40, ["range", "of limit"]),
        (30, ["range", "of limit", "faster"]),
    ],
)
def test_narrow_table_drops_the_least_important_columns(width: int, dropped: list[str]) -> None:
    profile = make_profile(*(make_run(n, seconds=each) for n in (1, 2) for each in (9.0, 10.0)))
    kept = [header for header in table_rows(profile)[0] if header not in dropped]

    assert headers(profile, width=width) == " ".join(kept)


def test_status_outlives_every_number_but_the_time() -> None:
    assert headers(make_profile(KILLED), width=30) == "workers status time"


def test_conditions_and_dashboard_follow_the_table() -> None:
    profile = make_profile(repeats=3, dashboard="http://127.0.0.1:8787/status")

    lines = report(profile, width=80).splitlines()

    assert lines[5:7] == [
        "limit 5.00 GB per worker, 1 thread per worker, 3 repeats",
        "dashboard http://127.0.0.1:8787/status",
    ]


def test_plot_follows_where_memory_was_sampled() -> None:
    text = report(make_profile(make_run(curve=(GB, GB))), width=80)

    assert "\n\nmemory of the fullest worker; full height" in text


def test_where_the_time_went_and_what_took_the_memory_follow_the_plot() -> None:
    tasks = (make_task("add", rise_low=0), make_task("sum", tasks=1, rise_high=5 * GB))
    run = make_run(curve=(GB, GB), spans=BUSY, task_memory=tasks)

    _, plot, *parts, _ = report(make_profile(run), width=80).split("\n\n")

    assert plot.startswith("memory of the fullest worker")
    assert [part.splitlines() for part in parts] == [
        [
            "where the time went (of all threads, in the median run)",
            "workers  compute  transfer  idle",
            "      1     60 %      30 %  10 %",
        ],
        [
            "what took the memory (most of any run; rise: within a task)",
            "prefix  tasks    time  peak/worker             rise",
            "sum         1       –      2.00 GB  1.00 to 5.00 GB",
            "add       100  6.00 s      2.00 GB    up to 1.00 GB",
        ],
    ]


def test_long_prefix_is_cut_in_the_middle() -> None:
    prefix = "start-" + "x" * 100 + "-end"

    text = report(make_profile(make_run(task_memory=(make_task(prefix),))), width=60)

    [line] = [line for line in text.splitlines() if line.startswith("start-")]
    assert line == f"start-{'x' * 5}...{'x' * 7}-end    100     –      2.00 GB  1.00 GB"
    assert len(line) == 60


def test_prefix_cannot_send_the_terminal_a_command() -> None:
    text = report(make_profile(make_run(task_memory=(make_task("\x1b[31m\nadd"),))), width=80)

    assert "\n[31m add  " in text
    assert "\x1b" not in text


def test_notice_is_fact_then_indented_advice() -> None:
    remark = Notice(fact="It was slow " * 6 + "today", advice="Wait " * 15 + "until tomorrow")

    text = report(make_profile(remarks=(remark,)), width=60)

    assert text.split("\n\n")[-2].splitlines() == [
        "! It was slow It was slow It was slow It was slow It was",
        "  slow It was slow today",
        "  -> Wait Wait Wait Wait Wait Wait Wait Wait Wait Wait Wait",
        "     Wait Wait Wait Wait until tomorrow",
    ]


def test_why_it_stopped_follows() -> None:
    text = report(make_profile(stopped="interrupted at 4 workers"), width=80)

    assert "\n\nstopped: interrupted at 4 workers\n\ndetails\n" in text


def test_answer_is_the_first_thing_and_the_last_of_what_is_longer_than_the_screen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = (Line(fact="Take 4 workers. " * 4 + "Or\x1b[0m 2"), Line(fact="One", change="two"))
    monkeypatch.setattr(Profile, "answer", Answer(headline="Use 4", remark="or not", lines=lines))

    answer = (
        "=> Use 4 (or not).\n"
        "   Take 4 workers. Take 4 workers. Take 4 workers. Take 4\n"
        "   workers. Or [0m 2.\n"
        "   One: two."
    )
    profile = make_profile(stopped="interrupted")

    parts = report(profile, width=60).split("\n\n")
    assert (parts[0], parts[-2]) == (answer, "stopped: interrupted")
    assert parts[-1].startswith("details\n")
    monkeypatch.setenv("LINES", "5")
    parts = report(profile, width=60).split("\n\n")
    assert (parts[0], parts[-1]) == (answer, answer)


def test_no_run_is_one_clear_line_and_why() -> None:
    profile = make_profile(empty=True, stopped="only 3 of 4 workers started in 30 s")

    assert report(profile).splitlines() == [
        "No run was made.",
        "",
        "stopped: only 3 of 4 workers started in 30 s",
    ]


def test_ascii_only_has_every_number() -> None:
    profile = make_profile(make_run(seconds=9.0), make_run(seconds=11.0), KILLED)

    text = report(profile, width=100, ascii_only=True)

    assert text.isascii()
    assert "10.0 s +- 1.41 s" in text


def test_ascii_only_escapes_what_it_cannot_write() -> None:
    text = report(make_profile(stopped="caf\xe9"), ascii_only=True)

    assert "stopped: caf\\xe9\n" in text


@pytest.mark.parametrize(
    ("encoding", "is_ascii"), [("ascii", True), ("cp1252", True), ("utf-8", False)]
)
def test_ascii_where_standard_output_cannot_print_more(
    encoding: str, is_ascii: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))

    assert report(make_profile()).isascii() is is_ascii


def test_stream_in_memory_takes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())

    assert "───" in report(make_profile())


@pytest.mark.parametrize(("columns", "dropped"), [("200", False), ("70", False), ("20", True)])
def test_width_is_the_terminals(
    columns: str, dropped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    assert ("serial fraction" not in report(make_profile(*RUNS))) is dropped


def test_tiny_terminal_gets_60_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    assert report(make_profile()) == report(make_profile(), width=60)


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = report(make_profile(stopped="\x1b[31mValueError:\r\x9bbad\x7f"))

    assert all(character.isprintable() for character in text.replace("\n", ""))
    assert "[31mValueError:  bad" in text


EVERY_ACTIVITY = tuple(
    make_activity(each, 1000.0)
    for each in (
        "thread-cpu",
        "thread-noncpu",
        "disk-read",
        "network",
        "serialize",
        "other",
        "idle",
    )
)


@given(
    width=st.integers(60, 200),
    ascii_only=st.booleans(),
    words=st.lists(st.text(st.characters(max_codepoint=0x24F), min_size=1, max_size=90)),
)
def test_report_stays_within_its_width(width: int, ascii_only: bool, words: list[str]) -> None:
    text = " ".join(words)
    profile = make_profile(
        KILLED,
        make_run(2, curve=(GB, GB), spans=EVERY_ACTIVITY, task_memory=(make_task(text),)),
        make_run(64, task_memory=(make_task("x" * 90, tasks=10**7, rise_low=10**8),)),
        make_run(128, seconds=1234.5, tasks=10**7),
        make_run(128, seconds=1634.5, tasks=10**6),
        stopped=text,
        dashboard=f"http://{text}",
        remarks=(Notice(fact=text, advice=text),),
    )

    lines = report(profile, width=width, ascii_only=ascii_only).splitlines()

    assert max(len(line) for line in lines) <= width


LONG = "a-name_that.nobody/can-read " + "y" * 90


def made_up() -> list[Profile]:
    """Return profiles of all kinds, with long names wherever the user can choose one."""
    spans = (
        make_activity("thread-cpu", 9.0, span=f"cell/{LONG.replace('/', '')} (line 12)"),
        make_activity("idle", 1000.0, span="cell"),
    )
    calls = (
        make_step(f"cell/{LONG.replace('/', '')} (line 12)", 123.0),
        make_step("cell/transform (line 3)", fused=["aggregate (line 4)"]),
        make_step("cell/aggregate (line 4)", 0.5),
    )
    trace = ran([(0.0, 0.0, 1.0), (0.0, 1.0, 9.0)], seconds=10.0)
    rich: dict[str, object] = {
        "spans": spans,
        "steps": calls,
        "curve": (GB, GB),
        "trace": trace,
        "elements": (make_element(LONG, store=f"/{LONG}.zarr", scale="scale0", scales=5),),
        "task_memory": (make_task(LONG, tasks=10**6, rise_low=GB // 10),),
    }
    sweep = [
        make_run(workers, seconds=each, repeat=n, **rich)
        for workers in (1, 2, 4, 8, 16, 32, 64)
        for n, each in enumerate((110.0, 9.0))
    ]
    grids = [
        make_run(
            workers, variables=(("chunk", value), (LONG.split()[1], "z" * 40)), memory_limit=each
        )
        for workers in (1, 64)
        for value in ("500", LONG)
        for each in (GB, 2 * GB)
    ]
    told = tuple(
        Prediction(workers=n, seconds=200.0 / n, peak_worker=GB, peak_cluster=n * GB)
        for n in (1, 128)
    )
    predictions = Predictions(
        asked=told, measured=told[:1], replayed=1, cpus=8, crowded=True, rate=None
    )
    killed = make_run(1, status="killed", seconds=123.0, tasks=10**7)
    return [
        make_profile(*sweep, repeats=2, predictions=predictions),
        make_profile(killed, *sweep, repeats=2),
        make_profile(*grids),
        make_profile(*(make_run(each, tasks=0) for each in (1, 2))),
        make_profile(),
        make_profile(empty=True, stopped=LONG),
    ]


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("index", range(6))
def test_no_line_is_too_long_and_no_word_broken(
    width: int, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = made_up()[index]
    change = "use --memory 1.7GB, x.rechunk((1, 1000, 1000)) or d.map_blocks(f, meta=np.empty(0))"
    answer = Answer(
        headline="Use 4 workers of 1.7GB", lines=(Line(fact="It waits", change=change),)
    )
    monkeypatch.setattr(Profile, "answer", answer)

    text = report(profile, width=width)

    assert max(map(len, text.splitlines())) <= width
    for code in (
        "--memory 1.7GB",
        "x.rechunk((1, 1000, 1000))",
        "d.map_blocks(f, meta=np.empty(0))",
    ):
        assert code in text
    once = " ".join(text.split())
    for notice in profile.notices:
        for words in (notice.fact, notice.advice):
            if max(map(len, words.split())) <= width - 5:
                assert " ".join(words.split()) in once


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (80, ["workers", "time", "range", "faster", "spent on", "peak/worker", "of limit"]),
        (60, ["workers", "time", "faster", "spent on", "peak/worker", "of limit"]),
    ],
)
def test_table_has_what_matters_in_a_narrow_terminal(width: int, told: list[str]) -> None:
    runs = [
        make_run(n, seconds=each / n, trace=ran([(0.0, 0.0, each / n)], seconds=each / n))
        for n in (1, 2)
        for each in (10.0, 12.0)
    ]
    lines = report(make_profile(*runs, repeats=2), width=width).splitlines()

    assert re.split(" {2,}", lines[0].strip()) == told
    strip = lines[2].split()[-5]
    assert set(strip) <= set("CW")
    assert len(strip) in (12, 16)
    assert lines[4].startswith("spent on: C computing")


def test_tunnel_to_the_dashboard_is_shown() -> None:
    profile = make_profile(dashboard="http://127.0.0.1:8787/status", tunnel="ssh -N -L 1:b:1 ada@c")

    assert "to open it from your machine: ssh -N -L 1:b:1 ada@c" in report(profile, width=100)


def test_where_no_task_ran_that_is_the_report_in_place_of_the_table() -> None:
    runs = (make_run(1, tasks=0, seconds=2.0), make_run(2, tasks=0, seconds=1.98))
    first, second, *_ = str(make_profile(*runs)).split("\n\n")
    assert first.startswith("! No task ran on the workers")
    assert second.startswith("The cell took 2.00 s with 1 worker and 1.98 s with 2 workers\n")
    failed = make_run(4, tasks=0, status="killed")
    assert "faster" not in str(make_profile(*runs))
    assert "status" in str(make_profile(*runs, failed))
