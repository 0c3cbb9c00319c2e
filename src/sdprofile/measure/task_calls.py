"""What the workers' threads were seen in, task prefix by task prefix: dask's own samples."""

from __future__ import annotations

import contextlib
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.questions import Questions
from sdprofile.internals.distributed.samples import LINES, WAITING, begin_samples, end_samples
from sdprofile.measure.branches import Branch, Row, frame_named, is_ours
from sdprofile.measure.instrument import Instrument
from sdprofile.model.calls import MOST_LINES, Frame

if TYPE_CHECKING:
    from distributed import Worker

_MOST = 2000
"""Calls that a worker tells of for each prefix."""

_DEEPEST = 100
"""Calls within each other that are looked at; dask looks at as many."""


class TaskCalls(Instrument[dict[str, Branch]]):
    """What was called within the tasks, in samples, by their prefix.

    The lines of the user's functions that were seen are in `lines`.

    Notes
    -----
    A worker of dask looks every 10 ms at the threads that run tasks, for its dashboard
    (`distributed.profile`); no more is done here than to begin anew, and to ask for the sum. It is
    the event loop that looks: while a task keeps Python's lock (the GIL) nothing is seen. A worker
    forgets samples that are older than 1000 s, and with one that is killed they are gone.
    """

    def begin(self, asked: Questions) -> None:
        """Let the samples begin anew."""
        self.lines: dict[str, Counter[tuple[str, int]]] = {}
        self._began = asked.workers(_begin)

    def end(self, asked: Questions) -> None:
        """Ask for them."""
        self._found = asked.workers(partial(_calls, began=self._began.known({})))

    def read(self) -> dict[str, Branch]:
        """Put together what the workers have told."""
        trees: defaultdict[str, Branch] = defaultdict(Branch)
        for found in self._found.value.values():
            for prefix, (rows, lines) in found.items():
                trees[prefix].merge(rows)
                self.lines.setdefault(prefix, Counter()).update(lines)
        return dict(trees)


def _begin(dask_worker: Worker) -> float:
    return begin_samples(dask_worker)


def _calls(
    dask_worker: Worker, began: Mapping[str, float]
) -> dict[str, tuple[list[Row], dict[tuple[str, int], int]]]:
    """Return what a worker saw since then, by prefix: calls, and lines of the user's functions."""
    trees: defaultdict[str, Branch] = defaultdict(Branch)
    lines: defaultdict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    frame_of = _Frames()
    for prefix, samples in end_samples(dask_worker, began.get(dask_worker.address, math.inf)):
        _add(trees[prefix], samples, frame_of)
        lines[prefix].update(samples.get(LINES, {}))
    return {
        prefix: (list(islice(tree.rows(), _MOST)), dict(lines[prefix].most_common(MOST_LINES)))
        for prefix, tree in trees.items()
    }


@lru_cache(maxsize=1)  # it takes milliseconds, after each run
def modules_by_file(number: int) -> dict[str, str]:
    """Return the modules that are imported, so many, by their files."""
    found: dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        with contextlib.suppress(AttributeError):
            # Whoever asks a lazy module for something has it imported.
            names = object.__getattribute__(module, "__dict__")
            if isinstance(file := names.get("__file__"), str):
                found[file] = str(names.get("__name__", name))
    return found


class _Frames(dict[str, Frame]):
    """Functions by how dask tells of them: name, file and first line."""

    def __missing__(self, identifier: str) -> Frame:
        rest, _, line = identifier.rpartition(";")
        name, _, file = rest.partition(";")
        frozen = file.removeprefix("<frozen ").removesuffix(">") if file[:8] == "<frozen " else ""
        module = modules_by_file(len(sys.modules)).get(file, frozen)
        number = int(line) if line.isdigit() else 0
        found = self[identifier] = frame_named(name, module=module, file=file, line=number)
        return found


def _add(branch: Branch, samples: dict[str, Any], frame_of: _Frames) -> None:
    """Add the samples of a tree to a branch, those of its root."""
    left = [(branch, samples, 0)]
    while left:
        into, tree, depth = left.pop()
        children = list(_children(tree, frame_of))
        within = sum(child["count"] for _, child in children)
        into.weight += tree["count"]
        into.own += max(0, tree["count"] - within)
        into.waiting += tree.get(WAITING, 0)
        if depth < _DEEPEST:
            left += [
                (into.called(frame), child, depth + 1)
                for frame, child in children
                if child["count"]
            ]


def _children(samples: dict[str, Any], frame_of: _Frames) -> Iterator[tuple[Frame, dict[str, Any]]]:
    """Yield what was called, in place of a function of ours that stands in what that called."""
    for identifier, child in samples["children"].items():
        frame = frame_of[identifier]
        if is_ours(frame):
            yield from _children(child, frame_of)
        else:
            yield frame, child
