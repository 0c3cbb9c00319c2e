"""Predictions in the terminal, in a page, in Markdown and as a plot; and the notices of them."""

from __future__ import annotations

from dataclasses import replace

from profiles import GB, make_profile

from sdprofile.model.prediction import Prediction, Predictions
from sdprofile.render.page.page import html_report
from sdprofile.render.plots.predicted import predicted_plot
from sdprofile.render.text.predicted import prediction_rows
from sdprofile.render.text.report import report
from sdprofile.results.profile import Profile


def predicted(
    workers: int, seconds: float, peak: int | None = GB, *, off: float = 0.0
) -> Prediction:
    """Return a prediction."""
    return Prediction(
        workers=workers,
        seconds=seconds,
        peak_worker=peak,
        peak_cluster=None if peak is None else workers * peak,
        seconds_off=off,
        peak_off=off,
    )


PREDICTIONS = Predictions(
    asked=(predicted(8, 2.5, off=0.25), predicted(16, 1.5, 6 * GB)),
    measured=(predicted(1, 12.0, 4 * GB), predicted(2, 6.3, 2 * GB), predicted(4, 2.8)),
    replayed=1,
    cpus=8,
    crowded=True,
    rate=1e9,
)


def make(predictions: Predictions | None = PREDICTIONS) -> Profile:
    """Return a profile of 1, 2 and 4 workers that took 12, 6 and 4 s."""
    return make_profile(predictions=predictions)


def test_rows_have_what_is_predicted_and_how_far_off_it_is() -> None:
    assert prediction_rows(make()) == [
        ["workers", "time", "off", "peak/worker", "off", "peak/cluster"],
        ["1", "12.0 s", "+0 %", "4.00 GB", "+0 %", "4.00 GB"],
        ["2", "6.30 s", "+5 %", "2.00 GB", "+0 %", "4.00 GB"],
        ["4", "2.80 s", "-30 %", "1.00 GB", "+0 %", "4.00 GB"],
        ["8", "2.0 to 3.1 s", "–", "1.00 GB", "–", "8.00 GB"],
        ["16", "–", "–", "6.00 GB", "–", "96.0 GB"],  # with which a worker would spill
    ]


def test_nothing_is_shown_where_nothing_was_predicted() -> None:
    assert prediction_rows(make(None)) == []
    for text in (report(make(None)), html_report(make(None)), make(None).to_markdown()):
        assert "redict" not in text


def test_every_report_has_them() -> None:
    profile = make()
    for text in (report(profile, width=80), html_report(profile), profile.to_markdown()):
        assert "redicted by a replay of the tasks of 1 worker" in text
        assert "96.0 GB" in text


def test_memory_that_is_not_known_is_missing() -> None:
    none = replace(PREDICTIONS, asked=(predicted(8, 2.5, None),))
    assert prediction_rows(make(none))[-1] == ["8", "2.50 s", *["–"] * 4]
    assert len(predicted_plot(make(none)).axes) == 3


def test_a_dashed_line_leads_on_from_what_was_measured() -> None:
    right = replace(
        PREDICTIONS,
        asked=(predicted(8, 2.5, off=0.25), predicted(16, 1.5, 2 * GB)),
        measured=(predicted(1, 20.0), *PREDICTIONS.measured[1:2], predicted(4, 3.7)),
    )
    times, worker, cluster = predicted_plot(make(right)).axes
    for ax, ys in (
        (times, [4.0, 2.5, 1.5]),
        (worker, [1.0, 1.0, 2.0]),
        (cluster, [4.0, 8.0, 32.0]),
    ):
        (dashed,) = [
            line for line in ax.lines if line.get_linestyle() == "--" and len(line.get_xdata()) == 3
        ]
        assert list(dashed.get_xdata()) == [2, 3, 4]
        assert list(dashed.get_ydata()) == ys
        low, high = ys[1] / 1.25, ys[1] * 1.25
        assert any(
            list(line.get_xdata()) == [3, 3] and list(line.get_ydata()) == [low, high]
            for line in ax.lines
        )
        assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "4", "8", "16"]


def test_no_line_leads_to_what_a_replay_that_is_far_off_predicts() -> None:
    times, worker, _ = predicted_plot(make()).axes  # off by -30 % with 4 workers
    assert not any(line.get_linestyle() == "--" for line in times.lines if len(line.get_xdata()))
    assert any(line.get_linestyle() == "--" for line in worker.lines if len(line.get_xdata()) == 2)


def test_what_does_not_hold_is_not_drawn_and_has_no_time() -> None:
    spilled = replace(PREDICTIONS, doubt="workers spilled")
    for ax in predicted_plot(make(spilled)).axes:
        assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "4"]
    assert {row[1] for row in prediction_rows(make(spilled))[-2:]} == {"–"}
    (told,) = [notice.fact for notice in make(spilled).notices if "redict" in notice.fact]
    assert told == ("The predictions do not hold: workers spilled, which a replay leaves out")


def test_a_count_between_those_that_were_measured_has_its_place() -> None:
    between = replace(PREDICTIONS, asked=(predicted(3, 5.0),))
    times, _, _ = predicted_plot(make(between)).axes
    dots = [line for line in times.lines if line.get_markersize() == 3]
    assert sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in dots) == [
        (0, 12.0),
        (1, 6.0),
        (3, 4.0),
    ]
    assert [label.get_text() for label in times.get_xticklabels()] == ["1", "2", "3", "4"]


def test_notices_tell_what_is_doubtful() -> None:
    facts = [f"{notice.fact}. {notice.advice}" for notice in make().notices]
    (over,) = [
        fact for fact in facts if "16 workers one of them is predicted to need 6.00 GB" in fact
    ]
    assert "more than its limit" in over
    (far,) = [fact for fact in facts if "off by -30 % with 4 workers" in fact]
    assert "Do not rely on" in far
    (left_out,) = [
        fact for fact in facts if fact.startswith("Predictions leave out workers that die")
    ]
    assert "a CPU for each thread (this machine has 8)" in left_out
    assert "100 MB/s" not in left_out


def test_notices_are_quiet_about_what_is_not_doubtful() -> None:
    calm = replace(
        PREDICTIONS,
        asked=(predicted(8, 2.5),),
        measured=(predicted(1, 12.0),),
        rate=None,
    )
    (only,) = [notice.fact for notice in make(calm).notices if "redict" in notice.fact]
    assert "100 MB/s" in only
    assert "CPU for each" not in only
