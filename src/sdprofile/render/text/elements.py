"""The SpatialData elements that a cell works on, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.causes.reading import short_path
from sdprofile.render.text.rows import MISSING
from sdprofile.units import format_bytes

if TYPE_CHECKING:
    from sdprofile.model.elements import Element
    from sdprofile.model.measured import Measured

ELEMENTS = "elements that the cell works on"
"""What `element_rows` returns, in words."""

ELEMENT = "element"
"""Header of the column whose texts come from the user's code."""


def element_rows(profile: Measured, *, whole_paths: bool = False) -> list[list[str]]:
    """Return the elements as text.

    Parameters
    ----------
    profile
        What was measured.
    whole_paths
        Whether to tell the whole path of a store, and not only its end.

    Returns
    -------
    list of list of str
        The headers, then a row per element; empty if none is known.
    """
    if not profile.elements:
        return []
    headers = [ELEMENT, "kind", "shape", "type", "bytes", "chunks", "number", "store"]
    return [
        headers,
        *(_row(each, decimal=profile.decimal, whole=whole_paths) for each in profile.elements),
    ]


def _row(each: Element, *, decimal: bool, whole: bool) -> list[str]:
    scale = f", {each.scale} of {each.scales}" if each.scales else ""
    return [
        each.where,
        f"{each.kind}{scale}",
        lengths(each.shape),
        each.dtype or MISSING,
        MISSING if each.nbytes is None else format_bytes(each.nbytes, decimal=decimal),
        lengths(each.chunks),
        str(each.chunk_count) if each.chunk_count else MISSING,
        (each.store if whole else short_path(each.store)) or MISSING,
    ]


def lengths(shape: tuple[int, ...]) -> str:
    """Return the length of each axis, for instance ``3 x 1000 x 1000``."""
    return " x ".join(map(str, shape)) or MISSING
