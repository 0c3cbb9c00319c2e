"""What a replay of the tasks says of counts that were not measured, as far as it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.explain.recommend import CLEAR_EFFECT
from sdprofile.units import format_ratio, format_seconds_between, listed, plural

if TYPE_CHECKING:
    from sdprofile.explain.recommend import Candidate
    from sdprofile.model.measured import Measured
    from sdprofile.model.prediction import Prediction, PredictionError


def doubt_of(profile: Measured, each: Prediction) -> str:
    """Return why a prediction does not hold, as a clause; empty if it may.

    Parameters
    ----------
    profile
        What was measured.
    each
        What was predicted.
    """
    if profile.predictions is None or not profile.runs:
        return ""
    limit, thresholds = profile.runs[0].memory_limit, profile.thresholds
    # By the memory of the whole process, as the peak is.
    if limit and (each.peak_worker or 0) > (thresholds.spill or thresholds.usable) * limit:
        return "workers would spill"
    return profile.predictions.doubt


def errors_upwards(profile: Measured) -> tuple[PredictionError, ...]:
    """Return how far off measured counts are, each predicted from the others.

    The smallest is left out: it is what all others are predicted from.
    """
    if profile.predictions is None:
        return ()
    least = min((count.workers for count in profile.counts if count.workers), default=0)
    found = profile.predictions.errors(profile.counts)
    return tuple(each for each in found if each.workers > least)


def held(profile: Measured) -> tuple[Prediction, ...]:
    """Return the predictions that were asked for and may hold, ascending by count."""
    if profile.predictions is None:
        return ()
    return tuple(each for each in profile.predictions.asked if not doubt_of(profile, each))


def more_words(profile: Measured, chosen: Candidate) -> str:
    """Return what is predicted of more workers than the largest count that was measured.

    Parameters
    ----------
    profile
        What was measured.
    chosen
        The count to use, which is the largest.

    Returns
    -------
    str
        A clause: the count to try, that none is worth it, or nothing where that cannot be told, or
        for which there is no room on the machine or the cluster.
    """
    took = chosen.timing.median
    more = [
        each
        for each in held(profile)
        if each.workers > chosen.workers and _has_room(profile, chosen, each.workers)
    ]
    if not more:
        return ""
    if all(took < CLEAR_EFFECT * each.shortest for each in more):
        counts = listed([str(each.workers) for each in more[:-1]] + [_workers(more[-1])])
        return f"{counts} are predicted to gain next to nothing"
    least = min(each.seconds for each in more)
    best = next(each for each in more if each.seconds < CLEAR_EFFECT * least)
    if took < CLEAR_EFFECT * best.longest:
        return ""
    between = format_seconds_between(best.shortest, best.longest)
    ratio = format_ratio(took / best.seconds)
    return f"{_workers(best)} would be worth trying: about {ratio}x ({between} predicted)"


def _workers(each: Prediction) -> str:
    return plural(each.workers, "worker")


def _has_room(profile: Measured, chosen: Candidate, workers: int) -> bool:
    """Whether the machine, or the hosts of the cluster, have CPUs and memory for so many."""
    predictions, run = profile.predictions, chosen.count.runs[0]
    if predictions is not None and not predictions.cpus:
        cores = [each for one in chosen.count.runs if one.trace for each in one.trace.cores]
        hosts = {each.worker.rpartition(":")[0]: each.cpus for each in cores}
        return workers * run.threads <= sum(hosts.values())
    machine = profile.machine
    memory = workers * (run.memory_limit or chosen.count.peak_worker or 0)
    return workers * run.threads <= machine.cpus and memory <= machine.memory
