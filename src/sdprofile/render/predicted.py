"""What a replay of the tasks says of other worker counts, as text for the terminal and a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.model.units import format_bytes, format_seconds, plural
from sdprofile.render.rows import MISSING

if TYPE_CHECKING:
    from sdprofile.model.profile import Profile

_HEADERS = ("workers", "time", "off", "peak/worker", "off", "peak/cluster", "off")


def prediction_rows(profile: Profile) -> list[list[str]]:
    """Return what was predicted, and how far off the same is where it was measured.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    list of list of str
        The headers, then a row for each worker count, ascending; empty if nothing was predicted.
    """
    predictions = profile.predictions
    if predictions is None or not profile.runs:
        return []
    errors = {each.workers: each for each in predictions.errors(profile)}
    rows = [
        [
            str(each.workers),
            format_seconds(each.seconds),
            _percent(errors[each.workers].seconds) if each.workers in errors else MISSING,
            _memory(profile, each.peak_worker),
            _percent(errors[each.workers].peak_worker) if each.workers in errors else MISSING,
            _memory(profile, each.peak_cluster),
            _percent(errors[each.workers].peak_cluster) if each.workers in errors else MISSING,
        ]
        for each in predictions.every
    ]
    return [list(_HEADERS), *rows]


def prediction_title(profile: Profile) -> str:
    """Return what `prediction_rows` are, in words; empty if nothing was predicted."""
    if profile.predictions is None:
        return ""
    replayed = plural(profile.predictions.replayed, "worker")
    return f"predicted by a replay of the tasks of {replayed} (off: where it was measured, too)"


def _memory(profile: Profile, nbytes: int | None) -> str:
    return MISSING if nbytes is None else format_bytes(nbytes, decimal=profile.decimal)


def _percent(fraction: float | None) -> str:
    return MISSING if fraction is None else f"{100 * fraction:+.0f} %"
