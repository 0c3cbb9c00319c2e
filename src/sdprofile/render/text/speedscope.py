"""What was called within the tasks and the kernel, as a file that speedscope shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sdprofile.model.calls import CELL

if TYPE_CHECKING:
    from sdprofile.model.calls import CallTree, CallTrees, Frame
    from sdprofile.model.measured import Measured

SMALLER = "calls that took less"
"""Stands for calls that are left out of a profile."""

_LEAST = 0.0015
"""Seconds that calls which are left out take at least: times are kept to 1 ms."""


def speedscope(profile: Measured) -> bytes:
    """Return the calls of the run that stands for each worker count, in speedscope's format.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    bytes
        JSON, with a sampled profile in seconds for each prefix, and one for the kernel.

    Notes
    -----
    The format: https://www.speedscope.app/file-format-schema.json.
    """
    index: dict[tuple[str, str, int], int] = {}
    profiles = [
        {"name": f"{profile.varied.name(run.setting)}: {tree.of}", **_sampled(inside, tree, index)}
        for run in profile.traced_runs
        if run.trace is not None
        for inside in (run.trace.inside,)
        for tree in inside.trees
    ]
    document = {
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": "sdprofile",
        "name": profile.code.strip().partition("\n")[0],
        "activeProfileIndex": 0,
        "shared": {"frames": [_shared(*each) for each in index]},
        "profiles": profiles,
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")


def _sampled(
    inside: CallTrees, tree: CallTree, index: dict[tuple[str, str, int], int]
) -> dict[str, Any]:
    """Return a tree as stacks with weights; the functions are added to the index."""
    samples: list[list[int]] = []
    weights: list[float] = []

    def add(stack: list[int], seconds: float) -> None:
        samples.append(stack)
        weights.append(round(seconds, 3))

    calls = list(inside.calls(tree))
    left = [call.seconds - call.own for call in calls]
    path: list[int] = []
    for place, call in enumerate(calls):
        del path[call.depth :]
        if path:
            left[path[-1]] -= call.seconds
        path.append(place)
    stack: list[int] = []
    for call, rest in zip(calls, left, strict=True):
        del stack[call.depth :]
        stack.append(index.setdefault(_key(call.frame), len(index)))
        if call.own:
            add([*stack], call.own)
        if rest > _LEAST:
            add([*stack, index.setdefault((SMALLER, "", 0), len(index))], rest)
    return {
        "type": "sampled",
        "unit": "seconds",
        "startValue": 0,
        "endValue": round(sum(weights), 3),
        "samples": samples,
        "weights": weights,
    }


def _key(frame: Frame) -> tuple[str, str, int]:
    return frame.name, "the cell" if frame.file == CELL else frame.module or frame.file, frame.line


def _shared(name: str, file: str, line: int) -> dict[str, Any]:
    return {"name": name, **({"file": file} if file else {}), **({"line": line} if line else {})}
