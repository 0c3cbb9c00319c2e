"""Peaks come from marks where there are any, and from samples where not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from profiles import make_curve

from sdprofile.model.memory import ClusterPeak, Curve, WorkerPeak, highest_sum
from sdprofile.model.memory_use import Kill, Marks, MemoryUse, cluster_peak, worker_peaks


def sampled(worker: str, *nbytes: int, measure: str = "process", seconds: float = 10.0) -> Curve:
    curve = make_curve(nbytes, seconds=seconds, source="sampler", worker=worker)
    return Curve(**{**vars(curve), "measure": measure})


def test_the_mark_is_the_peak_whatever_was_sampled() -> None:
    (peak,) = worker_peaks([sampled("a", 10, 30)], baselines={"a": 9}, marks={"a": 50}, killed={})

    assert peak == WorkerPeak(worker="a", baseline=9, peak=50)


def test_child_processes_count_by_the_highest_sample() -> None:
    curves = [sampled("a", 10, 90), sampled("a", 0, 80, measure="children")]

    (peak,) = worker_peaks(curves, baselines={"a": 9}, marks={"a": 50}, killed={})

    assert (peak.peak, peak.children, peak.exact) == (90, 80, False)


def test_the_peak_of_a_killed_worker_is_the_most_that_anyone_saw() -> None:
    for nanny, expected in ((95, 95), (85, 90)):
        (peak,) = worker_peaks(
            [sampled("a", 10, 90)], baselines={"a": 9}, marks={}, killed={"a": nanny}
        )
        assert (peak.peak, peak.exact, peak.killed) == (expected, False, True)


def test_a_worker_that_died_of_something_else_is_left_out() -> None:
    peaks = worker_peaks(
        [sampled("a", 10, 90), sampled("b", 10, 20)],
        baselines={"a": 9, "b": 9},
        marks={"b": 20},
        killed={},
    )

    assert [peak.worker for peak in peaks] == ["b"]


def test_without_marks_the_highest_sample_is_the_peak() -> None:
    (peak,) = worker_peaks([sampled("a", 10, 90, 20)], baselines={}, marks={}, killed={})

    assert peak == WorkerPeak(worker="a", baseline=10, peak=90, exact=False)


def test_sums_are_of_one_instant_and_a_worker_that_is_gone_counts_no_more() -> None:
    assert highest_sum([sampled("a", 0, 100, 0), sampled("b", 100, 0, 0)]) == 100
    assert highest_sum([sampled("a", 100, seconds=0.0), sampled("b", 0, 60)]) == 100
    assert highest_sum([]) == 0


def test_the_cluster_is_bracketed_by_the_highest_sum_and_the_sum_of_the_peaks() -> None:
    curves = [sampled("a", 50, 10), sampled("b", 10, 30)]
    peaks = worker_peaks(curves, baselines={"a": 1, "b": 1}, marks={"a": 50, "b": 40}, killed={})

    assert cluster_peak(peaks, curves) == ClusterPeak(low=60, high=90)
    assert cluster_peak(peaks, []) == ClusterPeak(low=50, high=90)
    assert cluster_peak((), curves) is None


@given(st.lists(st.integers(0, 10**12), max_size=60), st.integers(4, 20))
def test_a_thinned_curve_keeps_ends_and_extremes(nbytes: list[int], most: int) -> None:
    curve = make_curve(nbytes)
    thinned = curve.thinned(most)
    assert len(thinned.nbytes) == len(thinned.seconds) <= most
    assert (thinned == curve) is (len(nbytes) <= most)
    if nbytes:
        assert max(thinned.nbytes) == max(nbytes)
        assert min(thinned.nbytes) == min(nbytes)
        assert (thinned.nbytes[0], thinned.nbytes[-1]) == (nbytes[0], nbytes[-1])
    samples = list(zip(curve.seconds, curve.nbytes, strict=True))
    kept = list(zip(thinned.seconds, thinned.nbytes, strict=True))
    assert kept == [sample for sample in samples if sample in kept]


def test_what_dask_shows_after_a_kill_does_not_count() -> None:
    dask = [
        make_curve([10, 20, 30, 5, 5], seconds=4.0),
        make_curve([0, 0, 0, 7, 7], seconds=4.0, measure="spilled"),
    ]

    use = MemoryUse.of(
        sampled=[sampled("a", 10, 30, seconds=3.0)],
        dask=dask,
        marks=Marks(baselines={"a": 9, "b": 8}, peaks={"b": 40}),
        kill=Kill(worker="a", nbytes=35, at=102.5),
        began=100.0,
    )

    assert [curve.nbytes for curve in use.curves] == [(10, 30), (10, 20, 30)]
    assert [(peak.worker, peak.peak, peak.killed) for peak in use.worker_peaks] == [
        ("a", 35, True),
        ("b", 40, False),
    ]
    assert use.cluster_peak == ClusterPeak(low=40, high=75)
