"""The row of each worker count: time, how much faster, memory and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.model.account import Cause
from sdprofile.render.page.markup import NOTHING, Cell, Row, bar, glyph, stack, table, write
from sdprofile.render.palette import CAUSE_COLOURS, Mark, marked, of_count
from sdprofile.render.text.breakdown import account_shares
from sdprofile.render.text.rows import GPU, PEAK, table_rows, times_line

if TYPE_CHECKING:
    from sdprofile.explain.explained import Explained
    from sdprofile.model.run import CountSummary

_LEAST_SHOWN = 0.03
"""Share of the time from which a cause is in the key."""

_LEFT_OUT = ("range", GPU)
"""Columns that a narrow page does without: the dots on the bar tell the one, too, and the table of
memory the other."""


def time_view(profile: Explained) -> Markup:
    """Return the table of all counts: time, how much faster, where the time went, peak.

    Parameters
    ----------
    profile
        What was measured.
    """
    longest = max((run.seconds for run in profile.runs if run.status == "ok"), default=0.0)
    if profile.is_for_nothing:
        return write("paragraph", times_line(profile))
    names, *lines = table_rows(profile)
    rows = []
    shares = account_shares(profile)
    place = names.index(PEAK) if PEAK in names else len(names)
    chosen = profile.chosen
    every = shares or [{}] * len(lines)
    for (count, how), texts, parts in zip(marked(profile), lines, every, strict=True):
        before = {"workers": glyph(how)}
        bars = {"time": time_bar(count, how, longest)}
        cells = [
            Cell(
                text=text,
                before=before.get(name, NOTHING),
                bar=bars.get(name, NOTHING),
                classes=_classes(name),
            )
            for name, text in zip(names, texts, strict=True)
        ]
        if shares:
            cells.insert(place, _account(parts))
        strong = " sdp-chosen" if count is chosen else ""
        rows.append(Row(cells=cells, classes=f"{of_count(count.workers)}{strong}"))
    headers = [Cell(text=name, classes=_classes(name)) for name in names]
    if shares:
        headers.insert(place, Cell(text="where the time went", classes="sdp-left"))
    return table(headers, rows) + _key(shares)


def _account(shares: Mapping[Cause, float]) -> Cell:
    """Return the cell that shows where the time of one count went."""
    named = {str(cause): share for cause, share in shares.items()}
    colours = {str(cause): colour for cause, colour in CAUSE_COLOURS.items()}
    return Cell(text="", before=stack(named, colours, wide=True), classes="sdp-left sdp-account")


def _key(every: Iterable[Mapping[Cause, float]]) -> Markup:
    """Return what the colours of those cells stand for."""
    most: dict[Cause, float] = {}
    for shares in every:
        for cause, share in shares.items():
            most[cause] = max(share, most.get(cause, 0.0))
    shown = [cause for cause in CAUSE_COLOURS if most.get(cause, 0.0) >= _LEAST_SHOWN]
    return write("colours", [(str(cause), CAUSE_COLOURS[cause]) for cause in shown])


def time_bar(count: CountSummary, how: Mark, longest: float) -> Markup:
    """Return the bar of a median time, with a dot for each run."""
    if count.timing is None or not longest:
        return NOTHING
    dots = [seconds / longest for seconds in count.timing.seconds]
    return bar(count.timing.median / longest, how.colour, dots=dots if len(dots) > 1 else ())


def _classes(name: str) -> str:
    return "sdp-extra" if name in _LEFT_OUT else ""
