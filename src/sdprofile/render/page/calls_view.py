"""Which calls took the time within the tasks and the kernel: a picture to scale, and a table."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sdprofile.model.calls import CELL, KERNEL
from sdprofile.render.page.call_tree import call_tree
from sdprofile.render.page.markup import NOTHING, Cell, Row, bar, key, table
from sdprofile.units import format_seconds, plural

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

    from sdprofile.explain.explained import Explained
    from sdprofile.model.calls import CallTrees, Frame
    from sdprofile.model.run import Run
    from sdprofile.model.trace import Trace
    from sdprofile.render.page.picture import Picture

_MOST_FUNCTIONS = 12

_BLUE = "#0072B2"

_KEY = (
    "Above: in the first row the task prefixes and the kernel, below each what it called; as wide"
    " as the thread time, lighter where the thread mostly waited: for disk, network, lock or sleep."
    " Functions of dask and Python that only lead to others are left out."
    " Below: the functions by the time that they took themselves; C code counts for its caller."
    " From dask's samples of the workers' threads every 10 ms, and 20 looks a second at the kernel,"
    " without waiting for dask. profile.calls() has all of it."
)


_ZOOMED = (
    "Click a call, or choose it by Tab and the arrow keys: it fills the width; all is above them. "
)


def run_with_calls(profile: Explained) -> tuple[Run, Trace] | None:
    """Return the run that stands for all with its tasks, if it is known what was called in them."""
    run = profile.shown_run
    if run is None or run.trace is None or not any(t.total for t in run.trace.inside.trees):
        return None
    return run, run.trace


def calls_view(profile: Explained, *, picture: Picture, live: bool = False) -> Markup:
    """Return the calls of the run that stands for all; empty if nothing is known of them.

    Parameters
    ----------
    profile
        What was measured.
    picture
        Makes HTML of a figure.
    live
        Whether the calls are to be zoomed and filtered, in a page that keeps style and buttons.
    """
    known = run_with_calls(profile)
    if known is None:
        return NOTHING
    run, trace = known
    inside = trace.inside

    def draw() -> Figure:
        from sdprofile.render.plots.icicle import icicle_plot

        return icicle_plot(inside)

    setting = profile.varied.name(run.setting)
    label = f"calls within the tasks and the kernel, with {setting}"
    drawn = call_tree(run, trace) if live else picture(draw, label=label)
    zoomed = _ZOOMED if live else ""
    left = (
        f" Not kept: {plural(inside.left_out, 'call')} that took least." if inside.left_out else ""
    )
    return drawn + _functions(inside) + key(f"With {setting}. {zoomed}{_KEY}{left}")


def _functions(inside: CallTrees) -> Markup:
    """Return the table of the functions that took most by themselves."""
    own: defaultdict[Frame, float] = defaultdict(float)
    within: defaultdict[Frame, dict[str, None]] = defaultdict(dict)
    for tree in inside.trees:
        for call in inside.calls(tree):
            if call.own:
                own[call.frame] += call.own
                within[call.frame]["the kernel" if tree.of == KERNEL else tree.of] = None
    total = sum(tree.total for tree in inside.trees)
    most = sorted(own, key=lambda frame: -own[frame])[:_MOST_FUNCTIONS]
    headers = [
        Cell(text="function", classes="sdp-name"),
        Cell(text="of", classes="sdp-name"),
        Cell(text="within", classes="sdp-name"),
        Cell(text="time by itself"),
        Cell(text="share"),
    ]
    rows = [
        Row(
            cells=[
                Cell(text=frame.name, classes="sdp-name"),
                Cell(text=_where(frame), classes="sdp-name"),
                Cell(text=", ".join(within[frame]), classes="sdp-name"),
                Cell(text=format_seconds(own[frame]), bar=bar(own[frame] / own[most[0]], _BLUE)),
                Cell(text=f"{100 * own[frame] / total:.0f} %"),
            ]
        )
        for frame in most
    ]
    return table(headers, rows)


def _where(frame: Frame) -> str:
    if frame.file == CELL:
        return "the cell"
    whose = "own function" if frame.origin == "own" else frame.module
    return f"{whose}, line {frame.line}"
