"""Searches the calls of a profile in a widget; it needs the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.calls import seconds_of
from sdprofile.model.calls import CallTrees
from sdprofile.render.page.calls_view import run_with_calls
from sdprofile.render.page.markup import in_page, write
from sdprofile.units import format_seconds, plural

if TYPE_CHECKING:
    from ipywidgets import DOMWidget

    from sdprofile.explain.explained import Explained

_FOUND = "{background: #F0E442; background-image: none; color: #000}"
"""How a call looks that was found: black on yellow, which no package has."""


def search(profile: Explained, *, uid: str) -> tuple[DOMWidget, ...]:
    """Return a field for a text, and what is said of the calls that have it in their names.

    Parameters
    ----------
    profile
        What was measured.
    uid
        A class of the widget in which the calls are, which no other of the page has.

    Returns
    -------
    tuple of ipywidgets.DOMWidget
        The field, and a piece of HTML; none where no calls are known.
    """
    from ipywidgets import HTML, Text

    known = run_with_calls(profile)
    if known is None or profile.is_grid or profile.is_for_nothing:
        return ()
    inside = known[1].inside
    field, told = Text(description="search", placeholder="function or package"), HTML()

    def look(_: object) -> None:
        told.value = found(inside, field.value.strip(), uid=uid)

    field.observe(look, "value")
    return field, told


def found(inside: CallTrees, text: str, *, uid: str) -> str:
    """Return HTML that tells which part of the time a text was found in, and marks the calls.

    Parameters
    ----------
    inside
        What was called.
    text
        What is looked for in the names of functions, modules and files, whatever its case.
    uid
        As `search` has it.
    """
    if not text:
        return ""
    frames = {
        index
        for index, frame in enumerate(inside.frames)
        if text.lower() in f"{frame.module or frame.file}.{frame.name}".lower()
    }
    number, seconds = seconds_of(inside, frames)
    total = sum(tree.total for tree in inside.trees)
    words = f"{plural(number, 'call')} with {text}: {format_seconds(seconds)}"
    words += f", {100 * seconds / total:.0f} % of {format_seconds(total)}" if total else ""
    marked = ", ".join(
        f".{uid}.sdp-live .sdp-calls .sdp-call.sdp-f{index} > label" for index in sorted(frames)
    )
    rules = f"{marked} {_FOUND}" if frames else ""
    return in_page(write("status", words if number else f"no call with {text}"), rules=rules)
