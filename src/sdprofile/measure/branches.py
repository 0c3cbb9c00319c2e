"""Trees of calls while they grow: samples are added, and what workers tell is put together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

from sdprofile.model.calls import (
    KERNEL,
    MOST_CALLS,
    MOST_LINES,
    CallTree,
    CallTrees,
    Frame,
    TaskLine,
)

INTERVAL = 0.01
"""Seconds between two samples as dask takes them, unless it is configured otherwise
(``distributed.worker.profile.interval``)."""

_NAME = 60
"""Characters of a function's name that are kept."""

_TEXT = 80
"""Characters of a line that are kept."""

Row = tuple[int, Frame, float, float, float]
"""A call: how many calls it is within, the function, its weight with and without what it called,
and the part of the latter in which it waited."""


class Looks(Protocol):
    """What was seen of the kernel."""

    calls: Branch
    """The calls, in seconds."""

    looks: int
    """How often it was looked at."""


class Branch:
    """A call, and what it called."""

    __slots__ = ("calls", "own", "waiting", "weight")

    def __init__(self) -> None:
        self.weight = self.own = self.waiting = 0.0
        self.calls: dict[Frame, Branch] = {}

    def add(self, path: Iterable[Frame], weight: float, *, waits: bool = False) -> None:
        """Add a sample: the calls from the outermost to the innermost, and what it counts."""
        branch = self
        branch.weight += weight
        for frame in path:
            branch = branch.called(frame)
            branch.weight += weight
        branch.own += weight
        branch.waiting += weight * waits

    def called(self, frame: Frame) -> Branch:
        """Return the call of a function from here, a new one the first time."""
        found = self.calls.get(frame)
        if found is None:
            found = self.calls[frame] = Branch()
        return found

    def merge(self, rows: Iterable[Row]) -> None:
        """Add another tree, as `rows` gave it."""
        path = [self]
        for depth, frame, weight, own, waiting in rows:
            del path[depth + 1 :]
            if not depth:
                self.weight += weight
            path.append(path[-1].called(frame))
            path[-1].weight += weight
            path[-1].own += own
            path[-1].waiting += waiting

    def rows(self, depth: int = 0) -> Iterator[Row]:
        """Yield what it called, after each what that called, the largest first."""
        for frame, branch in sorted(self.calls.items(), key=lambda item: -item[1].weight):
            yield depth, frame, branch.weight, branch.own, branch.waiting
            yield from branch.rows(depth + 1)


def call_trees(
    tasks: Mapping[str, Branch],
    kernel: Looks,
    *,
    seconds: Mapping[str, float],
    lines: Mapping[str, Mapping[tuple[str, int], int]] = MappingProxyType({}),
    text_of: Callable[[str, int], str] = lambda function, line: "",
) -> CallTrees:
    """Return trees in seconds.

    Parameters
    ----------
    tasks
        For each prefix of the tasks what its threads were seen in, in samples.
    kernel
        What the kernel was seen in, in seconds.
    seconds
        Thread time of each prefix, where it is known: what the samples of a prefix stand for.
    lines
        For each prefix the samples in lines of the user's functions, by function and number.
    text_of
        Returns what is written in a line of a function; empty where that is not known.
    """
    index: dict[Frame, int] = {}
    scale = {
        prefix: (seconds.get(prefix, 0.0) / branch.weight) or INTERVAL
        for prefix, branch in tasks.items()
        if branch.weight
    }
    trees = [
        _tree(
            prefix,
            branch,
            index,
            samples=round(branch.weight),
            scale=scale[prefix],
        )
        for prefix, branch in tasks.items()
        if branch.weight
    ]
    trees.sort(key=lambda tree: -tree.total)
    if kernel.calls.weight:
        trees.append(_tree(KERNEL, kernel.calls, index, samples=kernel.looks, scale=1.0))
    within: defaultdict[tuple[str, int], float] = defaultdict(float)
    for prefix, counts in lines.items():
        for place, count in counts.items():
            within[place] += count * scale.get(prefix, INTERVAL)
    longest = sorted(within.items(), key=lambda item: -item[1])[:MOST_LINES]
    own = (
        TaskLine(
            function=function,
            line=line,
            text=text_of(function, line)[:_TEXT],
            seconds=_milliseconds(each),
        )
        for (function, line), each in longest
    )
    found = CallTrees(frames=tuple(index), trees=tuple(trees), lines=tuple(own))
    return found.largest(MOST_CALLS)


def _tree(
    of: str, branch: Branch, index: dict[Frame, int], *, samples: int, scale: float
) -> CallTree:
    rows = list(branch.rows())
    waiting = _with_called(rows)
    return CallTree(
        of=of,
        samples=samples,
        frame=tuple(index.setdefault(frame, len(index)) for _, frame, *_ in rows),
        depth=tuple(depth for depth, *_ in rows),
        seconds=tuple(_milliseconds(weight * scale) for _, _, weight, *_ in rows),
        own=tuple(_milliseconds(own * scale) for *_, own, _ in rows),
        waiting=tuple(_milliseconds(each * scale) for each in waiting) if any(waiting) else (),
    )


def _with_called(rows: list[Row]) -> list[float]:
    """Return in which part of its weight each call waited, with what it called."""
    found, below = [0.0] * len(rows), [0.0] * (2 + max((row[0] for row in rows), default=0))
    for place in range(len(rows) - 1, -1, -1):
        depth = rows[place][0]
        found[place] = rows[place][-1] + below[depth + 1]
        below[depth + 1] = 0.0
        below[depth] += found[place]
    return found


def _milliseconds(seconds: float) -> float:
    return math.floor(seconds * 1000 + 0.5) / 1000


def frame_named(name: str, *, module: str, file: str, line: int) -> Frame:
    """Return a function; its file only where its module does not tell where it is from."""
    own = module in ("", "__main__")
    return Frame(name=name[:_NAME], module=module, file=file if own else "", line=line)


def is_ours(frame: Frame) -> bool:
    """Whether a function is sdprofile's, which stands in for what it calls."""
    return frame.origin == "sdprofile"
