"""Calls to scale: how wide each is, below what, and what is left out."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from traces import call_tree

from sdprofile.model.calls import CELL, CallTree, CallTrees, Frame
from sdprofile.render.plots.icicle import icicle_plot

CALL, HELPER, SORT, LINE = range(4)
FRAMES = (
    Frame(name="__call__", module="dask._task_spec", line=1),
    Frame(name="helper", file="<dynamic-code>", line=3),
    Frame(name="sort", module="numpy", line=9),
    Frame(name="line 2", file=CELL, line=2),
)


def drawn(*trees: CallTree) -> Figure:
    return icicle_plot(CallTrees(frames=FRAMES, trees=trees))


def bars(figure: Figure) -> list[tuple[float, float, float]]:
    """Return where each bar begins and ends, and in which row it is, row by row."""
    [ax] = figure.axes
    found = []
    for each in ax.collections:
        assert isinstance(each, PolyCollection)
        for path in each.get_paths():
            (left, low), (right, _) = path.vertices.min(axis=0), path.vertices.max(axis=0)
            found.append((float(low), round(float(left), 6), round(float(right), 6)))
    return sorted(found)


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_each_call_is_as_wide_as_its_time_and_below_its_caller() -> None:
    figure = drawn(
        call_tree("add", (CALL, 0, 8.0), (HELPER, 1, 6.0), (SORT, 2, 5.0), (SORT, 1, 2.0)),
        call_tree("kernel", (LINE, 0, 2.0)),
    )

    assert bars(figure) == [
        (0, 0.0, 8.0),  # the prefix
        (0, 8.0, 10.0),  # the kernel
        (1, 0.0, 6.0),  # helper; what only leads there has no row
        (1, 6.0, 8.0),  # sort
        (1, 8.0, 10.0),  # the line
        (2, 0.0, 5.0),  # sort, from helper
    ]
    assert figure.axes[0].get_xlim() == (0, 10.0)
    assert sorted(words(figure)) == sorted(
        ["add", "in the kernel", "helper", "sort", "sort", "line 2"]
    )


def test_the_legend_tells_whose_the_functions_are() -> None:
    figure = drawn(call_tree("add", (HELPER, 0, 6.0), (SORT, 1, 5.0)))

    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["own", "numpy"]


def test_a_call_of_dask_that_takes_time_by_itself_has_a_row() -> None:
    figure = drawn(call_tree("add", (CALL, 0, 6.0), (SORT, 1, 3.0)))

    assert bars(figure) == [(0, 0.0, 6.0), (1, 0.0, 6.0), (2, 0.0, 3.0)]


def test_rows_of_narrow_calls_alone_are_left_out() -> None:
    figure = drawn(call_tree("add", (HELPER, 0, 6.0), (SORT, 1, 0.1), (HELPER, 2, 0.1)))

    assert bars(figure) == [(0, 0.0, 6.0), (1, 0.0, 6.0)]


def test_a_bar_tells_its_function_with_time_and_share() -> None:
    figure = drawn(call_tree("add", (HELPER, 0, 6.0), (SORT, 1, 3.0)))

    told = {url for each in figure.axes[0].collections for url in each.get_urls() or ()}
    assert any(url.endswith("sort (numpy:9): 3.00 s, 50%") for url in told)


def test_a_call_that_mostly_waits_is_lighter_and_says_so() -> None:
    tree = call_tree("add", (HELPER, 0, 6.0), (SORT, 1, 3.0))
    figure = drawn(replace(tree, waiting=(2.0, 2.0)))

    told = [url for each in figure.axes[0].collections for url in each.get_urls() or ()]
    assert any(url.endswith("sort (numpy:9): 3.00 s, 50%, waiting") for url in told)
    assert any(url.endswith("helper (<dynamic-code>:3): 6.00 s, 100%") for url in told)
    colours = {to_hex(each.get_facecolor()[0]) for each in figure.axes[0].collections}
    assert {"#0072b2", "#bbe1f6"} <= colours  # own, and numpy's #56b4e9 with 0.6 of white
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["own", "numpy", "lighter: waiting"]
