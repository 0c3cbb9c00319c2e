"""The heaviest calls: those that tell something."""

from __future__ import annotations

from dataclasses import replace

import pytest
from profiles import make_run
from traces import call_tree, make_trace

from sdprofile.explain.calls import heavy_paths
from sdprofile.model.calls import CELL, CallTree, CallTrees, Frame
from sdprofile.model.run import Run

CALL, HELPER, SORT, INNER, LINE, SLEEP = range(6)
FRAMES = (
    Frame(name="__call__", module="dask._task_spec", line=1),
    Frame(name="helper", file="<dynamic-code>", line=3),
    Frame(name="sort", module="numpy", line=9),
    Frame(name="_inner", module="numpy._core", line=9),
    Frame(name="line 2", file=CELL, line=2),
    Frame(name="sleep", module="time", line=1),
)


def run_with(*trees: CallTree, seconds: float = 10.0, **kwargs: int) -> Run:
    trace = replace(make_trace([seconds]), inside=CallTrees(frames=FRAMES, trees=trees))
    return make_run(seconds=seconds, trace=trace, **kwargs)


def many(tree: CallTree, samples: int = 500) -> CallTree:
    return replace(tree, samples=samples)


def told(run: Run) -> dict[str, list[tuple[str, float]]]:
    return {
        path.of: [(frame.name, round(share, 2)) for frame, share in path.steps]
        for path in heavy_paths(run)
    }


def test_the_path_goes_where_most_time_went_and_leaves_out_what_only_leads_there() -> None:
    tree = call_tree(
        "add", (CALL, 0, 8.0), (HELPER, 1, 6.0), (SORT, 2, 5.0), (INNER, 3, 4.0), (SORT, 1, 2.0)
    )

    assert told(run_with(many(tree))) == {
        "add": [("helper", 0.75), ("sort", 0.62), ("_inner", 0.5)]
    }


def test_the_path_ends_where_no_call_takes_much() -> None:
    tree = call_tree("add", (HELPER, 0, 8.0), (SORT, 1, 2.0), (INNER, 1, 2.0), (SLEEP, 1, 2.0))

    assert told(run_with(many(tree))) == {"add": [("helper", 1.0)]}


@pytest.mark.parametrize(
    "tree",
    [
        many(call_tree("add", (CALL, 0, 8.0))),  # in dask itself
        many(call_tree("add", (HELPER, 0, 8.0)), samples=5),
        many(call_tree("add", (HELPER, 0, 0.9))),
        many(call_tree("kernel", (LINE, 0, 0.9))),
    ],
)
def test_what_says_nothing_is_no_path(tree: CallTree) -> None:
    assert told(run_with(tree)) == {}


def test_time_of_tasks_counts_against_all_threads_and_that_of_the_kernel_against_one() -> None:
    trees = [many(call_tree(of, (HELPER, 0, 3.0))) for of in ("add", "kernel")]

    assert list(told(run_with(*trees, threads=4))) == ["kernel"]
    assert list(told(run_with(*trees, threads=1))) == ["add", "kernel"]


def test_three_prefixes_at_most() -> None:
    trees = [many(call_tree(name, (HELPER, 0, 2.0))) for name in "abcd"]

    assert list(told(run_with(*trees))) == ["a", "b", "c"]


def test_a_long_path_keeps_its_ends() -> None:
    names = [HELPER, SORT, HELPER, SORT, HELPER, SORT, HELPER, SORT]
    tree = call_tree("add", *((each, depth, 8.0 - depth / 2) for depth, each in enumerate(names)))

    path = told(run_with(many(tree)))["add"]

    assert [round(8 * share, 1) for _, share in path] == [8.0, 7.5, 5.5, 5.0, 4.5]


def test_a_run_without_samples_has_none() -> None:
    assert heavy_paths(make_run()) == ()
    assert told(run_with()) == {}
