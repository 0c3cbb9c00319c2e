"""Two axes of numbers are two maps: a cell for each setting, the one to use with a frame."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from profiles import GB, make_profile, make_run

from sdprofile.render.plots.grid import grid_plot
from sdprofile.render.plots.heat import heat_axes
from sdprofile.results.profile import Profile


def grid(chunks: tuple[str, ...] = ("1000", "250", "500"), **values: Any) -> Profile:
    """Return a grid of 1, 2 and 4 workers and a variable; the largest of all was killed."""
    runs = [
        make_run(
            workers,
            seconds=10.0 / workers + index,
            peak=GB * (index + 1),
            variables=(("chunk", chunk),),
            status="killed" if workers == 4 and chunk == "1000" else "ok",
            **values,
        )
        for workers in (1, 2, 4)
        for index, chunk in enumerate(chunks)
    ]
    return make_profile(*runs)


def texts(profile: Profile) -> tuple[list[str], list[str]]:
    times, peaks = grid_plot(profile).axes
    return [each.get_text() for each in times.texts], [each.get_text() for each in peaks.texts]


def test_values_ascend_as_numbers_do() -> None:
    times, peaks = grid_plot(grid()).axes
    assert [text.get_text() for text in times.get_xticklabels()] == ["250", "500", "1000"]
    assert [text.get_text() for text in times.get_yticklabels()] == ["1", "2", "4"]
    assert (times.get_xlabel(), times.get_ylabel()) == ("chunk", "workers")
    assert (times.get_title(), peaks.get_title()) == ("time", "peak/worker")


def test_each_cell_has_its_number_and_the_killed_one_its_status() -> None:
    times, peaks = texts(grid())
    assert len(times) == len(peaks) == 9
    assert times.count("killed") == 1
    assert "10.0 s" in times
    assert set(peaks) == {"1.00 GB", "2.00 GB", "3.00 GB"}


def test_longer_is_darker() -> None:
    times, _ = grid_plot(grid()).axes
    cells = [patch for patch in times.patches if isinstance(patch, Rectangle)]
    seconds = {text.get_text(): cell for text, cell in zip(times.texts, cells, strict=True)}
    light = {text: sum(to_rgb(cell.get_facecolor())) for text, cell in seconds.items()}
    assert light["12.0 s"] < light["10.0 s"] < light["5.00 s"]


def test_the_setting_to_use_has_a_frame() -> None:
    profile = grid()
    assert profile.chosen is not None
    for ax in grid_plot(profile).axes:
        framed = [index for index, patch in enumerate(ax.patches) if patch.get_linewidth() == 3]
        assert [profile.counts[index] for index in framed] == [profile.chosen]


@pytest.mark.parametrize(
    "chunks", [("250", "500"), ("a", "b", "c"), tuple(map(str, range(9))), ("nan", "1", "2")]
)
def test_few_values_and_words_are_lines(chunks: tuple[str, ...]) -> None:
    assert heat_axes(grid(chunks)) is None
    assert grid_plot(grid(chunks)).axes[0].get_ylabel() == "time [s]"


def test_limits_are_numbers_too() -> None:
    runs = [
        make_run(workers, memory_limit=limit * GB) for workers in (1, 2, 4) for limit in (10, 2, 5)
    ]
    times, _ = grid_plot(make_profile(*runs)).axes
    assert [text.get_text() for text in times.get_yticklabels()] == ["1", "2", "4"]
    assert [text.get_text() for text in times.get_xticklabels()] == [
        "2.00 GB",
        "5.00 GB",
        "10.0 GB",
    ]
