"""The plot of speedups shows each run, the ideal, and the counts that failed."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from profiles import make_profile, make_run

from sdprofile.render.plots.speedup import speedup_plot
from sdprofile.results.profile import Profile


def drawn(profile: Profile) -> Axes:
    [axes] = speedup_plot(profile).axes
    return axes


def heights(line: Line2D) -> list[float]:
    return [float(height) for height in line.get_ydata()]


def test_each_run_is_a_circle_beside_the_median() -> None:
    axes = drawn(
        make_profile(
            make_run(1, seconds=12.0),
            *(make_run(2, seconds=s, repeat=n) for n, s in enumerate((4.0, 6.0, 8.0))),
        )
    )

    of_two = [line for line in axes.lines if line.get_gid() == "sdp-of sdp-w2"]
    assert [heights(line) for line in of_two] == [[3.0, 2.0, 1.5], [2.0]]


def test_ideal_goes_with_the_workers() -> None:
    axes = drawn(make_profile(make_run(2, seconds=6.0), make_run(6, seconds=3.0)))

    [ideal] = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert heights(ideal) == [1.0, 3.0]
    assert axes.get_ylabel() == "speedup over 2 workers"
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")  # where the ideal is straight


def test_count_that_never_finished_is_a_cross_with_its_status() -> None:
    axes = drawn(make_profile(make_run(1, status="killed"), make_run(2), make_run(4, seconds=6.0)))

    [cross] = [line for line in axes.lines if line.get_marker() == "x"]
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (1, 0)
    assert cross.get_transform() == axes.get_xaxis_transform()
    assert "killed" in [text.get_text() for text in axes.texts]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "4"]
