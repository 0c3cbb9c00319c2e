"""The heaviest calls within the tasks and the kernel, as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.calls import heavy_paths
from sdprofile.model.calls import KERNEL
from sdprofile.units import format_seconds

if TYPE_CHECKING:
    from sdprofile.explain.calls import HeavyPath
    from sdprofile.explain.explained import Explained
    from sdprofile.model.calls import Frame

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


def _line(path: HeavyPath) -> str:
    of = "in the kernel" if path.of == KERNEL else path.of
    steps = " > ".join(
        f"{function_name(frame)} {share:.0%}".replace("%", " %") for frame, share in path.steps
    )
    return f"{of} ({format_seconds(path.seconds)}): {steps}"


def function_name(frame: Frame) -> str:
    """Return how a function is called, with whose it is.

    Examples
    --------
    >>> from sdprofile.model.calls import Frame
    >>> function_name(Frame(name="sort", module="numpy._core.fromnumeric", line=941))
    'sort (numpy)'
    """
    return frame.name if frame.origin in _PLAIN else f"{frame.name} ({frame.origin})"
