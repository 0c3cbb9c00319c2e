"""The calls that a cell makes to a library's functions, as steps of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StepCall:
    """All calls of one function at one line of the cell, in one run."""

    span: str
    """Name of the step with those of the spans around it, as `SpanActivity.span` has it:
    ``cell/read/map_raster (line 3)``."""

    calls: int = 0
    """How often it was called; 0 for the cell itself."""

    seconds: float = 0.0
    """Wall time of the calls in the kernel, in seconds: of a function that computes with the wait
    for the workers, of one that is lazy without what it builds."""

    kernel_rise: int = 0
    """By how much the kernel's memory rose within a call, in bytes; 0 where it reached no more than
    before in the run, or where that is not known."""

    fused: tuple[str, ...] = ()
    """Steps and task prefixes whose tasks dask fused with those of this step."""

    @property
    def name(self) -> str:
        """Its own name, without those of the spans around it."""
        return self.span.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Recomputed:
    """Blocks that were made anew with one graph after another, for nothing kept them in between."""

    name: str
    """The step that built it, or the prefix of its tasks."""

    blocks: int
    """How many blocks were made more than once."""

    made: int
    """How often they were made, all together: the first times and the recomputations."""

    seconds: float
    """Thread time of the recomputations in seconds, as far as it is known: with that of reductions
    and arithmetic fused into them, without that of tasks which do something else anew."""

    variable: str = ""
    """How the cell calls it; empty where it has no name."""

    graphs: tuple[int, ...] = ()
    """The graphs with which the blocks came, by how many came before each."""


@dataclass(frozen=True, kw_only=True)
class LineTime:
    """What one line of the cell, or of a function of the user's, took of the kernel."""

    line: int
    """Its number, in the cell or file that it is in."""

    function: str = ""
    """Name of the function; empty for a line of the cell, whose time is with what it called."""

    text: str = ""
    """What is written there; empty where that is not known."""

    seconds: float
    """Wall time in seconds, without calls of dask that send a graph or wait for results."""


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What the steps of the cell took in one run, and what was made several times."""

    calls: tuple[StepCall, ...] = ()
    """The calls that are steps, in the order in which they came."""

    recomputed: Recomputed | None = None
    """What took the most time by being made anew with one graph after another."""

    lines: tuple[LineTime, ...] = ()
    """The lines that were seen at work in the kernel or asked something of dask, the longest first.
    The time of a line of a function is a part of that of a line of the cell."""

    @property
    def cell_lines(self) -> tuple[LineTime, ...]:
        """Those of the cell."""
        return tuple(each for each in self.lines if not each.function)
