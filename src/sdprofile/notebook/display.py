"""Shows profiles and comparisons in a notebook: as a widget, and as outputs that the file keeps."""

from __future__ import annotations

import functools
import uuid
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from sdprofile.notebook.internals import is_notebook
from sdprofile.results.comparison import Comparison
from sdprofile.results.profile import Profile

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from ipywidgets import VBox
    from matplotlib.figure import Figure


_OVER_TIME = "workers and memory over time (see the strips above)"


_shown_above: weakref.WeakKeyDictionary[InteractiveShell, tuple[Profile, int]] = (
    weakref.WeakKeyDictionary()
)
"""The profile that a shell has shown above what its cell shows, and the number of that cell."""


def register_display(shell: InteractiveShell) -> None:
    """Let a notebook show them as three outputs; a terminal prints `str(profile)` anyway."""
    if is_notebook(shell) and shell.display_formatter is not None:
        show = functools.partial(_show, shell)
        shell.display_formatter.ipython_display_formatter.for_type(Profile, show)
        shell.display_formatter.ipython_display_formatter.for_type(Comparison, show_comparison)


def unregister_display(shell: InteractiveShell) -> None:
    """Undo `register_display`."""
    if is_notebook(shell) and shell.display_formatter is not None:
        for shown in (Profile, Comparison):
            shell.display_formatter.ipython_display_formatter.pop(shown, None)


def show_above(shell: InteractiveShell, profile: Profile) -> None:
    """Show a profile now, and not again where the same cell ends with it."""
    show_profile(profile)
    _shown_above[shell] = profile, shell.execution_count


def _show(shell: InteractiveShell, profile: Profile) -> None:
    above, cell = _shown_above.get(shell, (None, 0))
    if above is not profile or cell != shell.execution_count:
        show_profile(profile)


def show_profile(profile: Profile) -> None:
    """Publish a profile: the widget, and what stands in for it where there is none."""
    from sdprofile.render.page.page import html_report
    from sdprofile.render.page.views import still_picture
    from sdprofile.render.page.widget import timing_widget

    _publish(
        widget=functools.partial(timing_widget, profile) if profile.runs else None,
        first=profile.advice,
        page=functools.partial(html_report, profile),
        text=str(profile),
        draw=still_picture(profile) if profile.runs else None,
        seen="times and peaks (see above)" if profile.is_grid else _OVER_TIME,
    )


def show_comparison(comparison: Comparison) -> None:
    """Publish a comparison in the same way."""
    from sdprofile.render.page.comparison import (
        comparison_page,
        comparison_picture,
        comparison_widget,
    )

    _publish(
        widget=functools.partial(comparison_widget, comparison) if comparison.counts else None,
        first=comparison.answer.text,
        page=functools.partial(comparison_page, comparison),
        text=str(comparison),
        draw=comparison_picture(comparison),
        seen="times and peaks of both (see above)",
    )


def _publish(
    *,
    widget: Callable[..., VBox] | None,
    first: str,
    page: Callable[..., str],
    text: str,
    draw: Callable[[], Figure] | None,
    seen: str,
) -> None:
    """Publish a widget, and what stands in for it where there is none.

    Parameters
    ----------
    widget
        Makes it of its class `uid`; None where there is nothing to choose.
    first
        What it begins with, as text; may be empty.
    page
        Makes the same as HTML that hides where the widget of the class `twin_of` is.
    text
        The same as text.
    draw
        Makes the one picture; None for none.
    seen
        What the picture shows, as text.

    Notes
    -----
    Three outputs instead of one bundle. In a bundle JupyterLab takes the widget only, and shows an
    error in its place once the kernel is gone. The report hides itself and the picture while
    the widget is there. Viewers that take scripts and images out of HTML, as GitHub does, still
    show the picture.
    """
    from IPython.display import publish_display_data

    from sdprofile.render.page.picture import draw_png

    uid = ""
    if widget is not None:
        uid = f"sdp-{uuid.uuid4().hex}"
        model = {"version_major": 2, "version_minor": 0, "model_id": widget(uid=uid).model_id}
        # The text is for pages that show neither the widget nor the style of the report.
        publish_display_data(
            {
                "application/vnd.jupyter.widget-view+json": model,
                "text/plain": f"sdprofile: {first or 'the report follows'}",
            }
        )
    publish_display_data({"text/html": page(twin_of=uid), "text/plain": text})
    if draw is not None:
        png, width, height = draw_png(draw)
        publish_display_data(
            {"image/png": png, "text/plain": seen},
            metadata={"image/png": {"width": width, "height": height}},
        )
