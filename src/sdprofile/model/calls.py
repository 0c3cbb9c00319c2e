"""What ran within the tasks and within the kernel: calls, as samples of the threads saw them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace

KERNEL = "kernel"
"""Of what a tree is that is of no tasks."""

CELL = "<cell>"
"""The file of a line of the cell."""

MOST_CALLS = 850
"""Calls of all runs of a profile that are kept: up to 110 bytes each in a file, below 100 kB."""


MOST_LINES = 50
"""Lines of the user's functions of a run that are kept."""


@dataclass(frozen=True, kw_only=True)
class TaskLine:
    """A line of a function of the user's that ran within tasks."""

    function: str
    """Name of the function."""

    line: int
    """Its number in the cell or file that the function is in."""

    text: str
    """What is written there; empty where that is not known."""

    seconds: float
    """Thread time, with what it called, but for lines of other functions of the user's."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A function that was called, or a line of the cell."""

    name: str
    """Its name; ``line 3`` for a line of the cell."""

    module: str = ""
    """Its module; empty for what was defined in a notebook, ``__main__`` for a script's."""

    file: str = ""
    """Its file, where it is of no module that is imported; `CELL` for a line of the cell."""

    line: int
    """Where it begins in its file; for a line of the cell its number."""

    @property
    def origin(self) -> str:
        """Whose it is: ``cell``, ``own`` for the user's functions, ``python``, or the package."""
        if self.file == CELL:
            return "cell"
        package = self.module.partition(".")[0]
        if package in ("", "__main__"):
            return "own"
        return "python" if package in sys.stdlib_module_names else package


@dataclass(frozen=True, kw_only=True)
class Call:
    """A function as it was called from one place, with all that it called."""

    frame: Frame
    """The function."""

    depth: int
    """How many calls it is within."""

    seconds: float
    """Thread time in seconds, with what it called."""

    own: float
    """Thread time in seconds in which it called nothing that Python knows of: that of C code is
    its caller's."""

    waiting: float = 0.0
    """The part of `seconds` in which the thread was not on a CPU, as far as that was seen."""

    @property
    def waits(self) -> bool:
        """Whether it mostly waited: for a disk, the network, a lock or sleep."""
        return self.waiting > self.seconds / 2


@dataclass(frozen=True, kw_only=True)
class CallTree:
    """What ran within the tasks of one prefix, on all workers, or within the kernel.

    The last five have an item for each call: after each come those that it made, the longest first.
    """

    of: str
    """Prefix of the tasks, or `KERNEL`."""

    samples: int
    """How often a thread was looked at: of few samples small shares are chance."""

    frame: tuple[int, ...]
    """Index of the function, in `CallTrees.frames`."""

    depth: tuple[int, ...]
    """See `Call`."""

    seconds: tuple[float, ...]
    """See `Call`."""

    own: tuple[float, ...]
    """See `Call`."""

    waiting: tuple[float, ...] = ()
    """See `Call`; empty where none waited, or that is not known."""

    @property
    def total(self) -> float:
        """Thread time of all, in seconds."""
        pairs = zip(self.depth, self.seconds, strict=True)
        return sum(seconds for depth, seconds in pairs if not depth)


@dataclass(frozen=True, kw_only=True)
class CallTrees:
    """What ran within the tasks and within the kernel in one run."""

    frames: tuple[Frame, ...] = ()
    """The functions, each once."""

    trees: tuple[CallTree, ...] = ()
    """One for each prefix of which a task was seen, the longest first, and one for the kernel."""

    lines: tuple[TaskLine, ...] = ()
    """Lines of the user's functions within the tasks, the longest first."""

    left_out: int = 0
    """Calls that are left out, as they took least: their time is in that of their callers only."""

    def __len__(self) -> int:
        return sum(len(tree.frame) for tree in self.trees)

    def calls(self, tree: CallTree) -> Iterator[Call]:
        """Yield the calls of one of the trees."""
        waiting = tree.waiting or (0.0,) * len(tree.frame)
        made = zip(tree.frame, tree.depth, tree.seconds, tree.own, waiting, strict=True)
        for frame, depth, seconds, own, waited in made:
            yield Call(
                frame=self.frames[frame], depth=depth, seconds=seconds, own=own, waiting=waited
            )

    def largest(self, most: int) -> CallTrees:
        """Return the calls that took most time.

        Parameters
        ----------
        most
            How many are kept at most.
        """
        if len(self) <= most:
            return self
        every = [
            (-seconds, depth, number, place)
            for number, tree in enumerate(self.trees)
            for place, (seconds, depth) in enumerate(zip(tree.seconds, tree.depth, strict=True))
        ]
        # No call takes longer than its caller, and of two as long the caller is the less deep.
        kept = {(number, place) for *_, number, place in sorted(every)[:most]}
        index: dict[int, int] = {}
        trees = []
        for number, tree in enumerate(self.trees):
            places = [place for place in range(len(tree.frame)) if (number, place) in kept]
            if places:
                frames = (tree.frame[place] for place in places)
                trees.append(
                    replace(
                        tree,
                        frame=tuple(index.setdefault(frame, len(index)) for frame in frames),
                        depth=tuple(tree.depth[place] for place in places),
                        seconds=tuple(tree.seconds[place] for place in places),
                        own=tuple(tree.own[place] for place in places),
                        waiting=tuple(tree.waiting[place] for place in places if tree.waiting),
                    )
                )
        return CallTrees(
            frames=tuple(self.frames[frame] for frame in index),
            trees=tuple(trees),
            lines=self.lines,
            left_out=self.left_out + len(every) - len(kept),
        )
