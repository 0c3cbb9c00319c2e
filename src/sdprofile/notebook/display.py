"""Shows a profile in a notebook: as a widget, and as outputs that are kept in the file."""

from __future__ import annotations

import functools
import uuid
import weakref
from typing import TYPE_CHECKING

from sdprofile.notebook.internals import is_notebook
from sdprofile.results.profile import Profile

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


_OVER_TIME = "workers and memory over time (see the strips above)"


_shown_above: weakref.WeakKeyDictionary[InteractiveShell, tuple[Profile, int]] = (
    weakref.WeakKeyDictionary()
)
"""The profile that a shell has shown above what its cell shows, and the number of that cell."""


def register_display(shell: InteractiveShell) -> None:
    """Let a notebook show profiles as three outputs; a terminal prints `str(profile)` anyway."""
    if is_notebook(shell) and shell.display_formatter is not None:
        show = functools.partial(_show, shell)
        shell.display_formatter.ipython_display_formatter.for_type(Profile, show)


def unregister_display(shell: InteractiveShell) -> None:
    """Undo `register_display`."""
    if is_notebook(shell) and shell.display_formatter is not None:
        shell.display_formatter.ipython_display_formatter.pop(Profile, None)


def show_above(shell: InteractiveShell, profile: Profile) -> None:
    """Show a profile now, and not again where the same cell ends with it."""
    show_profile(profile)
    _shown_above[shell] = profile, shell.execution_count


def _show(shell: InteractiveShell, profile: Profile) -> None:
    above, cell = _shown_above.get(shell, (None, 0))
    if above is not profile or cell != shell.execution_count:
        show_profile(profile)


def show_profile(profile: Profile) -> None:
    """Publish a profile: the widget, and what stands in for it where there is none.

    Parameters
    ----------
    profile
        What to show.

    Notes
    -----
    Three outputs instead of one bundle. In a bundle JupyterLab takes the widget only, and shows an
    error in its place once the kernel is gone. The report hides itself and the picture while
    the widget is there. Viewers that take scripts and images out of HTML, as GitHub does, still
    show the picture.
    """
    from IPython.display import publish_display_data

    from sdprofile.render.page.page import html_report
    from sdprofile.render.page.picture import draw_png
    from sdprofile.render.page.views import still_picture
    from sdprofile.render.page.widget import timing_widget

    uid = ""
    if profile.runs and not profile.is_grid:
        uid = f"sdp-{uuid.uuid4().hex}"
        widget = timing_widget(profile, uid=uid)
        model = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
        # The text is for pages that show neither the widget nor the style of the report.
        publish_display_data(
            {
                "application/vnd.jupyter.widget-view+json": model,
                "text/plain": f"sdprofile: {profile.advice or 'the report follows'}",
            }
        )
    report = html_report(profile, twin_of=uid)
    publish_display_data({"text/html": report, "text/plain": str(profile)})
    if draw := still_picture(profile):
        png, width, height = draw_png(draw)
        what = "times and peaks (see above)" if profile.is_grid else _OVER_TIME
        publish_display_data(
            {"image/png": png, "text/plain": what},
            metadata={"image/png": {"width": width, "height": height}},
        )
