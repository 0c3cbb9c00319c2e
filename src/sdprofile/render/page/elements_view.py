"""The SpatialData elements that a cell works on, for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from sdprofile.render.page.markup import NOTHING, Cell, Row, key, table
from sdprofile.render.text.elements import element_rows

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured

_KEY = (
    "What the cell names, and what its tasks were made from; of a pyramid the largest scale that"
    " was read. Chunks: the largest length along each axis."
)

_TEXTS = (0, 1, 7)
"""Columns of names, which stand on the left."""


def elements_view(profile: Measured) -> Markup:
    """Return a table of elements; empty if none is known."""
    rows = element_rows(profile, whole_paths=True)
    if not rows:
        return NOTHING
    headers, *body = [
        [
            Cell(text=text, classes="sdp-name" if column in _TEXTS else "")
            for column, text in enumerate(row)
        ]
        for row in rows
    ]
    return table(headers, [Row(cells=cells) for cells in body]) + key(_KEY)
