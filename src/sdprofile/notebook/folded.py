"""Folds what is long, so that it does not stand between a cell and what comes after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LONG = 12
"""Lines from which a text is long."""


def is_long(text: str) -> bool:
    """Whether a text takes so many lines that it is folded."""
    return text.count("\n") >= _LONG


def folded(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return what a notebook shows of something, folded where that is long.

    Parameters
    ----------
    data
        By MIME type. Of something with a picture, or another type than text and HTML, nothing is
        changed.
    name
        What stands on the fold.
    """
    text = data.get("text/plain", "")
    if not is_long(text) or data.keys() - {"text/plain", "text/html"}:
        return dict(data)
    from markupsafe import Markup

    from sdprofile.render.page.markup import write

    # What makes HTML of itself is shown as it is anyway.
    html = Markup(data["text/html"]) if "text/html" in data else write("code", text)  # noqa: S704
    return {"text/plain": text, "text/html": str(write("folded", name, html))}
