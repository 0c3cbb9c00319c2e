"""What a prediction cannot know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.explain.predicted import doubt_of, errors_upwards
from sdprofile.model.notice import Notice
from sdprofile.model.prediction import FAR_OFF
from sdprofile.model.setting import count_name
from sdprofile.units import format_bytes, listed

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured


def prediction_notices(profile: Measured) -> Iterator[Notice]:
    """Yield what was predicted to be too large, and what the replay leaves out.

    Parameters
    ----------
    profile
        What was measured.

    Yields
    ------
    Notice
        That a count would spill, that the replay is far off where it was measured, and what it
        takes for granted; or only why it does not hold.
    """
    predictions = profile.predictions
    if predictions is None or not profile.runs:
        return
    run = profile.runs[0]
    if predictions.doubt:
        yield Notice(
            fact=f"The predictions do not hold: {predictions.doubt}, which a replay leaves out",
            advice="Measure more workers instead",
        )
        return
    over = [each for each in predictions.asked if doubt_of(profile, each)]
    if over:
        most = max(each.peak_worker or 0 for each in over)
        last = count_name(over[-1].workers)
        above = run.memory_limit and most > run.memory_limit
        limit = "more than its limit" if above else "with which it would spill"
        yield Notice(
            fact=f"With {listed([str(each.workers) for each in over[:-1]] + [last])} one of"
            f" them is predicted to need {format_bytes(most, decimal=profile.decimal)}, {limit}",
            advice="Raise --memory; no time is predicted for that",
        )
    far = [
        f"{100 * each.seconds:+.0f} % with {count_name(each.workers)}"
        for each in errors_upwards(profile)
        if each.seconds is not None and abs(each.seconds) > FAR_OFF
    ]
    if far:
        yield Notice(
            fact=f"Predicted from the other counts, a measured one is off by {listed(far)}",
            advice="Do not rely on its times for more workers; measure them",
        )
    more_cpus = predictions.cpus and any(
        each.workers * run.threads > predictions.cpus for each in predictions.asked
    )
    assumed = []
    if more_cpus:
        assumed.append(f"a CPU for each thread (this machine has {predictions.cpus})")
    if more_cpus and not predictions.crowded:
        assumed.append(
            "that tasks side by side do not slow each other down (no two counts left a CPU free)"
        )
    if predictions.rate is None:
        assumed.append("that workers fetch 100 MB/s from each other (none was seen to fetch)")
    also = f"; it assumes {listed(assumed)}" if assumed else ""
    yield Notice(
        fact="Predictions leave out workers that die, and a disk or network that more workers"
        f" share{also}",
        advice="Use them to choose what to measure next with --workers",
    )
