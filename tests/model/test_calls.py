"""Calls within tasks: whose they are, and which are kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from traces import call_tree

from sdprofile.model.calls import CELL, CallTrees, Frame


def frame(name: str, module: str = "numpy") -> Frame:
    return Frame(name=name, module=module, line=1)


@pytest.mark.parametrize(
    ("function", "origin"),
    [
        (Frame(name="line 3", file=CELL, line=3), "cell"),
        (Frame(name="f", file="<dynamic-code>", line=3), "own"),
        (Frame(name="f", module="__main__", file="script.py", line=3), "own"),
        (Frame(name="sort", module="numpy._core.fromnumeric", line=3), "numpy"),
        (
            Frame(name="map_raster", module="spatialdata._core.map", line=3),
            "spatialdata",
        ),
        (Frame(name="wait", module="threading", line=3), "python"),
        (Frame(name="f", module="importlib._bootstrap", line=3), "python"),
    ],
)
def test_a_function_is_the_cells_the_users_pythons_or_of_a_package(
    function: Frame, origin: str
) -> None:
    assert function.origin == origin


def test_total_is_that_of_the_outermost_calls() -> None:
    assert call_tree("a", (0, 0, 2.0), (1, 1, 1.5), (2, 0, 1.0)).total == 3.0


def test_the_calls_that_took_most_are_kept_with_their_callers() -> None:
    frames = tuple(frame(name) for name in "abcd")
    trees = CallTrees(
        frames=frames,
        trees=(
            replace(call_tree("x", (0, 0, 5.0), (1, 1, 5.0), (2, 1, 0.1)), waiting=(3.0, 2.0, 0.1)),
            call_tree("y", (3, 0, 0.2), (2, 1, 0.1)),
            call_tree("z", (2, 0, 0.01)),
        ),
    )

    kept = trees.largest(3)

    told = {t.of: [(c.frame.name, c.depth, c.seconds) for c in kept.calls(t)] for t in kept.trees}
    assert told == {"x": [("a", 0, 5.0), ("b", 1, 5.0)], "y": [("d", 0, 0.2)]}
    assert [each.name for each in kept.frames] == ["a", "b", "d"]
    assert (len(kept), kept.left_out) == (3, 3)
    waiting = [[call.waiting for call in kept.calls(tree)] for tree in kept.trees]
    assert waiting == [[3.0, 2.0], [0.0]]
    assert [call.waits for call in kept.calls(kept.trees[0])] == [True, False]
    assert kept.largest(2).left_out == 4
    assert trees.largest(6) is trees
