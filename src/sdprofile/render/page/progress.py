"""How far a sweep is, as HTML for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.render.page.markup import write
from sdprofile.render.text.progress import progress_line

if TYPE_CHECKING:
    from sdprofile.progress import Standing

# "!important" holds against the zebra stripes of JupyterLab (background) and against other themes
# (text-align). The style goes with the display when that is cleared.
_STYLE = Markup("""
.sdp-progress {color: var(--jp-content-font-color1, inherit); font-size: 13px; line-height: 1.5;
  font-variant-numeric: tabular-nums}
.sdp-progress progress {width: 160px; height: 10px; margin-right: 8px; vertical-align: middle;
  accent-color: var(--jp-brand-color1, #0072B2)}
.sdp-progress a {margin-left: 12px}
.sdp-progress table {border-collapse: collapse; border: none; margin: 4px 0 0; width: auto;
  font-size: inherit; color: inherit}
.sdp-progress tr, .sdp-progress th, .sdp-progress td {background: none !important; border: none;
  text-align: right !important; padding: 2px 7px; white-space: nowrap; color: inherit}
.sdp-progress thead tr {border-bottom: 1px solid var(--jp-border-color1, #8888)}
""")


def progress_html(standing: Standing) -> str:
    """Return the HTML for a notebook.

    Parameters
    ----------
    standing
        How far it is.

    Returns
    -------
    str
        One ``<div class="sdp-progress">`` with a bar, the line of `progress_line`, a link to the
        dashboard and the table of the runs so far. Every text is escaped.
    """
    return str(write("progress", standing, progress_line(standing), _STYLE))
