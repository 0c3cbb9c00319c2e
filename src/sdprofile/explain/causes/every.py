"""All causes of a profile, the largest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdprofile.explain.causes.again import starts_cold, works_out_again
from sdprofile.explain.causes.computing import (
    uses_more_cores,
    waits_for_else,
    waits_for_gil,
)
from sdprofile.explain.causes.data_in_graph import sends_data
from sdprofile.explain.causes.few_tasks import few_tasks
from sdprofile.explain.causes.found import LEAST_GAIN, Found
from sdprofile.explain.causes.gpu import leaves_gpu_idle, shares_gpu
from sdprofile.explain.causes.kernel import brings_result, sends_graphs, works_itself
from sdprofile.explain.causes.loading import loads_anew
from sdprofile.explain.causes.moving import fetches_inputs, moves_data, spills
from sdprofile.explain.causes.reading import reads_again
from sdprofile.explain.causes.seen import Seen
from sdprofile.explain.causes.small_tasks import small_tasks
from sdprofile.model.measured import traced
from sdprofile.model.spans import PROCESSES

if TYPE_CHECKING:
    from sdprofile.model.measured import Measured
    from sdprofile.model.run import CountSummary

PAGES = (
    starts_cold,
    works_out_again,
    reads_again,
    loads_anew,
    small_tasks,
    few_tasks,
    waits_for_gil,
    uses_more_cores,
    waits_for_else,
    leaves_gpu_idle,
    shares_gpu,
    works_itself,
    sends_graphs,
    sends_data,
    brings_result,
    moves_data,
    fetches_inputs,
    spills,
)
"""Each looks for one cause."""

_OF_THE_KERNEL = (works_itself, sends_graphs)
"""Those for which it need not be known what each task took."""

_SHORTEST = 0.2
"""Seconds below which a run is over before anything can hold it back."""

_CONTRARY = ("small tasks", "few tasks")
"""Causes of which one asks for larger chunks and one for smaller."""

_LARGE = 20.0
"""Times as fast from which it is no matter how much."""

_UNKNOWN = 0.2
"""Fraction of its share that counts as saved of a cause whose gain is not known: 1.25x at most."""

_LEAST_SAVED = 0.2
"""Seconds that a change may save at most, below which it is not worth a word."""


def find_causes(profile: Measured, counts: Sequence[CountSummary]) -> tuple[Found, ...]:
    """Return what holds a cell back.

    Parameters
    ----------
    profile
        What was measured.
    counts
        At which to look, the most important first; what was seen at one is taken from another only
        where it gains more there for sure.

    Returns
    -------
    tuple of Found
        Those whose change gains most first. One of which the gain is not known comes before what
        gains little, if it takes most of the time. Of two that ask for the contrary, the first.

    Notes
    -----
    A gain that may be below 5 % is not told, nor one below 0.2 s. Where it is about tasks, those of
    the run with the median time are replayed without the cause
    (`sdprofile.explain.causes.without.gain_without`). Else a gain follows from the account of that
    run: what the cause takes is left out, in whole or in part.
    """
    found: dict[str, Found] = {}
    for count in counts:
        run = traced(count.runs)
        if run is None or run.trace is None or run.status != "ok" or run.seconds < _SHORTEST:
            continue
        seen = Seen(profile=profile, run=run, trace=run.trace)
        # Of tasks in processes without a cluster only what a batch took is known.
        for page in _OF_THE_KERNEL if PROCESSES in run.work.schedulers else PAGES:
            each = page(seen)
            if each is not None and _is_worth(each, run.seconds):
                known = found.setdefault(each.name, each)
                found[each.name] = each if _gains_more(each, known) else known
    ordered = sorted(found.values(), key=_size)
    contrary = [each for each in ordered if each.name in _CONTRARY]
    return tuple(each for each in ordered if each not in contrary[1:])


def _is_worth(found: Found, seconds: float) -> bool:
    if found.gain is None:
        return True
    low, high = found.gain
    return low >= LEAST_GAIN and (1 - 1 / high) * seconds >= _LEAST_SAVED


def _gains_more(found: Found, than: Found) -> bool:
    return bool(found.gain and than.gain and found.gain[0] > than.gain[1])


def _size(found: Found) -> tuple[float, float]:
    if found.gain is None:
        return -1 / (1 - _UNKNOWN * min(found.share, 1.0)), -found.share
    low, high = found.gain
    return -math.sqrt(low * min(high, max(low, _LARGE))), -found.share
