"""The views of a profile: the widget shows one of them at a time, the report one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.render.curves import SHOWN, is_sampled
from sdprofile.render.page.markup import NOTHING, Cell, Row, key, table, write
from sdprofile.render.page.memory_view import memory_panels, memory_view
from sdprofile.render.page.picture import Picture
from sdprofile.render.page.speedup_view import speedup_view
from sdprofile.render.page.steps_view import steps_view
from sdprofile.render.page.tasks_view import tasks_view
from sdprofile.render.page.time_view import time_view
from sdprofile.render.text.elements import element_rows
from sdprofile.render.text.predicted import prediction_rows, prediction_title
from sdprofile.units import capitalized

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sdprofile.explain.explained import Explained
    from sdprofile.model.measured import Measured
    from sdprofile.model.notice import Notice

_ELEMENTS_KEY = (
    "What the cell names, and what its tasks were made from; of a pyramid the largest scale that"
    " was read. Chunks: the largest length along each axis."
)

_TEXTS = (0, 1, 7)
"""Columns of names, which stand on the left."""

_PREDICTED_KEY = (
    "Filled: measured (medians of the times, highest peaks); empty and dashed: predicted."
)


@dataclass(frozen=True, kw_only=True)
class View:
    """One way to look at a profile."""

    name: str
    """What its button says; the first word is its own."""

    html: Markup
    """What it shows above the plot of memory over time."""

    below: Markup = NOTHING
    """What it shows below that plot."""

    with_plot: bool = True
    """Whether it goes with that plot."""


def make_views(profile: Explained, *, picture: Picture) -> tuple[View, ...]:
    """Return the views of a profile.

    Parameters
    ----------
    profile
        What was measured, with at least one run.
    picture
        Makes HTML of a figure.

    Returns
    -------
    tuple of View
        Time, Speedup, Predicted (if anything was), Memory, Steps, Tasks, Elements (if any is
        known) and Notices; Time and Notices only where the workers had nothing to do.
    """
    number = f" {len(profile.notices)}" if profile.notices else ""
    notices = View(name=f"Notices{number}", html=notice_list(profile), with_plot=False)
    if profile.is_for_nothing:
        return (View(name="Time", html=time_view(profile), with_plot=False), notices)
    elements = elements_view(profile)
    predicted = predicted_view(profile, picture=picture)
    return (
        View(name="Time", html=time_view(profile)),
        View(name="Speedup", html=speedup_view(profile, picture=picture), with_plot=False),
        *([View(name="Predicted", html=predicted, with_plot=False)] if predicted else []),
        View(
            name="Memory", html=memory_view(profile), below=memory_panels(profile, picture=picture)
        ),
        View(name="Steps", html=steps_view(profile)),
        View(name="Tasks", html=tasks_view(profile)),
        *([View(name="Elements", html=elements, with_plot=False)] if elements else []),
        notices,
    )


def elements_view(profile: Measured) -> Markup:
    """Return a table of elements; empty if none is known."""
    rows = element_rows(profile, whole_paths=True)
    if not rows:
        return NOTHING
    headers, *body = [
        [
            Cell(text=text, classes="sdp-name" if column in _TEXTS else "")
            for column, text in enumerate(row)
        ]
        for row in rows
    ]
    return table(headers, [Row(cells=cells) for cells in body]) + key(_ELEMENTS_KEY)


def predicted_view(profile: Measured, *, picture: Picture) -> Markup:
    """Return the table of predictions and their plot; empty if there are none."""
    rows = prediction_rows(profile)
    if not rows:
        return NOTHING

    def draw() -> Figure:
        from sdprofile.render.plots.predicted import predicted_plot

        return predicted_plot(profile)

    headers, *others = rows
    shown = table(
        [Cell(text=header) for header in headers],
        [Row(cells=[Cell(text=cell) for cell in row]) for row in others],
    )
    label = "time and peaks over worker counts, measured and predicted"
    title = prediction_title(profile)
    words = f"{capitalized(title)}. {_PREDICTED_KEY}"
    return shown + picture(draw, label=label) + key(words)


def memory_picture(profile: Explained, *, picture: Picture) -> Markup:
    """Return the plot of memory over time; empty if it was not sampled."""
    if not any(is_sampled(run) for run in profile.runs):
        return NOTHING

    def draw() -> Figure:
        from sdprofile.render.plots.memory import memory_plot

        return memory_plot(profile)

    return picture(draw, label=f"{SHOWN} over time")


def notice_list(profile: Explained) -> Markup:
    """Return the notices as a list, each a fact with its advice."""
    if not profile.notices:
        return write("paragraph", "Nothing was found that makes these numbers doubtful.")
    return write("notices", profile.notices)


def leading_notices(profile: Explained) -> Markup:
    """Return the notices that a report begins with; empty for none."""
    return _listed([each for each in profile.notices if each.leading])


def other_notices(profile: Explained) -> Markup:
    """Return the notices that come after the numbers; empty for none."""
    return _listed([each for each in profile.notices if not each.leading])


def _listed(notices: Sequence[Notice]) -> Markup:
    return write("notices", notices) if notices else NOTHING
