"""The pictures of the Overview in a widget, and the buttons that choose what they show."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.render.page.markup import in_page
from sdprofile.render.page.picture import svg_picture
from sdprofile.render.page.views import over_time, overview_pictures, traced_runs

if TYPE_CHECKING:
    from ipywidgets import HTML, Box, ToggleButtons

    from sdprofile.explain.explained import Explained
    from sdprofile.render.plots.worker_tasks import Bar

_MOST = 1024
"""How many times larger than the whole a stretch may be drawn."""


@dataclass(kw_only=True)
class Stretch:
    """The part of a run that is drawn."""

    whole: float
    """How long the run took, in seconds."""

    middle: float = 0.5
    """Where its middle is, as a fraction of the run."""

    share: float = 1.0
    """How long it is, as a fraction of the run."""

    def change(self, *, shift: float = 0.0, factor: float = 1.0) -> None:
        """Move it by a fraction of its length, then make it so many times as long."""
        middle = self.middle + shift * self.share
        self.share = min(1.0, max(1 / _MOST, self.share * factor))
        self.middle = min(max(middle, self.share / 2), 1 - self.share / 2)

    @property
    def between(self) -> Bar:
        """Where it begins and ends, in seconds since the cell started."""
        first = self.middle - self.share / 2
        return first * self.whole, (first + self.share) * self.whole


def zoom(profile: Explained, pictures: HTML, choose_count: ToggleButtons) -> tuple[Box, ...]:
    """Draw the pictures, and return the buttons that have them drawn anew.

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
    tuple of ipywidgets.Box
        One with the buttons; none of a grid, or where no tasks were recorded.
    """
    from ipywidgets import Button, HBox

    whole = in_page(overview_pictures(profile, picture=svg_picture))
    pictures.value = whole
    runs = {run.workers: run for run in traced_runs(profile)}
    if not runs or profile.is_grid or profile.is_for_nothing:
        return ()
    stretch = Stretch(whole=max(run.seconds for run in runs.values()))

    def draw(_: object = None) -> None:
        index = choose_count.index
        run = runs.get(profile.counts[index - 1].workers) if index else profile.shown_run
        if run is None or stretch.share == 1.0:
            pictures.value = whole
            return
        shown = over_time(profile, run, picture=svg_picture, between=stretch.between)
        pictures.value = in_page(shown)

    def press(_: object, *, shift: float = 0.0, factor: float = 1.0) -> None:
        stretch.change(shift=shift, factor=factor)
        draw()

    buttons = []
    for sign, what, press_it in (
        ("\N{MINUS SIGN}", "zoom out", functools.partial(press, factor=2.0)),
        ("+", "zoom in", functools.partial(press, factor=0.5)),
        ("\N{LEFTWARDS ARROW}", "earlier", functools.partial(press, shift=-0.5)),
        ("\N{RIGHTWARDS ARROW}", "later", functools.partial(press, shift=0.5)),
    ):
        buttons.append(Button(description=sign, tooltip=what))
        buttons[-1].on_click(press_it)
    choose_count.observe(draw, "index")
    row = HBox(buttons)
    row.add_class("sdp-zoom")
    return (row,)
