"""The widget of a notebook: buttons that choose a view and a worker count, without the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdprofile.render.page.markup import in_page, joined, write
from sdprofile.render.page.page import answer, code, conditions_line, stopped, style
from sdprofile.render.page.picture import svg_picture
from sdprofile.render.page.time_view import time_view
from sdprofile.render.page.views import View, leading_notices, make_views
from sdprofile.render.page.zoom import zoom
from sdprofile.render.palette import REPEAT, marked

if TYPE_CHECKING:
    from ipywidgets import VBox
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
        Two rows of buttons, for the views and the worker counts, with a slider that chooses the
        stretch of time which the Overview shows; below, the Overview, its pictures and all other
        views as three pieces of HTML.

    Notes
    -----
    Which view is displayed, and which count stands out, is decided by style rules that look at
    which button is active. So it answers while the kernel is busy, and without a kernel; only the
    slider needs one. Browsers without ``:has()`` (before Chrome 105, Safari 15.4 and Firefox 121)
    show all views at once.
    """
    from ipywidgets import HTML, HBox, ToggleButtons, VBox

    overview = View(name="Overview", html=time_view(profile))
    views = [overview, *make_views(profile, picture=svg_picture)]
    choose_view = ToggleButtons(options=[view.name for view in views])
    choose_view.add_class("sdp-views")
    names = [f"{how.glyph} {count.workers}" for count, how in marked(profile)]
    choose_count = ToggleButtons(options=["all", *names], description="workers")
    choose_count.add_class("sdp-counts")
    for buttons in (choose_view, choose_count):
        buttons.style.button_width = "auto"
    top = [leading_notices(profile), answer(profile), _section(overview)]
    others = map(_section, views[1:])
    below = [*others, conditions_line(profile), stopped(profile), code(profile)]
    rules = "\n".join([style(), *_view_rules(views, uid), *_count_rules(profile, uid)])
    pictures = HTML()
    sliders = zoom(profile, pictures, choose_count)
    for each in (pictures, *sliders):
        each.add_class("sdp-view")
        each.add_class(_class(overview))
    row = HBox([choose_view, choose_count, *sliders])
    row.layout.flex_flow = "row wrap"
    first, last = HTML(in_page(joined(top), rules=rules)), HTML(in_page(joined(below)))
    for each in (first, pictures, last):
        each.layout.width = "100%"  # else as wide as its widest view, also where the page is not
    widget = VBox([row, first, pictures, last])
    widget.add_class("sdp-live")
    widget.add_class(uid)
    return widget


def _section(view: View) -> Markup:
    return write("section", view.name, _class(view), view.html)


def _class(view: View) -> str:
    return f"sdp-view-{view.name.split()[0].lower()}"


def _view_rules(views: Sequence[View], uid: str) -> list[str]:
    """Return the rules by which the pressed button hides what is of other views."""
    return [
        f"{_pressed(uid, 'sdp-views', index)} .sdp-view:not(.{_class(view)}) {{display: none}}"
        for index, view in enumerate(views)
    ]


def _count_rules(profile: Explained, uid: str) -> list[str]:
    """Return the rules by which the pressed button makes one worker count stand out.

    Notes
    -----
    Text is dimmed less than curves, so that it can still be read.
    """
    rules = [
        f".{uid} .{REPEAT} {{display: none}}",
        f"{_pressed(uid, 'sdp-counts', 0)} .sdp-over:not(.sdp-shown) {{display: none}}",
    ]
    for index, count in enumerate(profile.counts, start=1):
        pressed, own = _pressed(uid, "sdp-counts", index), f".sdp-w{count.workers}"
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
