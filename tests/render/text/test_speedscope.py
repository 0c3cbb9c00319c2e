"""Calls in speedscope's file format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from profiles import make_profile, make_run
from traces import call_tree, make_trace

from sdprofile.model.calls import CELL, CallTrees, Frame
from sdprofile.results.profile import Profile

FRAMES = (
    Frame(name="f", file="<dynamic-code>", line=3),
    Frame(name="sort", module="numpy", line=9),
    Frame(name="line 2", file=CELL, line=2),
)


SCHEMA = Path(__file__).parents[2] / "data" / "speedscope" / "file-format-schema.json"
"""That of speedscope 1.25."""


def exported(profile: Profile, folder: Path) -> dict[str, Any]:
    """Return the document that is exported, which is as the schema has it."""
    path = folder / "calls.speedscope.json"
    profile.export(path)
    document: dict[str, Any] = json.loads(path.read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    frames = document["shared"]["frames"]
    for each in document["profiles"]:
        assert (each["type"], each["unit"], each["startValue"]) == ("sampled", "seconds", 0)
        assert len(each["samples"]) == len(each["weights"])
        assert all(0 <= index < len(frames) for stack in each["samples"] for index in stack)
        assert all(weight > 0 for weight in each["weights"])
        assert each["endValue"] == pytest.approx(sum(each["weights"]))
    return document


def told(document: dict[str, Any]) -> dict[str, list[tuple[str, float]]]:
    """Return for each profile the stacks, with what they weigh."""
    names = [frame["name"] for frame in document["shared"]["frames"]]
    return {
        each["name"]: [
            (" ".join(names[index] for index in stack), weight)
            for stack, weight in zip(each["samples"], each["weights"], strict=True)
        ]
        for each in document["profiles"]
    }


def with_calls(workers: int, inside: CallTrees) -> Any:
    return make_run(workers, trace=replace(make_trace([1.0]), inside=inside))


def test_each_prefix_and_the_kernel_of_each_count_is_a_profile(tmp_path: Path) -> None:
    inside = CallTrees(
        frames=FRAMES,
        trees=(
            call_tree("add", (0, 0, 4.0), (1, 1, 2.5)),
            call_tree("kernel", (2, 0, 1.0), (1, 1, 1.0)),
        ),
    )

    document = exported(make_profile(with_calls(1, inside), with_calls(2, inside)), tmp_path)

    of_one = {
        "1 worker: add": [("f", 1.5), ("f sort", 2.5)],
        "1 worker: kernel": [("line 2 sort", 1.0)],
    }
    of_two = {name.replace("1 worker", "2 workers"): calls for name, calls in of_one.items()}
    assert told(document) == of_one | of_two
    assert document["shared"]["frames"] == [
        {"name": "f", "file": "<dynamic-code>", "line": 3},
        {"name": "sort", "file": "numpy", "line": 9},
        {"name": "line 2", "file": "the cell", "line": 2},
    ]
    assert document["name"] == "out.compute()"


def test_the_time_of_calls_that_are_left_out_is_told(tmp_path: Path) -> None:
    inside = CallTrees(
        frames=FRAMES, trees=(call_tree("add", (0, 0, 4.0), (1, 1, 2.5), (2, 2, 0.5)),)
    ).largest(2)

    document = exported(make_profile(with_calls(1, inside)), tmp_path)

    assert told(document) == {
        "1 worker: add": [
            ("f", 1.5),
            ("f sort", 2.0),
            ("f sort calls that took less", 0.5),
        ]
    }


def test_a_profile_without_calls_has_no_profiles(tmp_path: Path) -> None:
    assert exported(make_profile(), tmp_path)["profiles"] == []
