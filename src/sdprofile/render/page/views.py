"""The views of a profile: the widget shows one of them at a time, the report one after another."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.render.curves import SHOWN, is_sampled
from sdprofile.render.page.calls_view import calls_view
from sdprofile.render.page.details_view import details_view
from sdprofile.render.page.lines_view import lines_view
from sdprofile.render.page.markup import NOTHING, Cell, Row, joined, key, table, write
from sdprofile.render.page.memory_view import allocations_view, memory_panels, memory_view
from sdprofile.render.page.picture import Picture
from sdprofile.render.page.steps_view import steps_view
from sdprofile.render.page.tasks_view import tasks_view
from sdprofile.render.text.elements import element_rows
from sdprofile.render.text.predicted import prediction_rows, prediction_title
from sdprofile.render.text.stores import store_rows
from sdprofile.units import capitalized

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sdprofile.explain.explained import Explained
    from sdprofile.model.measured import Measured
    from sdprofile.model.notice import Notice
    from sdprofile.model.run import Run
    from sdprofile.render.plots.worker_tasks import Bar

_ELEMENTS_KEY = (
    "What the cell names, and what its tasks were made from; of a pyramid the largest scale that"
    " was read. Chunks: the largest length along each axis."
)

_STORES_KEY = (
    "Zarr arrays as the tasks read them: the chunks that were needed, each counted once, and how"
    " many were read: more where pieces begin or end within chunks. Bytes: decompressed."
)

_TEXTS = (0, 1, 7)
"""Columns of names, which stand on the left."""

_OVER_TIME = "what each worker ran over time, and the memory of the fullest"

_FEW_SETTINGS = 6
"""Settings of a grid up to which steps and tasks have a column each."""

_PREDICTED_KEY = (
    "Filled: measured (medians of the times, highest peaks); empty and dashed: predicted, with the"
    " range in which it is expected."
)


@dataclass(frozen=True, kw_only=True)
class View:
    """One way to look at a profile."""

    name: str
    """What its button says; the first word is its own."""

    html: Markup
    """What it shows."""


def make_views(profile: Explained, *, picture: Picture, live: bool = False) -> tuple[View, ...]:
    """Return the views of a profile, but for its overview.

    Parameters
    ----------
    profile
        What was measured, with at least one run.
    picture
        Makes HTML of a figure.
    live
        Whether the page keeps style and buttons, so that calls can be zoomed.

    Returns
    -------
    tuple of View
        Predicted (if anything was), Memory, Steps, Lines (if any are known), Tasks, Calls and Data
        (likewise), Notes, Details; Notes alone where the workers had nothing to do. Of a grid lines
        and calls are in the profiles of its parts only, and steps and tasks where it has many
        settings.
    """
    number = f" {len(profile.notices)}" if profile.notices else ""
    notes = View(name=f"Notes{number}", html=notice_list(profile))
    if profile.is_for_nothing:
        return (notes,)
    few = not profile.is_grid or len(profile.counts) <= _FEW_SETTINGS
    memory = joined(
        [
            memory_view(profile),
            # Curves of settings that differ in much would need labels that are too long.
            NOTHING if profile.is_grid else memory_picture(profile, picture=picture),
            memory_panels(profile, picture=picture) if few else NOTHING,
            allocations_view(profile),
        ]
    )
    views = (
        View(name="Predicted", html=predicted_view(profile, picture=picture)),
        View(name="Memory", html=memory),
        View(name="Steps", html=steps_view(profile) if few else NOTHING),
        View(name="Lines", html=NOTHING if profile.is_grid else lines_view(profile)),
        View(name="Tasks", html=tasks_view(profile) if few else NOTHING),
        View(
            name="Calls",
            html=NOTHING if profile.is_grid else calls_view(profile, picture=picture, live=live),
        ),
        View(name="Data", html=elements_view(profile) + stores_view(profile)),
        notes,
        View(name="Details", html=details_view(profile, picture=picture)),
    )
    return tuple(view for view in views if view.html)


def elements_view(profile: Measured) -> Markup:
    """Return a table of elements; empty if none is known."""
    return _named_table(element_rows(profile, whole_paths=True), _TEXTS, _ELEMENTS_KEY)


def stores_view(profile: Explained) -> Markup:
    """Return a table of the zarr arrays that tasks read; empty if none is known."""
    return _named_table(store_rows(profile, every=True), (0, 1), _STORES_KEY)


def _named_table(rows: Sequence[Sequence[str]], names: Sequence[int], words: str) -> Markup:
    """Return a table of which some columns are names, which stand on the left."""
    if not rows:
        return NOTHING
    headers, *body = [
        [
            Cell(text=text, classes="sdp-name" if column in names else "")
            for column, text in enumerate(row)
        ]
        for row in rows
    ]
    return table(headers, [Row(cells=cells) for cells in body]) + key(words)


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


def overview_pictures(profile: Explained, *, picture: Picture) -> Markup:
    """Return workers over time at each count; memory over time where no tasks were recorded.

    Of a grid these are the times and the peaks of all settings.
    """
    if profile.is_for_nothing:
        return NOTHING
    runs = traced_runs(profile)
    if profile.is_grid or not runs:
        return overview_picture(profile, None, picture=picture)
    return joined(over_time(profile, run, picture=picture) for run in runs)


def traced_runs(profile: Measured) -> list[Run]:
    """Return for each count the run whose tasks stand for it, of those that have one."""
    return [run for run in profile.traced_runs if run.trace]


def over_time(
    profile: Explained, run: Run, *, picture: Picture, between: Bar | None = None
) -> Markup:
    """Return workers over time of a run, which is shown while its count is chosen, or none is."""
    drawn = overview_picture(profile, run, picture=picture, between=between)
    return write("over_time", run.workers, run is profile.shown_run, drawn)


def overview_picture(
    profile: Explained, run: Run | None, *, picture: Picture, between: Bar | None = None
) -> Markup:
    """Return the plot of workers over time of a run; of memory alone without its tasks.

    Of a grid these are the times and the peaks of all settings, whatever the run.
    """
    if profile.is_grid:
        return picture(_grid(profile), label="Times and peaks")
    draw = _over_time(profile, run, between)
    if run is None or draw is None:
        return memory_picture(profile, picture=picture)
    return picture(draw, label=f"{_OVER_TIME}, with {run.setting.name}")


def memory_picture(profile: Explained, *, picture: Picture) -> Markup:
    """Return the plot of memory over time; empty if it was not sampled."""
    draw = _memory(profile)
    return picture(draw, label=f"{SHOWN} over time") if draw else NOTHING


def still_picture(profile: Explained) -> Callable[[], Figure] | None:
    """Return what draws the one picture of a profile; None where there is nothing to draw."""
    if profile.is_grid:
        return _grid(profile)
    return _over_time(profile, profile.shown_run) or _memory(profile)


def _grid(profile: Explained) -> Callable[[], Figure]:
    from sdprofile.render.plots.grid import grid_plot

    return functools.partial(grid_plot, profile)


def _over_time(
    profile: Explained, run: Run | None, between: Bar | None = None
) -> Callable[[], Figure] | None:
    if run is None or run.trace is None:
        return None
    from sdprofile.render.plots.overview import overview_plot

    return functools.partial(overview_plot, profile, run, run.trace, between=between)


def _memory(profile: Explained) -> Callable[[], Figure] | None:
    if not any(is_sampled(run) for run in profile.runs):
        return None
    from sdprofile.render.plots.memory import memory_plot

    return functools.partial(memory_plot, profile)


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
