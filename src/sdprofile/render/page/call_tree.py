"""The calls of a run as a picture to zoom into, and a list that filters it, without scripts.

Each call is a box within that of its caller, as wide as its time. What is hidden follows from style
rules that look at which call is chosen, a radio button, and which entry of the list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.explain.calls import only_leads
from sdprofile.explain.lines import lines_of_graphs
from sdprofile.model.calls import CELL, KERNEL
from sdprofile.render.page.markup import write
from sdprofile.render.palette import COLOURS, OTHER
from sdprofile.render.text.calls import call_told, tree_name
from sdprofile.units import format_seconds

if TYPE_CHECKING:
    from sdprofile.model.calls import Call, CallTree, CallTrees
    from sdprofile.model.run import Run
    from sdprofile.model.trace import Trace

_MOST = 300
"""Calls that are drawn, lest the page be large."""

_MOST_CHOICES = 40
"""Entries of the list."""

_MOST_ROWS = 24
"""Rows of calls below that of the prefixes."""

_DARK = (COLOURS[0],)
"""Colours on which white is read better than black."""


@dataclass(kw_only=True)
class Box:
    """A call as it is drawn."""

    name: str
    """What is written on it."""

    told: str
    """What is told where the pointer rests on it."""

    weight: int
    """How wide it is: its time in milliseconds, at least 1."""

    classes: str = ""
    """Classes of the style sheet, set apart by spaces."""

    origin: str = ""
    """Whose the function is, which has a colour."""

    called: list[Box] = field(default_factory=list)
    """The calls within it."""

    @property
    def rest(self) -> int:
        """How wide the part is in which it called nothing that is drawn."""
        return max(0, self.weight - sum(each.weight for each in self.called))

    def all_called(self) -> Iterator[Box]:
        """Yield the calls within it, and those within these."""
        for each in self.called:
            yield each
            yield from each.all_called()


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An entry of the list: what can be shown alone."""

    name: str
    """What it says."""

    prefixes: set[str]
    """Prefixes of the tasks that are shown; `KERNEL` for all that the kernel did."""

    lines: set[int]
    """Lines of the cell whose work in the kernel is shown."""

    def has(self, tree: CallTree) -> bool:
        """Whether something of a tree is shown."""
        return tree.of in self.prefixes or (tree.of == KERNEL and bool(self.lines))

    def has_line(self, line: int) -> bool:
        """Whether the work of a line in the kernel is shown."""
        return line in self.lines or KERNEL in self.prefixes


def call_tree(run: Run, trace: Trace) -> Markup:
    """Return the calls of a run.

    Parameters
    ----------
    run
        One of which it is known what was called.
    trace
        Its tasks.

    Returns
    -------
    markupsafe.Markup
        A form, which keeps its buttons apart from those of others in the page: a list of what can
        be shown alone, and the calls, each with a button.
    """
    inside = trace.inside
    longest = sorted((each for tree in inside.trees for each in tree.seconds), reverse=True)
    choices = _choices(run, trace)
    boxes = _Boxes(inside=inside, choices=choices, least=longest[:_MOST][-1])
    total = format_seconds(sum(tree.total for tree in inside.trees))
    root = Box(
        name="all",
        told=f"all: {total}",
        weight=1,
        called=[boxes.of_tree(tree) for tree in inside.trees if tree.total],
    )
    taken: defaultdict[str, float] = defaultdict(float)
    for box in root.all_called():
        taken[box.origin] += box.weight
    origins = sorted(taken.keys() - {""}, key=lambda origin: (-taken[origin], origin))
    for box in root.all_called():
        if box.origin:
            box.classes += f" sdp-o{min(origins.index(box.origin), len(COLOURS))}"
    key = list(zip(origins, COLOURS, strict=False))
    if len(origins) > len(COLOURS):
        key.append(("others", OTHER))
    rules = [
        f".sdp-calls .sdp-call.sdp-o{place} > label {{background: {colour}; color: {_ink(colour)}}}"
        for place, colour in enumerate((*COLOURS, OTHER))
    ]
    rules += map(_rule, range(1, len(choices) + 1))
    written = Markup("\n".join(rules))  # noqa: S704 - our own
    return write("calls", root, [choice.name for choice in choices], key, written)


def _ink(colour: str) -> str:
    return "#fff" if colour in _DARK else "#000"


def _rule(place: int) -> str:
    """Return the rule by which an entry of the list hides what is not of it.

    What is zoomed into stays there; lines of the kernel keep their place.
    """
    chosen = f".sdp-calls:has(option:nth-child({place + 1}):checked)"
    other = f".sdp-pick:not(.sdp-k{place}):not(:has(:checked))"
    return (
        f"{chosen} .sdp-all > {other} {{display: none}}"
        f" {chosen} .sdp-all .sdp-called > {other} {{visibility: hidden}}"
    )


def _choices(run: Run, trace: Trace) -> list[Choice]:
    """Return what can be shown alone: steps, lines, prefixes, and the kernel."""
    trees = [tree for tree in trace.inside.trees if tree.total]
    prefixes = {tree.of for tree in trees} - {KERNEL}
    in_kernel = {
        call.frame.line
        for tree in trees
        for call in trace.inside.calls(tree)
        if call.frame.file == CELL
    }
    steps: defaultdict[str, set[str]] = defaultdict(set)
    for part in run.work.spans:
        if "/" in part.span:
            steps[part.span.rpartition("/")[2]].add(part.prefix)
    lines: defaultdict[int, set[str]] = defaultdict(set, {line: set() for line in in_kernel})
    sent = lines_of_graphs(trace)
    for group, graph in zip(trace.group, trace.graph, strict=True):
        lines[sent[graph]].add(trace.groups[group].prefix)
    found = [
        *(
            Choice(
                name=f"step {step}",
                prefixes=those & prefixes,
                lines={line for line in in_kernel if step.endswith(f"(line {line})")},
            )
            for step, those in steps.items()
        ),
        *(
            Choice(name=f"line {line}", prefixes=lines[line] & prefixes, lines={line} & in_kernel)
            for line in sorted(lines)
            if line
        ),
        *(Choice(name=tree_name(tree), prefixes={tree.of}, lines=set()) for tree in trees),
    ]
    return [choice for choice in found if choice.prefixes or choice.lines][:_MOST_CHOICES]


@dataclass(frozen=True, kw_only=True)
class _Boxes:
    """Makes boxes of calls."""

    inside: CallTrees
    choices: list[Choice]
    least: float

    def of_tree(self, tree: CallTree) -> Box:
        """Return the box of a tree; calls that only lead to others are left out of it."""
        name = tree_name(tree)
        top = Box(
            name=name,
            told=f"{name}: {format_seconds(tree.total)}",
            weight=_weight(tree.total),
            classes=self._picked([choice.has(tree) for choice in self.choices]),
        )
        into, led, rows = [top], [True], [0]  # of the callers at each depth
        calls = list(self.inside.calls(tree))
        for place, call in enumerate(calls):
            del into[call.depth + 1 :], led[call.depth + 1 :], rows[call.depth + 1 :]
            led.append(led[-1] and only_leads(calls, place))
            if led[-1] or call.seconds < self.least or rows[-1] == _MOST_ROWS:
                into.append(into[-1])
                rows.append(rows[-1])
                continue
            box = Box(
                name=call.frame.name,
                told=call_told(call, tree),
                weight=_weight(call.seconds),
                classes=self._classes(call, tree.frame[place]),
                origin=call.frame.origin,
            )
            into[-1].called.append(box)
            into.append(box)
            rows.append(rows[-1] + 1)
        return top

    def _classes(self, call: Call, frame: int) -> str:
        classes = f"sdp-f{frame}{' sdp-waits' if call.waits else ''}"
        if call.frame.file != CELL:
            return classes
        shown = [choice.has_line(call.frame.line) for choice in self.choices]
        return f"{classes} {self._picked(shown)}"

    @staticmethod
    def _picked(shown: list[bool]) -> str:
        places = (f"sdp-k{place}" for place, each in enumerate(shown, start=1) if each)
        return " ".join(["sdp-pick", *places])


def _weight(seconds: float) -> int:
    return max(1, round(1000 * seconds))
