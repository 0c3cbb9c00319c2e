"""Recorded tasks of three cells on 1 and 2 workers tell what 4, 8 and 16 took on 16 CPUs.

`tests/data/scale16.npz` has them (spatialdata 0.8.0, dask 2026.8.0): an image reduced by `max`, the
sum of 1600 blocks of 50 x 50, a Gaussian filter by `map_overlap`; what larger counts took, too.
Times are in ticks of 10 us, -1 for never.
"""

from __future__ import annotations

import functools
import json
import math
import statistics
from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from profiles import make_activity, make_profile, make_run

from sdprofile.explain.predicted import more_words
from sdprofile.explain.recommend import make_candidates
from sdprofile.model.memory import WorkerPeak
from sdprofile.model.prediction import Prediction, Predictions
from sdprofile.model.run import Run
from sdprofile.model.trace import TICKS, Group, Trace
from sdprofile.replay.predictor import Predictor

CELLS, ASKED, CPUS = ("seed", "tiny", "filter"), (4, 8, 16), 16
TIMES, BYTES = ("begun", "ended", "released"), ("wanted",)
LONG = ("nbytes", "first_input")


@functools.cache
def recorded() -> tuple[dict[str, Run], dict[str, Any]]:
    """Return the runs, and what was measured of all counts."""
    with np.load(Path(__file__).parents[1] / "data" / "scale16.npz") as file:
        meta = json.loads(bytes(file["meta"]))
        arrays = {name: file[name] for name in file.files}
    return {name: one_run(name, of, arrays) for name, of in meta["runs"].items()}, meta["measured"]


def one_run(name: str, of: dict[str, Any], arrays: dict[str, Any]) -> Run:
    """Return a run with its tasks."""
    fields: dict[str, Any] = {}
    for field in (*TIMES, *BYTES, *LONG, "group", "graph", "order", "worker", "inputs"):
        items = arrays[f"{name}/{field}"].tolist()
        if field in TIMES:
            fields[field] = array("d", [math.inf if each < 0 else each / TICKS for each in items])
        else:
            fields[field] = array("b" if field in BYTES else "q" if field in LONG else "i", items)
    names = ("prefix", "tasks", "groups_before", "tasks_before")
    trace = Trace(
        workers=of["workers"],
        threads=of["threads"],
        seconds=of["seconds"],
        scheduler_seconds=of["scheduler_seconds"],
        arrivals=tuple(arrays[f"{name}/arrivals"].tolist()),
        groups=tuple(Group(**dict(zip(names, each, strict=True))) for each in of["groups"]),
        **fields,
    )
    return make_run(
        of["workers"],
        seconds=of["seconds"],
        repeat=of["repeat"],
        tasks=of["tasks"],
        transferred=of["transferred"],
        spans=tuple(
            make_activity(activity, seconds, context=context, prefix=prefix, nbytes=nbytes)
            for context, prefix, activity, seconds, nbytes in of["spans"]
        ),
        worker_peaks=tuple(
            WorkerPeak(worker=str(index), baseline=baseline, peak=peak)
            for index, (baseline, peak) in enumerate(of["peaks"])
        ),
        trace=trace,
    )


@functools.cache
def predicted(cell: str, known: tuple[int, ...]) -> Predictions:
    """Return what runs on some counts say of all that were not made."""
    predictor = Predictor(cpus=CPUS)
    for name, run in recorded()[0].items():
        if name.startswith(cell) and run.workers in known:
            predictor.add(run)
    found = predictor.predict(ASKED)
    assert found is not None
    return found


def measured(cell: str, each: Prediction) -> tuple[float, float]:
    """Return the medians of time and of the fullest worker's peak."""
    of = recorded()[1][cell][str(each.workers)]
    return statistics.median(of["seconds"]), statistics.median(of["peaks"])


def errors(known: tuple[int, ...]) -> tuple[list[float], list[float]]:
    """Return how far off times and peaks are, over all cells and counts."""
    times, peaks = [], []
    for cell in CELLS:
        for each in predicted(cell, known).asked:
            seconds, peak = measured(cell, each)
            times.append(abs(each.seconds / seconds - 1))
            peaks.append(abs((each.peak_worker or 0) / peak - 1))
    return times, peaks


@pytest.mark.parametrize("known", [(1, 2), (1,), (2,)])
def test_times_are_predicted_within_10_percent_and_none_is_off_by_25(known: tuple[int]) -> None:
    times, _ = errors(known)
    assert statistics.median(times) <= 0.10
    assert max(times) <= 0.25


@pytest.mark.parametrize("known", [(1, 2), (1,), (2,)])
def test_peaks_are_predicted_within_15_percent_and_none_is_off_by_30(known: tuple[int]) -> None:
    _, peaks = errors(known)
    assert statistics.median(peaks) <= 0.15
    assert max(peaks) <= 0.30


def test_what_was_measured_lies_in_the_range_that_was_predicted() -> None:
    within = [
        each.shortest <= measured(cell, each)[0] <= each.longest
        for cell in CELLS
        for each in predicted(cell, (1, 2)).asked
    ]
    assert sum(within) >= 8  # of 9


def test_a_count_that_was_measured_is_predicted_from_the_others() -> None:
    for cell in CELLS:
        for each in predicted(cell, (1, 2)).measured:
            assert abs(each.seconds / measured(cell, each)[0] - 1) <= 0.15


def test_no_plateau_is_told_that_was_not_there() -> None:
    for cell in CELLS:
        runs = [run for name, run in recorded()[0].items() if name.startswith(cell)]
        profile = make_profile(*runs, predictions=predicted(cell, (1, 2)))
        words = more_words(profile, make_candidates(profile.counts)[-1])
        assert "would be worth trying" in words or not words
