"""Shows a profile in a notebook: table and plot, each as an output that is kept in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.model.profile import Profile

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def register_display(shell: InteractiveShell) -> None:
    """Let a notebook show profiles as two outputs; a terminal prints `str(profile)` anyway."""
    if hasattr(shell, "kernel") and shell.display_formatter is not None:
        shell.display_formatter.ipython_display_formatter.for_type(Profile, show_profile)


def unregister_display(shell: InteractiveShell) -> None:
    """Undo `register_display`."""
    if hasattr(shell, "kernel") and shell.display_formatter is not None:
        shell.display_formatter.ipython_display_formatter.pop(Profile, None)


def show_profile(profile: Profile) -> None:
    """Publish a profile.

    Parameters
    ----------
    profile
        What to show.

    Notes
    -----
    Two outputs instead of one bundle: viewers that take the scripts and images out of HTML, as
    GitHub does, still show the plot.
    """
    from IPython.display import publish_display_data

    from sdprofile.render.curves import is_sampled
    from sdprofile.render.html import html_table
    from sdprofile.render.memory_plot import plot_png

    publish_display_data({"text/html": html_table(profile), "text/plain": str(profile)})
    if any(is_sampled(run) for run in profile.runs):
        png, width, height = plot_png(profile)
        publish_display_data(
            {"image/png": png, "text/plain": "memory over time (see the strips above)"},
            metadata={"image/png": {"width": width, "height": height}},
        )
