"""A slope plot goes from before, at the left, to after, in the colours and markers of a profile."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from profiles import GB, make_profile, make_run

from sdprofile.render.palette import mark
from sdprofile.render.plots.slope import slope_plot
from sdprofile.results.comparison import Comparison
from sdprofile.results.profile import Profile


def profile_of(factor: float, *, peak: int, repeats: int = 5, **values: Any) -> Profile:
    runs = [
        make_run(workers, repeat=n, seconds=factor * (1 + n / 100) / workers, peak=peak, **values)
        for workers in (1, 2, 4)
        for n in range(repeats)
    ]
    return make_profile(*runs, repeats=repeats)


def compared(repeats: int = 5) -> Comparison:
    before = profile_of(10.0, peak=2 * GB, repeats=repeats)
    after = profile_of(5.0, peak=GB, repeats=repeats)
    return Comparison(names=("before", "after"), before=before, after=after)


def test_before_is_left_of_after_and_time_left_of_memory() -> None:
    times, peaks = slope_plot(compared()).axes
    for ax in (times, peaks):
        assert [text.get_text() for text in ax.get_xticklabels()] == ["before", "after"]
        left, right = ax.get_xticks()
        assert left < right
    assert (times.get_ylabel(), peaks.get_ylabel()) == ("time [s]", "peak/worker [GB]")


def test_each_count_is_a_line_in_its_colour_and_marker() -> None:
    times, peaks = slope_plot(compared()).axes
    for ax, ends in ((times, [(10.2, 5.1), (5.1, 2.55), (2.55, 1.275)]), (peaks, [(2, 1)] * 3)):
        lines = [line for line in ax.lines if line.get_linewidth() == 1.9]
        assert [tuple(line.get_ydata()) for line in lines] == [pytest.approx(e) for e in ends]
        looks = [(line.get_color(), line.get_marker()) for line in lines]
        assert looks == [(mark(index).colour, mark(index).marker) for index in range(3)]


def test_runs_are_circles_and_the_interval_a_bar() -> None:
    times, _ = slope_plot(compared()).axes
    circles = [line for line in times.lines if line.get_fillstyle() == "none"]
    assert [len(line.get_ydata()) for line in circles] == [5] * 6
    bars = [line for line in times.lines if line.get_marker() == "_"]
    comparison = compared()
    for bar, change in zip(bars, comparison.counts, strict=True):
        assert change.verdict is not None
        assert change.verdict.interval is not None
        assert change.before.timing is not None
        low, high = change.verdict.interval
        median = change.before.timing.median
        assert sorted(bar.get_ydata()) == pytest.approx([median / high, median / low])
        assert len(set(bar.get_xdata())) == 1


def test_too_few_repeats_have_no_bar() -> None:
    times, _ = slope_plot(compared(repeats=2)).axes
    assert not [line for line in times.lines if line.get_marker() == "_"]


def test_labels_of_equal_ends_do_not_overlap() -> None:
    _, peaks = slope_plot(compared()).axes
    peaks.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in peaks.texts]
    assert len(boxes) == 3
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_count_that_was_killed_is_a_cross() -> None:
    killed = profile_of(10.0, peak=2 * GB, repeats=1, status="killed")
    after = profile_of(5.0, peak=GB, repeats=1)
    times, _ = slope_plot(Comparison(names=("a", "b"), before=killed, after=after)).axes
    crosses = [line for line in times.lines if line.get_marker() == "x"]
    assert [tuple(line.get_ydata()) for line in crosses] == [(0.0,)] * 3
    assert [text.get_text() for text in times.texts] == ["1 worker", "2 workers", "4 workers"]


def test_times_are_drawn_into_the_axes_of_the_user() -> None:
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert compared().plot(ax=ax) is ax.figure
    assert len(ax.figure.axes) == 1


def test_peaks_that_are_not_known_are_said_to_be() -> None:
    profile = make_profile(make_run(peak=None))
    _, peaks = slope_plot(Comparison(names=("a", "b"), before=profile, after=profile)).axes
    assert [text.get_text() for text in peaks.texts] == ["not known"]
