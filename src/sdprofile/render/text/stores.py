"""The zarr arrays that tasks read, and how often each of their chunks, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.causes.reading import short_path
from sdprofile.render.text.elements import lengths
from sdprofile.render.text.rows import MISSING
from sdprofile.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sdprofile.explain.explained import Explained
    from sdprofile.model.disk import StoreReads

STORES = "zarr arrays that tasks read more often than needed"
"""What `store_rows` returns of those that are worth a line, in words."""

ARRAY = "zarr array"
"""Header of the column with paths."""

_OFTEN = 1.05
"""How often each chunk of an array is read, on average, that is worth a line."""


def store_rows(profile: Explained, *, every: bool = False) -> list[list[str]]:
    """Return what tasks read of zarr arrays as text.

    Parameters
    ----------
    profile
        What was measured; it is told of the run that is shown, or of the last that knows.
    every
        Whether to tell of arrays whose chunks were read once, too, and with their whole path.

    Returns
    -------
    list of list of str
        The headers, then a row per array; empty where there is none.
    """
    found = [each for each in _shown(profile) if every or each.amplification >= _OFTEN]
    if not found:
        return []
    headers = [ARRAY, "read by", "chunks", "read in", "needed", "read", "times", "bytes", "time"]
    return [headers, *(_row(each, decimal=profile.decimal, whole=every) for each in found)]


def _shown(profile: Explained) -> Sequence[StoreReads]:
    shown = profile.shown_run
    runs = (*([] if shown is None else [shown]), *reversed(profile.runs))
    return next((run.disk.stores for run in runs if run.disk.stores), ())


def _row(each: StoreReads, *, decimal: bool, whole: bool) -> list[str]:
    return [
        each.array if whole else short_path(each.array),
        each.prefix or MISSING,
        lengths(each.chunks),
        lengths(each.pieces),
        str(each.needed),
        str(each.reads),
        f"{each.amplification:.1f}x",
        format_bytes(each.nbytes, decimal=decimal),
        format_seconds(each.seconds),
    ]
