"""A comparison as text and as a page."""

from __future__ import annotations

import io
from html.parser import HTMLParser
from typing import Any

import pytest
from profiles import GB, make_activity, make_profile, make_run, make_step

from sdprofile.model.run import Run
from sdprofile.render.page.comparison import comparison_page
from sdprofile.render.text.comparison import NOTHING_SHARED, comparison_report, step_change_rows
from sdprofile.results.comparison import Comparison


def run_of(seconds: float, *names: str, **values: Any) -> Run:
    """Return a run of one worker, with steps that took a tenth of it each."""
    spans = [make_activity("thread-cpu", seconds / 10, span=f"cell/{name}") for name in names]
    rest = seconds - sum(part.seconds for part in spans)
    return make_run(
        seconds=seconds,
        curve=(GB, 2 * GB),
        spans=(make_activity("idle", rest, context="idle"), *spans),
        steps=tuple(make_step(f"cell/{name}") for name in names),
        **values,
    )


def two(before: Run, after: Run, **values: Any) -> Comparison:
    one, other = make_profile(before, decimal=True), make_profile(after, decimal=True, **values)
    return Comparison(names=("old", "new"), before=one, after=other)


BOTH = two(
    run_of(10.0, "map_raster (line 3)", "map_raster (line 4)", "transform (line 5)", peak=2 * GB),
    run_of(5.0, "map_raster (line 2)", "write (line 9)", peak=GB),
)


def below(comparison: Comparison, width: int = 120) -> list[str]:
    """Return the lines below the answer."""
    answer, rest = comparison_report(comparison, width=width).split("\n\n", 1)
    assert answer.startswith("=> ")
    return rest.splitlines()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            (10.0, 10.1, 10.2, 10.3, 10.4),
            (5.0, 5.1, 5.2, 5.3, 5.4),
            "new is 2.0x faster with 1 worker, and needs 1.00 GB less per worker (1.9 to 2.1x)",
        ),
        (
            (5.0, 5.0, 5.0, 5.0),
            (10.0, 10.0, 10.0, 10.0),
            "new is 2.0x slower with 1 worker, and needs 1.00 GB less per worker (2.0 to 2.0x)",
        ),
        (
            (2.0,),
            (1.0,),
            "new was 2.0x faster with 1 worker, and needs 1.00 GB less per worker"
            " (1 repeat cannot prove it)",
        ),
        (
            (5.0, 5.0, 5.0, 5.0, 5.0),
            (5.0, 5.0, 5.0, 5.0, 5.0),
            "new takes the same time with 1 worker, and needs 1.00 GB less per worker",
        ),
        (
            (5.0, 6.0, 7.0),
            (5.5, 6.0, 6.5),
            "new was not measurably faster or slower with 1 worker, and needs 1.00 GB less per"
            " worker",
        ),
    ],
)
def test_it_begins_with_its_conclusion(
    before: tuple[float, ...], after: tuple[float, ...], told: str
) -> None:
    one, other = (
        make_profile(
            *(make_run(seconds=each, repeat=n, peak=peak) for n, each in enumerate(times, 1)),
            decimal=True,
        )
        for times, peak in ((before, 2 * GB), (after, GB))
    )
    comparison = Comparison(names=("old", "new"), before=one, after=other)
    assert comparison.answer.first == told
    assert comparison_report(comparison, width=200).startswith(f"=> {told}.")
    page = comparison_page(comparison)
    assert page.index("sdp-answer") < page.index("<table")


def test_text_has_the_ratios_of_each_count() -> None:
    headers, _, row = below(BOTH)[2:5]
    assert headers.split() == [
        *("workers", "old", "new", "speedup", "range", "verdict", "peak/worker", "memory", "tasks")
    ]
    assert row.split()[0] == "1"
    for cell in ("10.0 s", "5.00 s", "2.00x", "2.00 to 2.00", "2.00 GB -> 1.00 GB", "0.50x"):
        assert cell in row


def test_text_says_how_to_read_it() -> None:
    assert below(BOTH)[0] == "old against new"
    text = comparison_report(BOTH, width=200)
    assert "speedup: time of old over that of new" in text
    assert "; ?: cannot tell with 1 repeat" in text


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("2026-11-26T20:15:10+00:00", "2026-11-26T20:15:10+00:00", "old against new, run by turns"),
        (
            "2026-11-25T09:00:00+00:00",
            "2026-11-26T20:15:10+00:00",
            "old against new, measured 2026-11-25 09:00 and 2026-11-26 20:15",
        ),
    ],
)
def test_title_tells_when_the_two_were_measured(old: str, new: str, told: str) -> None:
    before, after = make_profile(run_of(2.0), created=old), make_profile(run_of(1.0), created=new)
    comparison = Comparison(names=("old", "new"), before=before, after=after)

    assert below(comparison)[0] == told


def test_narrow_text_keeps_the_ratios() -> None:
    text = comparison_report(BOTH, width=62)

    headers = below(BOTH, width=62)[2].split()
    assert headers == ["workers", "old", "new", "speedup", "verdict", "memory", "tasks"]
    assert max(map(len, text.splitlines())) <= 62


def test_text_draws_both_curves_on_one_axis() -> None:
    text = comparison_report(BOTH, width=120)

    strips = [line for line in text.splitlines() if "│" in line and "peak" in line]
    assert [line.partition("│")[0] for line in strips] == ["old, 1 w", "new, 1 w"]
    old, new = (line.count("█") + line.count("▇") for line in strips)
    assert 1.7 < old / new < 2.3


def test_steps_are_the_same_wherever_they_stand() -> None:
    headers, *rows = step_change_rows(BOTH)

    assert headers == ["step", "1 worker"]
    assert [[name.strip(), change] for name, change in rows] == [
        ["cell", "10.0 s -> 5.00 s (2.00x)"],
        ["map_raster", "1.00 s -> 500 ms (2.00x)"],
        ["map_raster (2)", "1.00 s -> –"],
        ["transform", "1.00 s -> –"],
        ["write", "– -> 500 ms"],
    ]


def test_what_is_not_alike_comes_first() -> None:
    lines = below(two(run_of(3.0), run_of(3.0), fused=False))

    assert lines[1] == "! Not alike: task fusion on against off"


def test_no_count_in_both_is_told() -> None:
    comparison = two(make_run(1), make_run(2))

    assert NOTHING_SHARED in comparison_report(comparison)
    assert NOTHING_SHARED in comparison_page(comparison)


def test_killed_count_shows_its_status() -> None:
    text = comparison_report(two(make_run(status="killed"), make_run()), width=120)

    assert "killed" in text


def test_page_escapes_and_has_the_plot() -> None:
    hostile = Comparison(names=("<b>old", "new"), before=BOTH.before, after=BOTH.after)
    html = comparison_page(hostile)

    assert "<b>old" not in html
    assert "&lt;b&gt;old" in html
    assert (
        html.count("<img") == 1
    )  # memory over time, folded; time and memory have their own output
    assert comparison_page(hostile, with_plot=True).count("<img") == 2
    assert html.count("<table") == 5
    HTMLParser().feed(html)


def test_display_gives_text_and_page() -> None:
    bundle = BOTH._repr_mimebundle_()

    assert bundle["text/plain"] == str(BOTH)
    assert bundle["text/html"].startswith('<div class="sdprofile')


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_ascii_where_standard_output_cannot_print_more(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert str(BOTH).isascii() is (encoding == "ascii")
    assert len(comparison_report(BOTH, width=70).splitlines()) == (
        len(comparison_report(BOTH, width=70, ascii_only=True).splitlines())
    )
