"""What is said of a cell that was also run without a cluster."""

from __future__ import annotations

from typing import Any

import pytest
from profiles import GB, make_activity, make_failure, make_profile, make_run
from traces import ran

from sdprofile.model.memory import ClusterPeak, WorkerPeak
from sdprofile.model.run import Run
from sdprofile.render.text.report import report
from sdprofile.render.text.rows import conditions, table_rows
from sdprofile.results.comparison import Comparison


def runs(workers: int, *seconds: float, peak: int = GB, **kwargs: Any) -> list[Run]:
    """Return a run for each time; of the kernel there is one peak, as of a worker."""
    peaks = (WorkerPeak(worker="kernel", baseline=GB // 5, peak=peak, exact=True),)
    if not workers:
        kwargs |= {"worker_peaks": peaks, "cluster_peak": ClusterPeak(low=peak, high=peak)}
    return [
        make_run(workers, seconds=each, repeat=repeat, peak=peak, **kwargs)
        for repeat, each in enumerate(seconds, 1)
    ]


def test_no_cluster_is_needed_where_no_count_beats_it() -> None:
    profile = make_profile(
        *runs(0, 4.0, 4.1, 4.2, 4.0, 4.1),
        *runs(1, 8.0, 8.1, 8.2, 8.0, 8.1),
        *runs(2, 4.4, 4.5, 4.6, 4.4, 4.5),
        repeats=5,
    )
    assert profile.chosen is not None
    assert profile.chosen.workers == 0
    assert profile.answer.headline == (
        "No cluster is needed: 4.10 s without; 1 and 2 workers are slower"
    )
    assert "Without a cluster the kernel took up to 1.00 GB, 200 MB at rest" in profile.advice
    assert "--memory" not in profile.advice


def test_one_count_that_did_not_beat_it() -> None:
    profile = make_profile(*runs(0, 4.0), *runs(1, 8.0), repeats=1)
    assert profile.answer.headline.startswith("No cluster is needed: 4.00 s without; 1 worker was")


def test_workers_that_are_faster_are_held_against_no_cluster() -> None:
    profile = make_profile(
        *runs(0, 9.0, 9.1, 9.2, 9.0, 9.1),
        *runs(1, 9.0, 9.1, 9.2, 9.0, 9.1),
        *runs(2, 5.0, 5.1, 5.2, 5.0, 5.1),
        repeats=5,
    )
    assert profile.answer.headline.endswith(
        ": 5.10 s instead of 9.10 s without a cluster, 1.8x faster"
    )
    assert profile.answer.headline.startswith("Use 2 workers of ")


def test_alone_it_says_what_the_cell_took() -> None:
    profile = make_profile(*runs(0, 4.0, 4.1, 4.2), repeats=3)
    assert profile.answer.headline == "No cluster: 4.10 s"
    assert profile.notices == ()
    assert profile.causes == ()
    assert conditions(profile)[:2] == ["no memory limit", "1 thread in the kernel"]


def test_the_smallest_count_stays_the_base() -> None:
    profile = make_profile(*runs(0, 5.0), *runs(1, 10.0), *runs(2, 4.0), repeats=1)
    none, one, two = profile.counts
    assert (none.speedup, one.speedup, two.speedup) == (2.0, 1.0, 2.5)
    assert none.efficiency is None
    assert none.serial_fraction is None
    assert none.memory_limit is None
    assert two.efficiency == 1.25
    assert [row[0] for row in table_rows(profile)] == ["workers", "none", "1", "2"]


def test_no_cluster_is_the_base_where_no_count_finished() -> None:
    profile = make_profile(*runs(0, 5.0), make_run(1, status="killed"), repeats=1)
    assert profile.counts[0].base is not None
    assert profile.answer.headline.startswith("Use no cluster: 5.00 s, where with 1 a worker")


@pytest.mark.parametrize(
    ("message", "advice", "told"),
    [
        ("ValueError: No global client found", "", "give --workers without the 0"),
        ("it asked for more than the 2.00 GB of memory that were free", "Use workers", "Use work"),
    ],
)
def test_what_ended_it_is_told_and_ends_nothing_else(message: str, advice: str, told: str) -> None:
    failure = make_failure(status="failed", message=message, advice=advice, worker="", nbytes=None)
    failed = make_run(0, status="failed", failure=failure, seconds=1.0)
    profile = make_profile(failed, *runs(1, 8.0), *runs(2, 4.0), repeats=1)
    [notice] = [each for each in profile.notices if "Without a cluster" in each.fact]
    assert notice.fact == f"Without a cluster the cell failed: {message}"
    assert told in notice.advice
    assert profile.answer.headline.startswith("Use 2 workers")


def test_tasks_that_wait_are_named_beside_a_row_without_a_cluster() -> None:
    spans = (make_activity("thread-cpu", 1.0, prefix="group0"),)
    spans += (make_activity("thread-noncpu", 9.0, prefix="group0"),)

    def waiting(workers: int) -> Run:
        times = [(0.0, float(each), each + 1.0) for each in range(10 // max(1, workers))]
        tasks = times * max(1, workers)
        on = sorted(list(range(max(1, workers))) * len(times))
        trace = ran(tasks, seconds=10.0 / max(1, workers), workers=max(1, workers), on=on)
        return make_run(workers, seconds=trace.seconds, trace=trace, spans=spans)

    profile = make_profile(waiting(0), waiting(1), waiting(2), repeats=1)
    [found] = [cause for cause in profile.causes if cause.name == "waiting"]
    assert found.workers == 2
    # They wait for 90 % of the time, of which four threads for one leave a quarter.
    assert found.gain is not None
    assert 1.5 < found.gain[1] <= 1 / (1 - 0.9 * 0.75)


def test_memory_is_compared_in_the_kernel() -> None:
    before, after = (
        make_profile(*runs(0, seconds, seconds, seconds, seconds, seconds, peak=peak), repeats=5)
        for seconds, peak in ((8.0, GB), (4.0, 3 * GB))
    )
    comparison = Comparison(names=("before", "after"), before=before, after=after)
    assert "with no cluster, and needs 2.00 GB more in the kernel" in " ".join(
        str(comparison).split()
    )
    assert "per worker against" not in str(comparison)


def test_if_only_that_was_tried_the_advice_is_the_answer() -> None:
    failure = make_failure(
        status="failed", message="it asked for more", advice="Use workers", worker="", nbytes=None
    )
    profile = make_profile(make_run(0, status="failed", failure=failure), repeats=1)
    assert profile.advice == "No count finished. Use workers."


def test_the_whole_report_can_be_read() -> None:
    profile = make_profile(*runs(0, 4.0), *runs(1, 8.0), *runs(2, 5.0), repeats=1)
    text = report(profile, width=80)
    assert "none" in text
    assert "0 worker" not in text
    assert "0 w│" not in text
