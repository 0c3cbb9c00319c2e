"""What a replay of the tasks says of other worker counts, as text for the terminal and a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.predicted import doubt_of
from sdprofile.render.text.rows import MISSING
from sdprofile.units import format_bytes, format_seconds, format_seconds_between, plural

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.prediction import Prediction, PredictionError

_HEADERS = ("workers", "time", "off", "peak/worker", "off", "peak/cluster")


def prediction_rows(profile: Measured) -> list[list[str]]:
    """Return what was predicted, and how far off it is where it was measured.

    Parameters
    ----------
    profile
        What was measured.

    Returns
    -------
    list of list of str
        The headers, then a row for each worker count, ascending; empty if nothing was predicted.
        Of what does not hold there is no time.
    """
    predictions = profile.predictions
    if predictions is None or not profile.runs:
        return []
    errors = {each.workers: each for each in predictions.errors(profile.counts)}
    return [list(_HEADERS), *(_row(profile, p, errors.get(p.workers)) for p in predictions.every)]


def prediction_title(profile: Measured) -> str:
    """Return what `prediction_rows` are, in words; empty if nothing was predicted."""
    predictions = profile.predictions
    if predictions is None:
        return ""
    replayed = plural(predictions.replayed, "worker")
    off = " (off: of measured counts, predicted from the others)" if predictions.measured else ""
    return f"predicted by a replay of the tasks of {replayed}{off}"


def _row(profile: Measured, each: Prediction, error: PredictionError | None) -> list[str]:
    time, worker = map(_percent, (error.seconds, error.peak_worker) if error else (None, None))
    return [
        str(each.workers),
        *(MISSING if error is None and doubt_of(profile, each) else _time(each), time),
        *(_memory(profile, each.peak_worker), worker),
        _memory(profile, each.peak_cluster),
    ]


def _time(each: Prediction) -> str:
    if each.seconds_off:
        return format_seconds_between(each.shortest, each.longest)
    return format_seconds(each.seconds)


def _memory(profile: Measured, nbytes: int | None) -> str:
    return MISSING if nbytes is None else format_bytes(nbytes, decimal=profile.decimal)


def _percent(fraction: float | None) -> str:
    return MISSING if fraction is None else f"{100 * fraction:+.0f} %"
