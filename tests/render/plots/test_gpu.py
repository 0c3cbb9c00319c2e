"""The plot of GPU memory shows each worker, and each GPU as a whole against its size."""

from __future__ import annotations

from profiles import GB, address, make_card, make_curve, make_profile, make_run

from sdprofile.render.plots.gpu import gpu_plot


def test_each_worker_is_a_line_and_the_gpu_another() -> None:
    curves = (
        make_curve((0, 23 * GB, GB), source="nvml", worker="", measure="gpu 0"),
        make_curve((0, 12 * GB, 0), source="nvml", worker=address(0), measure="gpu 0"),
        make_curve((0, 10 * GB, 0), source="nvml", worker=address(1), measure="gpu 0"),
    )
    run = make_run(2, cards=(make_card(12 * GB, 10 * GB),), curves=curves)

    left, right = gpu_plot(make_profile(run), 0).axes

    assert [max(line.get_ydata()) for line in left.lines] == [12.0, 10.0]
    whole, size = right.lines
    assert max(whole.get_ydata()) == 23.0
    assert size.get_ydata()[0] == 80.0
    assert [text.get_text() for text in right.texts] == ["size: 80.0 GB"]
    assert left.get_ylabel() == "GPU, each worker [GB]"
    assert right.get_legend() is None


def test_several_gpus_are_told_apart() -> None:
    cards = (make_card(GB), make_card(GB, name="gpu 1", nbytes=40 * GB))
    curves = tuple(
        make_curve((0, GB), source="nvml", worker=worker, measure=card.name)
        for card in cards
        for worker in ("", address(0))
    )

    left, right = gpu_plot(make_profile(make_run(1, cards=cards, curves=curves)), 0).axes

    assert [line.get_linestyle() for line in left.lines] == ["-", "--"]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["gpu 0", "gpu 1"]
    assert [text.get_text() for text in right.texts] == ["size: 40.0 GB"]


def test_a_count_without_a_gpu_has_an_empty_figure() -> None:
    assert gpu_plot(make_profile(), 0).axes == []
