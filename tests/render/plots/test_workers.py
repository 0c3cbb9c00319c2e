"""The plot of one count shows each worker with its own peak, and all of them by use."""

from __future__ import annotations

import pytest
from profiles import GB, address, make_curve, make_profile, make_run

from sdprofile.model.memory import Curve, WorkerPeak
from sdprofile.model.run import Run
from sdprofile.render.plots.workers import worker_plot


def sampled(*amounts: tuple[int, ...]) -> tuple[Curve, ...]:
    return tuple(
        make_curve(nbytes, source="sampler", worker=address(n)) for n, nbytes in enumerate(amounts)
    )


def two_workers(**kwargs: object) -> Run:
    peaks = tuple(
        WorkerPeak(worker=address(n), baseline=GB, peak=peak) for n, peak in enumerate((4 * GB, GB))
    )
    curves = (
        *sampled((GB, 3 * GB, GB), (GB, GB, GB)),
        *(
            make_curve(nbytes, measure=measure)
            for measure, nbytes in (("managed", (0, 2 * GB)), ("unmanaged", (GB, GB)))
        ),
    )
    return make_run(2, **{"curves": curves, "worker_peaks": peaks} | kwargs)


def test_each_worker_is_a_line_with_its_exact_peak() -> None:
    left, _ = worker_plot(make_profile(two_workers()), 0).axes

    lines = [
        line for line in left.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 1
    ]
    marks = [line.get_ydata()[0] for line in left.lines if line.get_marker() == "_"]
    assert [max(line.get_ydata()) for line in lines] == [3.0, 1.0]
    assert marks == [4.0, 1.0]


def test_limit_is_a_line() -> None:
    left, _ = worker_plot(make_profile(two_workers()), 0).axes

    [limit] = [line for line in left.lines if line.get_linestyle() == "--"]
    assert limit.get_ydata()[0] == 5.0
    assert [text.get_text() for text in left.texts] == ["limit 5.00 GB"]


def test_limit_far_above_does_not_squash_the_curves() -> None:
    left, _ = worker_plot(make_profile(two_workers(memory_limit=50 * GB)), 0).axes

    assert left.get_ylim()[1] < 5
    assert [text.get_text() for text in left.texts] == ["limit 50.0 GB, far above"]


def test_uses_stand_on_each_other() -> None:
    _, right = worker_plot(make_profile(two_workers()), 0).axes

    tops = [area.get_paths()[0].vertices[:, 1].max() for area in right.collections]
    assert tops == pytest.approx([2.0, 3.0])
    legend = right.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["managed", "unmanaged"]


def test_without_dasks_own_curves_that_is_said() -> None:
    run = two_workers(curves=sampled((GB, 2 * GB), (GB, GB)))

    _, right = worker_plot(make_profile(run), 0).axes

    assert [text.get_text() for text in right.texts] == ["dask's memory was not sampled"]


def test_count_that_was_not_sampled_gives_an_empty_figure() -> None:
    assert worker_plot(make_profile(make_run(2)), 0).axes == []
