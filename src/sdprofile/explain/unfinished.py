"""What to try where no count finished."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sdprofile.explain.answer import Answer, Line
from sdprofile.explain.gpu import OF_LESS, gpu_words
from sdprofile.explain.needs import need_of
from sdprofile.model.failure import NO_GPU_MEMORY
from sdprofile.units import format_bytes, format_limit

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured


def nothing_finished(profile: Measured, killed: str) -> Answer:
    """Return what to try where no count finished."""
    by_status = {failure.status: failure for failure in reversed(profile.failures)}
    if not by_status:
        return Answer()
    why = killed or gpu_words(profile)
    headline = f"No count finished: {why}" if why else "No count finished"
    if (failure := by_status.get("killed")) is not None and failure.nbytes is not None:
        above = ""
        if need := need_of(failure, profile):
            enough = math.ceil(need.high / profile.thresholds.usable)
            above = f" to {format_limit(enough, decimal=profile.decimal)}"
        elif failure.memory_limit:
            above = f" above {format_bytes(failure.memory_limit, decimal=profile.decimal)}"
        if failure.in_finalize:
            way = f"Write it to zarr, reduce it on the workers, or raise --memory{above}"
        else:
            threads = any(run.threads > 1 for run in profile.runs)
            fewer = ", smaller chunks, or fewer --threads" if threads else ", or smaller chunks"
            way = f"{'Raise' if need else 'Try'} --memory{above}{fewer}"
    elif NO_GPU_MEMORY in by_status:
        way = OF_LESS
    elif "stuck" in by_status:
        way = by_status["stuck"].advice or "Try a longer --timeout, or a smaller part of the data"
    elif "failed" in by_status:
        failed = by_status["failed"]
        way = failed.advice or "Fix the error that the cell raises, then profile it again"
    else:
        way = "Try a smaller part of the data"
    return Answer(headline=headline, lines=(Line(fact=way),))
