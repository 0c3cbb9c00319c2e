"""Tasks come back from a file as they were, take little of it, and damage is told."""

from __future__ import annotations

import json
import math
import random
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import make_profile, make_run
from traces import call_tree, make_trace

from sdprofile.errors import SdprofileError
from sdprofile.model.calls import MOST_CALLS, CallTrees, Frame
from sdprofile.model.measured import with_one_trace
from sdprofile.model.trace import Calls, Cores, Fetches, Spells, Trace
from sdprofile.results.packed import as_it_was, close_by, packed, unpacked
from sdprofile.results.profile import load

ticks = st.integers(-(10**6), 10**9)
times = (ticks.map(lambda tick: tick / 1e5) | st.just(math.inf)).map(float)


@given(st.lists(st.integers(-(2**62), 2**62 - 1)))
def test_whole_numbers_come_back(numbers: list[int]) -> None:
    assert list(unpacked(packed(array("q", numbers)), real=False)) == numbers


@given(st.lists(times))
def test_times_come_back(numbers: list[float]) -> None:
    assert list(unpacked(packed(array("d", numbers)), real=True)) == numbers


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """Draw tasks with any times and inputs."""
    size = draw(st.integers(0, 6))
    trace = make_trace(
        [1.0] * size,
        inputs={
            index: draw(st.lists(st.integers(0, size - 1), max_size=3)) for index in range(size)
        },
    )

    def some() -> array[float]:
        return array("d", draw(st.lists(times, min_size=size, max_size=size)))

    ended = some()
    begun = array(
        "d",
        [
            e if e == math.inf else b if b < math.inf else 0.0
            for b, e in zip(some(), ended, strict=True)
        ],
    )
    return replace(
        trace,
        order=array("i", draw(st.permutations(range(size)))),
        begun=begun,
        ended=ended,
        sent=draw(st.sampled_from((some(), array("d")))),
        released=some(),
        addresses=("a", "b"),
        fetches=Fetches(
            worker=array("i", [1]),
            task=array("i", [0]),
            begun=array("d", [0.5]),
            ended=array("d", [1.0]),
        ),
        pauses=Spells(
            worker=array("i", [0]), begun=array("d", [0.5]), ended=array("d", [math.inf])
        ),
        calls=Calls(
            begun=array("d", [0.0]),
            ended=array("d", [2.0]),
            sends=array("b", [2]),
            line=array("i", [3]),
            inner=array("i", [7]),
            function=array("i", [0]),
            functions=("f",),
        ),
        cores=(Cores(worker="a", cpus=2, step=0.1, used=(0.5, 1.0)),),
    )


@given(traces())
def test_tasks_come_back(trace: Trace) -> None:
    assert as_it_was(close_by(trace)) == trace


def realistic(size: int) -> Trace:
    """Return tasks of 1 ms each with all the noise of real ones, every fourth reading three."""
    noise = random.Random(0)
    trace = make_trace(
        [0.001 * noise.lognormvariate(0.0, 0.5) for _ in range(size)],
        overhead=0.0001,
        inputs={index: range(index - 3, index) for index in range(3, size, 4)},
        workers=2,
    )

    def later(times: array[float]) -> array[float]:
        return array("d", [round(each + noise.expovariate(100.0), 5) for each in times])

    return replace(
        trace,
        begun=array("d", [round(each, 5) for each in trace.begun]),
        ended=later(trace.begun),
        sent=array("d", [-each for each in later(array("d", [-each for each in trace.begun]))]),
        released=later(trace.ended),
        worker=array("i", [noise.randrange(2) for _ in range(size)]),
    )


def test_ten_thousand_tasks_take_less_than_a_megabyte(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    profile = make_profile(*(make_run(count, trace=realistic(10_000)) for count in (1, 2, 4)))
    profile.save(path)
    assert path.stat().st_size < 1_000_000
    assert load(path) == profile


def many_calls(size: int) -> CallTrees:
    """Return calls of as many functions, whose names are as long as real ones."""
    frames = [
        Frame(name=f"_function_number_{n}", module=f"a_package._core.module_{n}", line=1000 + n)
        for n in range(size)
    ]
    calls = [(n, min(n, 40), round((size - n) / 1000, 3)) for n in range(size)]
    tree = call_tree("a", *calls)
    waiting = tuple(round(each / 3, 3) for each in tree.seconds)
    return CallTrees(frames=tuple(frames), trees=(replace(tree, waiting=waiting),))


@pytest.mark.parametrize("counts", [1, 5])
def test_calls_take_a_hundred_kilobytes_at_most(counts: int, tmp_path: Path) -> None:
    trace = make_trace([1.0])
    inside = replace(trace, inside=many_calls(2 * MOST_CALLS))
    path = tmp_path / "profile.json"
    sizes = []
    for each in (trace, inside):
        runs = with_one_trace([make_run(count + 1, trace=each) for count in range(counts)])
        profile = make_profile(*runs)
        profile.save(path)
        assert load(path) == profile
        sizes.append(path.stat().st_size)
    assert 50_000 < sizes[1] - sizes[0] < 100_000


def damaged(name: str, value: Any, path: Path) -> None:
    """Write a profile of which one field of the tasks is another."""
    make_profile(make_run(trace=make_trace([1.0, 2.0], inputs={1: [0]}))).save(path)
    document = json.loads(path.read_text())
    document["profile"]["runs"][0]["trace"][name] = value
    path.write_text(json.dumps(document))


def of_tree(**other: list[int]) -> dict[str, Any]:
    """Return a tree of one call as a file has it, but for one field."""
    tree = {"of": "a", "samples": 1, "frame": [0], "depth": [0], "seconds": [1], "own": [1]}
    return {"frames": [{"name": "f", "line": 1}], "trees": [tree | other]}


def of_calls(**other: list[int]) -> dict[str, Any]:
    """Return one call of the kernel as a file has it, with arrays of whole numbers."""
    times = {name: packed(array("d", [1.0])) for name in ("begun", "ended")}
    numbers = {"sends": [2], "line": [1], **other}
    return times | {name: packed(array("i", each)) for name, each in numbers.items()}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("begun", "text", "other than an array"),
        ("begun", [2, 3, "eA=="], "an array of no known size"),
        ("begun", [10**12, 1, "eA=="], "an array of no known size"),
        ("begun", [2, 1, "AAAA"], "an array that is damaged"),
        ("begun", packed(array("d", [1.0])), "begun of another number of tasks"),
        ("begun", [9, *packed(array("d", [1.0, 2.0]))[1:]], "of another length than it says"),
        ("order", packed(array("i", [1, 1])), "an order with two tasks in one place"),
        ("order", packed(array("i", [0, 2])), "order of something that is not there"),
        ("group", packed(array("i", [0, 1])), "group of something that is not there"),
        ("first_input", packed(array("i", [0, 3])), "inputs of another number of tasks"),
        ("inside", of_tree(frame=[1]), "a call of something that is not there"),
        ("inside", of_tree(depth=[1]), "a call within none"),
        ("inside", of_tree(own=[]), "calls with unequal numbers of times"),
        ("inside", of_tree(waiting=[1, 1]), "calls of which some wait for a time"),
        ("calls", of_calls(inner=[1]), "calls with unequal numbers of lines"),
        ("calls", of_calls(inner=[1], function=[0]), "a call within a function that is not there"),
        ("inputs", packed(array("i", [5])), "a task that reads what is none"),
    ],
)
def test_damage_is_told_in_one_line(name: str, value: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged.json"
    damaged(name, value, path)
    with pytest.raises(SdprofileError, match=words):
        load(path)
