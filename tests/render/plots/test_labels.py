"""Labels keep near their curves' ends, in order, and hide none of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from sdprofile.render.plots.labels import CurveLabel, figure_of, place_labels


def axes() -> Axes:
    """Return axes from 0 to 1 both ways, 500 pixels wide and 400 high."""
    figure = Figure(figsize=(5, 4), dpi=100)
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 1), ylim=(0, 1))
    return ax


def placed(ax: Axes, ends: Sequence[tuple[float, float]]) -> list[Annotation]:
    labels = [CurveLabel(text="2 workers", x=x, y=y, colour="#000000") for x, y in ends]
    place_labels(ax, labels, around=[])
    return [text for text in ax.texts if isinstance(text, Annotation)]


def boxes(texts: Sequence[Annotation]) -> list[Bbox]:
    return [text.get_window_extent() for text in texts]


@pytest.mark.parametrize("heights", [(0.99, 0.97, 0.95, 0.93), (0.07, 0.05, 0.03, 0.01)])
def test_crowded_labels_keep_the_order_of_their_curves(heights: tuple[float, ...]) -> None:
    found = boxes(placed(axes(), [(0.5, height) for height in heights]))

    assert [box.y0 for box in found] == sorted((box.y0 for box in found), reverse=True)


def test_label_that_is_in_nobodys_way_stays_level_with_its_end() -> None:
    texts = placed(axes(), [(0.2, 0.5), (0.6, 0.5)])

    assert [text.xyann[1] for text in texts] == [0, 0]


def test_label_makes_way_for_an_end_behind_its_own() -> None:
    ax = axes()

    first, second = placed(ax, [(0.2, 0.5), (0.28, 0.5)])

    assert first.xyann[1] != 0
    assert second.xyann[1] == 0


def test_axis_is_widened_until_the_label_fits() -> None:
    ax = axes()

    [box] = boxes(placed(ax, [(1.0, 0.5)]))

    assert ax.get_xlim()[1] > 1
    assert ax.bbox.x1 - 10 < box.x1 <= ax.bbox.x1


def test_axis_with_room_is_left_alone() -> None:
    ax = axes()

    placed(ax, [(0.2, 0.5)])

    assert ax.get_xlim() == (0, 1)


def test_text_that_is_there_is_not_covered() -> None:
    ax = axes()
    there = ax.text(0.5, 0.5, "limit of 1 worker", verticalalignment="center")

    place_labels(ax, [CurveLabel(text="1 worker", x=0.5, y=0.5, colour="#000000")], around=[there])

    label = ax.texts[-1]
    assert label is not there
    assert not label.get_window_extent().overlaps(there.get_window_extent())


fractions = st.floats(0.05, 0.95)
AXES = axes()
"""Of all examples: to make new ones takes longer than what is tried with them."""


@given(ends=st.lists(st.tuples(fractions, fractions), min_size=1, max_size=6))
@settings(max_examples=30)
def test_labels_cover_neither_each_other_nor_an_end(ends: list[tuple[float, float]]) -> None:
    ax = AXES
    ax.set(xlim=(0, 1))
    for text in list(ax.texts):
        text.remove()

    found = boxes(placed(ax, ends))

    for index, box in enumerate(found):
        assert not any(box.overlaps(other) for other in found[:index])
        assert not any(box.contains(*ax.transData.transform(end)) for end in ends)


def test_figure_of_nested_subfigures_is_the_one_at_the_top() -> None:
    figure = Figure()
    inner = figure.subfigures(1, 2)[0].subfigures(1, 2)[0].subplots()

    assert figure_of(inner) is figure
