"""The heaviest calls within the tasks and the kernel, as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.calls import heavy_paths
from sdprofile.model.calls import KERNEL
from sdprofile.units import format_seconds

if TYPE_CHECKING:
    from sdprofile.explain.calls import HeavyPath
    from sdprofile.explain.explained import Explained
    from sdprofile.model.calls import Call, CallTree, Frame

_PLAIN = ("cell", "own", "python")


def calls_title(profile: Explained) -> str:
    """Return what `calls_lines` has, in words."""
    run = profile.shown_run
    of = "" if run is None else f", with {profile.varied.name(run.setting)}"
    return f"calls that took most of the time (share of the prefix{of})"


def calls_lines(profile: Explained) -> list[str]:
    """Return a line for each prefix, and for the kernel, of which the calls tell something.

    Parameters
    ----------
    profile
        What was measured; the run that stands for all is looked at.
    """
    run = profile.shown_run
    return [] if run is None else [_line(path) for path in heavy_paths(run)]


def tree_name(tree: CallTree | HeavyPath) -> str:
    """Return within what the calls of a tree were made."""
    return "in the kernel" if tree.of == KERNEL else tree.of


def call_told(call: Call, tree: CallTree) -> str:
    """Return what is told of a call where the pointer rests on it.

    Examples
    --------
    >>> from sdprofile.model.calls import Call, CallTree, Frame
    >>> sort = Frame(name="sort", module="numpy", line=9)
    >>> tree = CallTree(of="add", samples=9, frame=(0,), depth=(0,), seconds=(4.0,), own=(4.0,))
    >>> call_told(Call(frame=sort, depth=0, seconds=1.0, own=1.0, waiting=0.9), tree)
    'sort (numpy:9): 1.00 s, 25%, waiting'
    """
    share = call.seconds / tree.total if tree.total else 0.0
    whose = f" ({call.frame.module or call.frame.file}:{call.frame.line})"
    waits = ", waiting" if call.waits else ""
    return f"{call.frame.name}{whose}: {format_seconds(call.seconds)}, {share:.0%}{waits}"


def _line(path: HeavyPath) -> str:
    steps = " > ".join(
        f"{function_name(frame)} {share:.0%}".replace("%", " %") for frame, share in path.steps
    )
    waits = ", waiting" if path.waits else ""
    return f"{tree_name(path)} ({format_seconds(path.seconds)}): {steps}{waits}"


def function_name(frame: Frame) -> str:
    """Return how a function is called, with whose it is.

    Examples
    --------
    >>> from sdprofile.model.calls import Frame
    >>> function_name(Frame(name="sort", module="numpy._core.fromnumeric", line=941))
    'sort (numpy)'
    """
    return frame.name if frame.origin in _PLAIN else f"{frame.name} ({frame.origin})"
