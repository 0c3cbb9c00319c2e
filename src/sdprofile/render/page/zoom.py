"""The pictures of the Overview in a widget, and the slider that chooses what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.render.page.markup import in_page
from sdprofile.render.page.picture import svg_picture
from sdprofile.render.page.views import over_time, overview_pictures, traced_runs

if TYPE_CHECKING:
    from ipywidgets import HTML, FloatRangeSlider, ToggleButtons

    from sdprofile.explain.explained import Explained

_STEPS = 1000
"""Places of the slider."""


def zoom(
    profile: Explained, pictures: HTML, choose_count: ToggleButtons
) -> tuple[FloatRangeSlider, ...]:
    """Draw the pictures, and return the slider that has them drawn anew.

    Parameters
    ----------
    profile
        What was measured.
    pictures
        Where the pictures go.
    choose_count
        Buttons that choose the worker count; the first is for all of them.

    Returns
    -------
    tuple of ipywidgets.FloatRangeSlider
        One, in seconds since the cell started; none of a grid, or where no tasks were recorded.
    """
    from ipywidgets import FloatRangeSlider

    whole = in_page(overview_pictures(profile, picture=svg_picture))
    pictures.value = whole
    runs = {run.workers: run for run in traced_runs(profile)}
    if not runs or profile.is_grid or profile.is_for_nothing:
        return ()
    longest = max(run.seconds for run in runs.values())
    slider = FloatRangeSlider(
        value=(0.0, longest),
        min=0.0,
        max=longest,
        step=longest / _STEPS,
        description="zoom [s]",
        continuous_update=False,
        readout_format=".3g",
    )

    slider.add_class("sdp-zoom")

    def draw(change: object) -> None:
        index = choose_count.index
        chosen = profile.counts[index - 1].workers if index else None
        run = runs.get(chosen) if chosen else profile.shown_run
        if run is None or tuple(slider.value) == (slider.min, slider.max):
            pictures.value = whole
        else:
            shown = over_time(profile, run, picture=svg_picture, between=tuple(slider.value))
            pictures.value = in_page(shown)

    slider.observe(draw, "value")
    choose_count.observe(draw, "index")
    return (slider,)
