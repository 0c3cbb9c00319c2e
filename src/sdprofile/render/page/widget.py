"""The widget of a notebook: buttons that choose a view and a worker count, without the kernel."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from sdprofile.render.page.markup import in_page, joined, write
from sdprofile.render.page.page import answer, code, conditions_line, parts, stopped, style
from sdprofile.render.page.picture import svg_picture
from sdprofile.render.page.search import search
from sdprofile.render.page.time_view import time_view
from sdprofile.render.page.views import View, leading_notices, make_views
from sdprofile.render.page.zoom import zoom
from sdprofile.render.palette import REPEAT, marked

if TYPE_CHECKING:
    from ipywidgets import HTML, DOMWidget, ToggleButtons, VBox
    from markupsafe import Markup

    from sdprofile.explain.explained import Explained


def timing_widget(profile: Explained, *, uid: str) -> VBox:
    """Return a widget that shows a profile.

    Parameters
    ----------
    profile
        What was measured, with at least one run.
    uid
        A class that no other widget of the page has.

    Returns
    -------
    ipywidgets.VBox
        Rows of buttons, for the views, the worker counts, and the stretch of time that the
        Overview shows; below, the Overview, its pictures and all other
        views as three pieces of HTML.

    Notes
    -----
    Which view is displayed, and which count stands out, is decided by style rules that look at
    which button is active. So it answers while the kernel is busy, and without a kernel; only the
    stretch of time needs one. Browsers without ``:has()`` (before Chrome 105, Safari 15.4 and
    Firefox 121) show all views at once.
    """
    others = make_views(profile, picture=svg_picture, live=True)
    return tabbed_widget(
        [View(name="Overview", html=time_view(profile)), *others],
        counts=_counts(profile),
        above=[leading_notices(profile), answer(profile)],
        below=[conditions_line(profile), stopped(profile), parts(profile), code(profile)],
        uid=uid,
        draw=functools.partial(zoom, profile),
        beside={"calls": search(profile, uid=uid)},
    )


def tabbed_widget(
    views: Sequence[View],
    *,
    counts: Mapping[int, str],
    above: Sequence[Markup],
    below: Sequence[Markup],
    uid: str,
    draw: Callable[[HTML, ToggleButtons], tuple[DOMWidget, ...]] | None = None,
    beside: Mapping[str, Sequence[DOMWidget]] = MappingProxyType({}),
) -> VBox:
    """Return a widget that shows one view at a time, as `timing_widget` says.

    Parameters
    ----------
    views
        What it shows, each with its button.
    counts
        What the buttons of worker counts say, by number of workers.
    above, below
        What stands above and below every view.
    uid
        A class that no other widget of the page has.
    draw
        Draws what comes below the first view, and returns buttons that have it drawn anew.
    beside
        What stands above other views, by their names in lower case.
    """
    from ipywidgets import HTML, HBox, ToggleButtons, VBox

    choose_view = ToggleButtons(options=[view.name for view in views])
    choose_view.add_class("sdp-views")
    choose_count = ToggleButtons(options=["all", *counts.values()], description="workers")
    choose_count.add_class("sdp-counts")
    for buttons in (choose_view, choose_count):
        buttons.style.button_width = "auto"
    first, *others = map(_section, views)
    rules = "\n".join([style(), *_view_rules(views, uid), *_count_rules(counts, uid)])
    pictures = HTML()
    buttons = draw(pictures, choose_count) if draw is not None else ()
    for each in (pictures, *buttons):
        each.add_class("sdp-view")
        each.add_class(_class(views[0]))
    for name, widgets in beside.items():
        for each in widgets:
            each.add_class("sdp-view")
            each.add_class(f"sdp-view-{name}")
    row = HBox([choose_view, choose_count, *buttons])
    row.layout.flex_flow = "row wrap"
    top = HTML(in_page(joined([*above, first]), rules=rules))
    fields = [each for widgets in beside.values() for each in widgets]
    contents = [top, pictures, *fields, HTML(in_page(joined([*others, *below])))]
    for each in contents:
        if isinstance(each, HTML):  # else as wide as its widest view, also where the page is not
            each.layout.width = "100%"
    widget = VBox([row, *contents])
    widget.add_class("sdp-live")
    widget.add_class(uid)
    return widget


def _section(view: View) -> Markup:
    return write("section", view.name, _class(view), view.html)


def _counts(profile: Explained) -> dict[int, str]:
    """Return what the buttons say; without a mark in a grid, where that is of more."""
    if profile.is_grid:
        return {count.workers: count.setting.label for count in profile.counts}
    return {count.workers: f"{how.glyph} {count.setting.label}" for count, how in marked(profile)}


def _class(view: View) -> str:
    return f"sdp-view-{view.name.split()[0].lower()}"


def _view_rules(views: Sequence[View], uid: str) -> list[str]:
    """Return the rules by which the pressed button hides what is of other views."""
    return [
        f"{_pressed(uid, 'sdp-views', index)} .sdp-view:not(.{_class(view)}) {{display: none}}"
        for index, view in enumerate(views)
    ]


def _count_rules(counts: Iterable[int], uid: str) -> list[str]:
    """Return the rules by which the pressed button makes one worker count stand out.

    Notes
    -----
    Text is dimmed less than curves, so that it can still be read.
    """
    rules = [
        f".{uid} .{REPEAT} {{display: none}}",
        f"{_pressed(uid, 'sdp-counts', 0)} .sdp-over:not(.sdp-shown) {{display: none}}",
    ]
    for index, workers in enumerate(counts, start=1):
        pressed, own = _pressed(uid, "sdp-counts", index), f".sdp-w{workers}"
        rules += [
            f"{pressed} svg .sdp-of:not({own}) {{opacity: 0.2}}",
            f"{pressed} :is(tr, td, th).sdp-of:not({own}) {{opacity: 0.65}}",
            f"{pressed} :is(tr, td, th).sdp-of{own}"
            " {background: var(--jp-layout-color2, #8882) !important; font-weight: 600}",
            f"{pressed} :is(.sdp-panel, .sdp-over):not({own}) {{display: none}}",
            f"{pressed} .{REPEAT}{own} {{display: inline}}",
        ]
    return rules


def _pressed(uid: str, buttons: str, index: int) -> str:
    return f".{uid}:has(.{buttons} button:nth-of-type({index + 1}).mod-active)"
