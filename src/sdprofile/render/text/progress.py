"""How far a sweep is: a line of text, lines for a terminal, HTML for a notebook."""

from __future__ import annotations

import math
import textwrap
from html import escape
from typing import TYPE_CHECKING

from sdprofile.render.text.report import table_lines
from sdprofile.units import format_whole_seconds, plural

if TYPE_CHECKING:
    from sdprofile.progress import Standing

# "!important" holds against the zebra stripes of JupyterLab (background) and against other themes
# (text-align). The style goes with the display when that is cleared.
_STYLE = """
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
"""


def progress_line(standing: Standing) -> str:
    """Return how far a sweep is, in one line.

    Parameters
    ----------
    standing
        How far it is.

    Returns
    -------
    str
        For instance ``sdprofile: 2 workers, run 2 of 3: 4 of 9 runs done, 12 s, about 15 s left``.
        The time left is not told where nothing is known, or where it is over.
    """
    step = standing.step
    what = f"{step.way} {step.name}"
    if step.repeat:
        what = f"{step.name}, run {step.repeat} of {step.repeats}"
    parts = [
        f"{standing.done} of {plural(standing.total, 'run')} done",
        format_whole_seconds(math.floor(standing.seconds)),
    ]
    if standing.seconds_left:
        parts.append(f"about {format_whole_seconds(math.ceil(standing.seconds_left))} left")
    return f"sdprofile: {what}: {', '.join(parts)}"


def progress_lines(
    standing: Standing, *, width: int, height: int, ascii_only: bool = False
) -> list[str]:
    """Return the lines for a terminal.

    Parameters
    ----------
    standing
        How far it is.
    width, height
        Columns and lines that may be used, from 1 up.
    ascii_only
        Whether to use ASCII only.

    Returns
    -------
    list of str
        At most `height` lines of at most `width` characters: the line of `progress_line`, that it
        will take long, the dashboard's address, the table of the runs so far. Where there is no
        room for them all, the last of these are left out.
    """
    line = progress_line(standing)
    parts = [textwrap.wrap(line, width)]
    if standing.step.forecast:
        parts.append(textwrap.wrap(standing.step.forecast, width))
    if standing.step.dashboard:
        parts.append([f"dashboard {standing.step.dashboard}"])
    if standing.rows:
        parts.append(table_lines(standing.rows, width=width, ascii_only=ascii_only))
    while len(parts) > 1 and sum(map(len, parts)) > height:
        parts.pop()
    lines = [part[:width] for lines in parts for part in lines]
    return lines if len(lines) <= height else [line[:width]]


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
    bar = f'<progress aria-label="runs done" value="{standing.done}" max="{standing.total}">'
    line = escape(progress_line(standing))
    forecast = f"<div>{escape(standing.step.forecast)}</div>" if standing.step.forecast else ""
    return (
        f'<div class="sdp-progress"><style>{_STYLE}</style>'
        f"<div>{bar}</progress>{line}{_link(standing.step.dashboard)}</div>{forecast}"
        f"{_table(standing)}</div>"
    )


def _link(dashboard: str) -> str:
    address = escape(dashboard)
    # The address may be anything that dask's configuration says.
    if dashboard.startswith(("http://", "https://")):
        return f' <a href="{address}" target="_blank" rel="noopener">dashboard</a>'
    return f", dashboard {address}" if dashboard else ""


def _table(standing: Standing) -> str:
    if not standing.rows:
        return ""
    headers, *body = standing.rows
    head = "".join(f"<th>{escape(header)}</th>" for header in headers)
    lines = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in body)
    rows = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
