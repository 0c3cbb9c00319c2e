"""What the threads did in each step of the cell, worker counts side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.render.page.markup import (
    NOTHING,
    Cell,
    Row,
    count_headers,
    joined,
    key,
    stack,
    table,
    write,
)
from sdprofile.render.palette import marked, of_count
from sdprofile.render.text.breakdown import ACTIVITIES
from sdprofile.render.text.rows import MISSING
from sdprofile.render.text.steps import MERGED, Step, StepTime, longest_step, steps
from sdprofile.units import format_seconds, listed

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured

_COLOURS = dict(
    zip(
        ACTIVITIES,
        ("#0072B2", "#8A8A00", "#56B4E9", "#CC79A7", "#E69F00", "#9F97D6", "#A0A0A0"),
        strict=True,
    )
)

_NEEDS_LIGHT_INK = ("compute",)
"""Activities whose colour is too dark for black letters."""

_KEY = (
    "Thread time of the median run, divided by all threads: for the whole cell, its wall time. All"
    " bars have one scale. Kernel: wall time of the calls that are the step."
)

_HOW_TO_TELL_MERGED = (
    " Merged: dask fused all tasks of the step with those of another, which has their time;"
    " --no-fuse tells them apart."
)

_HOW_TO_TELL_STEPS = (
    ' To tell steps apart, put each into a block of with distributed.span("name"): and add'
    " --no-fuse."
)


def steps_view(profile: Measured) -> Markup:
    """Return a table of steps by worker counts, each cell with a bar of activities."""
    found = steps(profile)
    if not found:
        return key("Where the time went is not known: no run ended well.")
    longest = longest_step(found)
    rows = [Row(cells=[_name(step), *_times(step, profile, longest)]) for step in found]
    used = {name for step in found for time in step.times if time for name in time.shares}
    letters = joined(_letter(name) for name in ACTIVITIES if name in used)
    words = _KEY + (_HOW_TO_TELL_STEPS if len(found) == 1 else "")
    if any(time and time.merged for step in found for time in step.times):
        words += _HOW_TO_TELL_MERGED
    headers = [Cell(text="step", classes="sdp-name"), *count_headers(profile)]
    return table(headers, rows) + key(letters) + key(words)


def _name(step: Step) -> Cell:
    # Spaces that do not break: where the style is stripped the tree can still be seen.
    indent = "\u00a0" * 4 * max(0, step.depth - 1)
    return Cell(
        text=f"{indent}{'└ ' if step.depth else ''}{step.name}", classes="sdp-name sdp-strong"
    )


def _times(step: Step, profile: Measured, longest: float) -> list[Cell]:
    return [
        _time(time, longest, of_count(count.workers))
        for time, (count, _) in zip(step.times, marked(profile), strict=True)
    ]


def _time(time: StepTime | None, longest: float, classes: str) -> Cell:
    if time is None:
        return Cell(text=MISSING, classes=classes)
    notes = []
    if time.shares:
        largest = max(time.shares, key=lambda name: time.shares[name])
        notes.append(f"{largest} {100 * time.shares[largest]:.0f} %")
    elif time.merged:
        notes.append(f"into {listed(time.merged)}")
    if time.kernel is not None:
        notes.append(f"kernel {format_seconds(time.kernel)}")
    text = format_seconds(time.seconds) if time.shares else MERGED if time.merged else MISSING
    bar = NOTHING
    if time.shares:
        bar = stack(time.shares, _COLOURS, length=time.seconds / longest if longest else 0.0)
    return Cell(text=text, after=bar, note=", ".join(notes), classes=classes)


def _letter(activity: str) -> Markup:
    ink = "#fff" if activity in _NEEDS_LIGHT_INK else "#000"
    return write("letter", activity, _COLOURS[activity], ink)
