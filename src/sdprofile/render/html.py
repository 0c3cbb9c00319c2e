"""A profile in a notebook: a table that works in both themes and without style, and the plot."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from sdprofile.render.breakdown import MEMORY, PREFIX, TIME, memory_rows, time_rows
from sdprofile.render.curves import SHOWN, is_sampled
from sdprofile.render.palette import Mark, mark
from sdprofile.render.rows import NO_RUNS, conditions, table_rows

if TYPE_CHECKING:
    from sdprofile.model.profile import Profile
    from sdprofile.model.run import CountSummary

# "!important" holds against the zebra stripes of JupyterLab and nbconvert (background) and against
# the themes of Sphinx (text-align).
_STYLE = """
.sdprofile {color: var(--jp-content-font-color1, inherit); font-size: 13px; line-height: 1.5}
.sdprofile table {border-collapse: collapse; border: none; margin: 0 0 6px; font-size: inherit;
  font-variant-numeric: tabular-nums; color: inherit; width: auto}
.sdprofile tr, .sdprofile th, .sdprofile td {background: none !important; border: none;
  text-align: right !important; padding: 3px 7px; white-space: nowrap; color: inherit;
  vertical-align: middle}
.sdprofile .sdp-name {text-align: left !important; max-width: 30em; overflow: hidden;
  text-overflow: ellipsis}
.sdprofile caption {caption-side: top; text-align: left; padding: 4px 7px; color: inherit;
  white-space: nowrap}
.sdprofile details table {margin-left: 10px}
.sdprofile thead tr {border-bottom: 1px solid var(--jp-border-color1, #8888)}
.sdprofile th {font-weight: 600}
.sdprofile .sdp-bar {display: inline-block; width: 64px; height: 9px; margin-right: 8px;
  border-radius: 2px; background: var(--jp-border-color2, #8884); overflow: hidden}
.sdprofile .sdp-bar span {display: block; height: 100%}
.sdprofile .sdp-conditions {color: var(--jp-content-font-color2, inherit); margin: 0 7px 6px}
.sdprofile ul {margin: 6px 0 6px 10px; padding-left: 16px}
.sdprofile .sdp-advice {margin: 6px 7px 8px; padding: 2px 10px; font-weight: 600;
  border-left: 3px solid var(--jp-brand-color1, #0072B2)}
.sdprofile summary {cursor: pointer; margin-left: 10px}
.sdprofile pre {margin: 4px 10px; padding: 6px; white-space: pre-wrap;
  color: inherit; background: var(--jp-layout-color2, #8882)}
.sdprofile img {max-width: 100%; height: auto}
"""


def html_table(profile: Profile) -> str:
    """Return a profile as an HTML fragment that needs nothing else.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    str
        Table, conditions, notices and advice, then folded the breakdown and the code, within one
        ``<div class="sdprofile">``. Where the style is stripped these are plain tables. Every text
        is escaped.
    """
    return _fragment(_content(profile) + _folded(profile))


def mimebundle(profile: Profile) -> dict[str, Any]:
    """Return a profile by MIME type, for IPython's display.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    dict
        ``text/plain``, the report for a terminal, and ``text/html``, the table with the plot in it
        unless no memory was sampled.
    """
    html = _fragment(_content(profile) + _image(profile) + _folded(profile))
    return {"text/plain": str(profile), "text/html": html}


def _fragment(content: str) -> str:
    return f'<div class="sdprofile"><style>{_STYLE}</style>{content}</div>'


def _content(profile: Profile) -> str:
    parts = [_table(profile), _conditions(profile)] if profile.runs else [f"<p>{NO_RUNS}</p>"]
    if profile.stopped:
        parts.append(f"<p>stopped: {escape(profile.stopped)}</p>")
    if profile.notices:
        items = [
            f"<li><b>{escape(notice.fact)}</b><br>{escape(notice.advice)}</li>"
            for notice in profile.notices
        ]
        parts.append(f"<ul>{''.join(items)}</ul>")
    if profile.advice:
        parts.append(f'<p class="sdp-advice">{escape(profile.advice)}</p>')
    return "\n".join(parts)


def _folded(profile: Profile) -> str:
    """Return what is there for those who open it."""
    marks = [{"workers": _glyph(mark(index))} for index in range(len(profile.counts))]
    tables = [
        _html_table(rows, caption=caption, decorated=decorated)
        for caption, rows, decorated in (
            (TIME, time_rows(profile), marks),
            (MEMORY, memory_rows(profile), []),
        )
        if rows
    ]
    folded = {"where the time and the memory went": "\n".join(tables)} if tables else {}
    folded["code"] = f"<pre>{escape(profile.code)}</pre>"
    return "".join(
        f"\n<details><summary>{summary}</summary>{inner}</details>"
        for summary, inner in folded.items()
    )


def _table(profile: Profile) -> str:
    slowest = max(
        (count.timing.median for count in profile.counts if count.timing is not None), default=0.0
    )
    decorated = [
        {"workers": _glyph(mark(index)), "time": _bar(count, mark(index), slowest)}
        for index, count in enumerate(profile.counts)
    ]
    return _html_table(table_rows(profile), decorated=decorated)


def _html_table(
    rows: list[list[str]], *, decorated: Sequence[Mapping[str, str]] = (), caption: str = ""
) -> str:
    """Return rows of text, headers first, as a table.

    Parameters
    ----------
    rows
        Headers and cells, which are escaped.
    decorated
        For each row, HTML that stands before a cell, by header.
    caption
        What stands above the table.
    """
    headers, *body = rows
    kinds = [' class="sdp-name"' if header == PREFIX else "" for header in headers]
    lines = []
    for cells, before in zip(body, decorated or [{}] * len(body), strict=True):
        columns = zip(headers, kinds, cells, strict=True)
        row = (
            f"<td{kind}>{before.get(name, '')}{escape(cell)}</td>" for name, kind, cell in columns
        )
        lines.append(f"<tr>{''.join(row)}</tr>\n")
    head = "".join(
        f"<th{kind}>{escape(name)}</th>" for name, kind in zip(headers, kinds, strict=True)
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>\n{''.join(lines)}</tbody></table>"


def _glyph(how: Mark) -> str:
    return f'<span style="color:{how.colour}">{how.glyph}</span> '


def _bar(count: CountSummary, how: Mark, slowest: float) -> str:
    if count.timing is None or not slowest:
        return ""
    width = 100 * count.timing.median / slowest
    filled = f'<span style="width:{width:.1f}%;background:{how.colour}"></span>'
    return f'<span class="sdp-bar">{filled}</span>'


def _conditions(profile: Profile) -> str:
    parts = [escape(part) for part in conditions(profile)]
    dashboard = escape(profile.dashboard)
    # A profile may come from a file, and so may a link that runs a script.
    if profile.dashboard.startswith(("http://", "https://")):
        parts.append(f'<a href="{dashboard}" target="_blank" rel="noopener">dashboard</a>')
    elif dashboard:
        parts.append(f"dashboard {dashboard}")
    if profile.tunnel:
        parts.append(f"to open it from your machine: <code>{escape(profile.tunnel)}</code>")
    return f'<p class="sdp-conditions">{", ".join(parts)}</p>'


def _image(profile: Profile) -> str:
    if not any(is_sampled(run) for run in profile.runs):
        return ""
    # Takes matplotlib, which is slow to import and not needed for the table.
    from sdprofile.render.memory_plot import plot_png

    png, width, height = plot_png(profile)
    data = base64.b64encode(png).decode("ascii")
    return (
        f'\n<img src="data:image/png;base64,{data}" width="{width}" height="{height}"'
        f' alt="{escape(SHOWN)} over time">'
    )
