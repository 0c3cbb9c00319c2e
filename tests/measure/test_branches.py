"""Trees of calls are put together, and samples become seconds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sdprofile.measure.branches import Branch, call_trees, frame_named
from sdprofile.model.calls import CallTrees, Frame

A, B, C = (Frame(name=name, module="m", line=1) for name in "abc")

paths = st.lists(
    st.tuples(st.lists(st.sampled_from((A, B, C)), min_size=1, max_size=4), st.integers(1, 5))
)


class Kernel:
    """What was seen of a kernel."""

    def __init__(self) -> None:
        self.calls, self.looks = Branch(), 0


def branch_of(samples: list[tuple[list[Frame], int]]) -> Branch:
    branch = Branch()
    for path, weight in samples:
        branch.add(path, weight)
    return branch


def told(trees: CallTrees) -> dict[str, list[tuple[str, int, float, float]]]:
    return {
        tree.of: [(c.frame.name, c.depth, c.seconds, c.own) for c in trees.calls(tree)]
        for tree in trees.trees
    }


def test_a_sample_counts_for_all_calls_and_as_own_for_the_innermost() -> None:
    branch = branch_of([([A, B], 2), ([A], 1), ([C], 4)])

    assert list(branch.rows()) == [(0, C, 4, 4, 0), (0, A, 3, 1, 0), (1, B, 2, 2, 0)]


def test_a_call_waits_with_all_that_it_calls() -> None:
    branch = Branch()
    for path, weight, waits in (
        ([A, B, C], 2, True),
        ([A, B], 4, False),
        ([A, C], 1, True),
        ([A], 1, True),
        ([C], 3, False),
    ):
        branch.add(path, weight, waits=waits)

    trees = call_trees({"a": branch}, Kernel(), seconds={"a": 11.0})

    [tree] = trees.trees
    waiting = {
        (call.frame.name, call.depth): (call.seconds, call.waiting) for call in trees.calls(tree)
    }
    assert waiting == {
        ("a", 0): (8.0, 4.0),
        ("b", 1): (6.0, 2.0),
        ("c", 2): (2.0, 2.0),
        ("c", 1): (1.0, 1.0),
        ("c", 0): (3.0, 0.0),
    }
    [none] = call_trees({"a": branch_of([([A], 1)])}, Kernel(), seconds={}).trees
    assert none.waiting == ()


@given(paths, paths)
def test_trees_of_two_workers_are_as_if_one_had_seen_all(
    some: list[tuple[list[Frame], int]], others: list[tuple[list[Frame], int]]
) -> None:
    merged = Branch()
    for samples in (some, others):
        merged.merge(branch_of(samples).rows())

    both = branch_of([*some, *others])
    assert sorted(merged.rows(), key=repr) == sorted(both.rows(), key=repr)
    assert merged.weight == both.weight


def test_samples_stand_for_the_thread_time_of_their_tasks() -> None:
    kernel = Kernel()
    kernel.calls.add([C], 0.25)
    kernel.looks = 5
    tasks = {"short": branch_of([([A], 1)]), "long": branch_of([([A, B], 3), ([A], 1)])}

    trees = call_trees(tasks, kernel, seconds={"long": 8.0})

    assert told(trees) == {
        "long": [("a", 0, 8.0, 2.0), ("b", 1, 6.0, 6.0)],
        "short": [("a", 0, 0.01, 0.01)],  # as dask samples, where the time is not known
        "kernel": [("c", 0, 0.25, 0.25)],
    }
    assert [tree.samples for tree in trees.trees] == [4, 1, 5]
    assert trees.frames == (A, B, C)


def test_lines_of_functions_are_told_in_seconds_over_all_prefixes() -> None:
    tasks = {"a": branch_of([([A], 4)]), "b": branch_of([([A, B], 2)])}
    lines = {"a": {("f", 3): 3, ("f", 4): 1}, "b": {("f", 3): 2}}

    trees = call_trees(
        tasks,
        Kernel(),
        seconds={"a": 8.0, "b": 1.0},
        lines=lines,
        text_of=lambda function, line: f"{function} {line}",
    )

    assert [(each.function, each.line, each.text, each.seconds) for each in trees.lines] == [
        ("f", 3, "f 3", 7.0),
        ("f", 4, "f 4", 2.0),
    ]
    assert trees.largest(1).lines == trees.lines


def test_nothing_seen_is_no_tree() -> None:
    assert call_trees({"a": Branch()}, Kernel(), seconds={}) == CallTrees()


def test_a_file_is_told_where_no_module_is() -> None:
    library = frame_named("sort", module="numpy", file="/lib/numpy/x.py", line=3)
    own = frame_named("f" * 99, module="", file="<dynamic-code>", line=3)

    assert (library.file, own.file, own.name) == ("", "<dynamic-code>", "f" * 60)
