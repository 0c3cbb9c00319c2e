"""The plot shows every run, names each count at its curve's end, and cuts or hides no label."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import matplotlib.style
import pytest
from matplotlib._pylab_helpers import Gcf
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from profiles import GB, address, make_curve, make_profile, make_run

from sdprofile.model.run import Run
from sdprofile.render.page.picture import draw_png
from sdprofile.render.plots.memory import memory_plot
from sdprofile.results.profile import Profile

RAMP = (GB, 4 * GB)


def only_axes(figure: Figure) -> Axes:
    [axes] = figure.axes
    return axes


def drawn(profile: Profile) -> Axes:
    """Return the axes of a plot whose layout is done."""
    figure = memory_plot(profile)
    figure.draw_without_rendering()
    return only_axes(figure)


def labels(axes: Axes) -> list[Annotation]:
    return [text for text in axes.texts if isinstance(text, Annotation)]


def words(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def crosses(axes: Axes) -> list[Line2D]:
    return [line for line in axes.lines if line.get_marker() == "x"]


def curves(axes: Axes) -> list[Line2D]:
    return [line for line in axes.lines if line.get_transform() == axes.transData]


def limits(axes: Axes) -> list[float]:
    """Return the height of each line that goes across the whole plot."""
    across = [line for line in axes.lines if line.get_transform() != axes.transData]
    assert all(line.get_xdata() == [0, 1] for line in across)
    return [line.get_ydata()[0] for line in across]


def bands(axes: Axes) -> list[list[list[float]]]:
    """Return the corners of each band, without the last, which is the first again."""
    return [patch.get_xy()[:-1].tolist() for patch in axes.patches]


def make_uneven_run(workers: int = 2, **kwargs: Any) -> Run:
    """Return a run of 10 s whose first worker goes up to 4 GB; the others stay at 1 GB."""
    shares = [(GB, 4 * GB), *[(GB, GB)] * (workers - 1)]
    samples = [
        make_curve(share, source="sampler", worker=address(index))
        for index, share in enumerate(shares)
    ]
    return make_run(workers, curves=tuple(samples), **kwargs)


def test_curve_is_drawn_in_the_users_unit() -> None:
    run = make_run(seconds=10.0, curve=(2**30, 2**31))

    gigabytes, gibibytes = (drawn(make_profile(run, decimal=each)) for each in (True, False))

    assert gibibytes.lines[0].get_xydata().tolist() == [[0, 1], [10, 2]]
    assert gibibytes.get_ylabel() == "memory of the fullest worker [GiB]"
    assert gigabytes.lines[0].get_ydata()[1] == pytest.approx(2.147, abs=0.001)
    assert gigabytes.get_ylabel() == "memory of the fullest worker [GB]"


def test_each_count_is_named_at_its_end() -> None:
    axes = drawn(
        make_profile(
            make_run(1, seconds=12.0, curve=RAMP, memory_limit=None),
            make_run(2, seconds=6.0, curve=RAMP, memory_limit=None),
        )
    )

    assert words(axes) == ["1 worker", "2 workers"]
    assert [label.xy for label in labels(axes)] == [(12.0, 4.0), (6.0, 4.0)]


def test_counts_differ_in_colour_marker_and_line() -> None:
    lines = curves(drawn(make_profile(*[make_run(n, curve=RAMP) for n in (1, 2, 4, 8)])))

    assert [to_hex(line.get_color()).upper() for line in lines] == [
        *("#0072B2", "#D55E00", "#009E73", "#CC79A7")
    ]
    assert len({line.get_marker() for line in lines}) == 4
    assert len({line.get_linestyle() for line in lines}) == 4


def test_only_the_repeat_with_the_median_time_is_not_dimmed() -> None:
    runs = [make_run(seconds=seconds, curve=RAMP, memory_limit=None) for seconds in (9, 5, 6)]

    axes = drawn(make_profile(*runs))

    ends = {line.get_xdata()[-1]: line.get_alpha() for line in axes.lines}
    assert ends[6] == 1
    assert max(ends[5], ends[9]) < 0.5
    assert words(axes) == ["1 worker"]


def test_killed_run_ends_with_a_cross_and_the_word() -> None:
    run = make_run(seconds=8.0, curve=RAMP, status="killed", memory_limit=None)

    axes = drawn(make_profile(run))

    [cross] = crosses(axes)
    assert cross.get_xydata().tolist() == [[8, 4.9]]  # what its nanny saw
    assert words(axes) == ["1 worker, killed"]


def test_killed_repeat_of_a_count_that_finished_is_marked_too() -> None:
    runs = [
        make_run(seconds=10.0, curve=RAMP, memory_limit=None),
        make_run(seconds=4.0, curve=RAMP, status="killed", memory_limit=None),
    ]

    axes = drawn(make_profile(*runs))

    assert crosses(axes)[0].get_xdata()[0] == 4.0
    assert sorted(words(axes)) == ["1 worker", "killed"]


def test_run_that_was_interrupted_has_no_cross() -> None:
    axes = drawn(make_profile(make_run(curve=RAMP, status="interrupted", memory_limit=None)))

    assert crosses(axes) == []
    assert words(axes) == ["1 worker, interrupted"]


def test_limit_within_reach_is_drawn_across() -> None:
    axes = drawn(make_profile(make_run(1, curve=RAMP, memory_limit=5 * GB)))

    assert limits(axes) == [5.0]
    assert "limit per worker: 5.00 GB" in words(axes)
    assert axes.get_ylim()[1] > 5


def test_limit_that_all_counts_share_is_one_line() -> None:
    runs = [make_run(each, curve=RAMP, memory_limit=5 * GB) for each in (1, 2, 4)]

    axes = drawn(make_profile(*runs))

    assert limits(axes) == [5.0]
    assert sum("limit" in each for each in words(axes)) == 1


def test_limit_out_of_reach_does_not_squash_the_curves() -> None:
    axes = drawn(make_profile(make_run(1, curve=RAMP, memory_limit=6 * GB)))

    assert limits(axes) == []
    assert axes.get_ylim()[1] < 5


def test_limit_that_is_near_another_limit_only_is_not_drawn() -> None:
    runs = [
        make_run(1, curve=RAMP, memory_limit=5 * GB),
        make_run(2, curve=RAMP, memory_limit=6 * GB),
    ]

    assert limits(drawn(make_profile(*runs))) == [5.0]


def test_limit_is_labelled_at_the_right_within_the_axes() -> None:
    axes = drawn(make_profile(make_run(curve=RAMP, memory_limit=5 * GB)))

    [label] = [each for each in labels(axes) if "limit" in each.get_text()]
    box = label.get_window_extent()
    assert axes.bbox.x1 - 10 < box.x1 <= axes.bbox.x1
    assert box.y1 <= axes.bbox.y1


def test_band_reaches_from_the_fullest_worker_down_to_the_emptiest() -> None:
    axes = drawn(make_profile(make_uneven_run(2), make_run(1, curve=RAMP)))

    [band] = bands(axes)
    assert band == [[0, 1], [10, 4], [10, 1]]
    [patch] = axes.patches
    assert to_hex(patch.get_facecolor()).upper() == "#D55E00"
    assert patch.get_alpha() < 0.2


def test_one_worker_has_no_band() -> None:
    assert bands(drawn(make_profile(make_run(1, curve=RAMP)))) == []


def test_only_the_run_that_is_drawn_in_full_has_a_band() -> None:
    runs = [make_uneven_run(2, seconds=seconds) for seconds in (9.0, 5.0, 6.0)]

    assert len(bands(drawn(make_profile(*runs)))) == 1


@pytest.mark.parametrize(("counts", "shown"), [(4, 4), (5, 0)])
def test_more_bands_than_can_be_told_apart_are_left_out(counts: int, shown: int) -> None:
    runs = [make_uneven_run(workers) for workers in range(2, 2 + counts)]

    assert len(bands(drawn(make_profile(*runs)))) == shown


def test_band_of_long_curves_keeps_the_lowest_and_the_highest() -> None:
    high, low = [3 * GB] * 10_000, [2 * GB] * 10_000
    high[1234], low[5678] = 4 * GB, GB
    samples = [
        make_curve(each, source="sampler", worker=address(index))
        for index, each in enumerate((high, low))
    ]

    [band] = bands(drawn(make_profile(make_run(2, curves=tuple(samples)))))

    heights = [height for _, height in band]
    assert len(band) <= 800
    assert (min(heights), max(heights)) == (1, 4)


def test_both_axes_start_at_zero() -> None:
    axes = drawn(make_profile(make_run(curve=(3 * GB, 4 * GB))))

    assert (axes.get_xlim()[0], axes.get_ylim()[0]) == (0, 0)


@pytest.mark.parametrize("workers", [(1,), (1, 2, 4, 8), (1, 2, 3, 4, 5, 6, 7, 8)])
@pytest.mark.parametrize("status", ["ok", "killed"])
def test_labels_of_equal_curves_neither_overlap_nor_leave_the_axes(
    workers: tuple[int, ...], status: str
) -> None:
    runs = [make_run(each, curve=RAMP, status=status) for each in workers]

    axes = drawn(make_profile(*runs))

    boxes = [label.get_window_extent() for label in labels(axes)]
    assert len(boxes) >= len(workers)
    for index, box in enumerate(boxes):
        assert axes.bbox.x0 <= box.x0
        assert box.x1 <= axes.bbox.x1
        assert box.y1 <= axes.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:index])


def test_label_that_is_alone_stays_level_with_its_curve() -> None:
    [label] = labels(drawn(make_profile(make_run(curve=(4 * GB, 2 * GB), memory_limit=None))))

    assert label.xyann[1] == 0


def test_long_curve_is_drawn_with_400_points_and_its_spike() -> None:
    samples = [GB] * 10_000
    samples[1234] = 9 * GB

    [line] = drawn(make_profile(make_run(curve=samples, memory_limit=None))).lines

    assert len(line.get_xdata()) == 400
    assert max(line.get_ydata()) == 9


def test_markers_are_even_in_time() -> None:
    [line] = drawn(make_profile(make_run(seconds=10.0, curve=[GB] * 101))).lines

    marked = line.get_xdata()[line.get_markevery()]
    assert marked.tolist() == [2, 4, 6, 8, 10]


@pytest.mark.parametrize("curve", [[GB], [0], [0, 0]])
@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_least_that_can_be_drawn_is_drawn(curve: list[int], seconds: float) -> None:
    axes = drawn(make_profile(make_run(curve=curve, seconds=seconds)))

    assert "1 worker" in words(axes)
    assert axes.get_xlim()[1] >= max(seconds, 0.5)
    assert axes.get_ylim()[1] >= 1


@pytest.mark.parametrize("profile", [make_profile(), make_profile(empty=True)])
def test_nothing_sampled_is_said_in_the_axes(profile: Profile) -> None:
    assert words(drawn(profile)) == ["memory was not sampled"]


def test_own_axes_are_drawn_in() -> None:
    figure = Figure()
    _, right = figure.subplots(1, 2)

    assert memory_plot(make_profile(make_run(curve=RAMP)), ax=right) is figure
    assert len(curves(right)) == 1


def test_axes_of_a_subfigure_give_the_whole_figure() -> None:
    figure = Figure()
    axes = figure.subfigures(1, 2)[0].subplots()

    assert memory_plot(make_profile(make_run(curve=RAMP)), ax=axes) is figure


def test_profile_plot_is_this_plot() -> None:
    axes = Figure().subplots()

    figure = make_profile(make_run(curve=RAMP)).plot(ax=axes)

    assert figure is axes.figure
    assert len(curves(axes)) == 1


def test_pyplot_and_style_are_left_alone() -> None:
    before = dict(mpl.rcParams)

    draw_png(lambda: memory_plot(make_profile(make_run(curve=RAMP))))

    assert dict(mpl.rcParams) == before
    assert Gcf.get_all_fig_managers() == []
