"""Workers over time: a bar for each task in the row of its worker, and memory on the same axis."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from pages import Page
from profiles import GB, make_profile, make_run
from traces import ran

from sdprofile.model.run import Run
from sdprofile.model.trace import Trace
from sdprofile.render.page.picture import svg_picture
from sdprofile.render.page.views import overview_pictures
from sdprofile.render.plots.overview import overview_plot
from sdprofile.results.profile import Profile


def named(trace: Trace, *prefixes: str) -> Trace:
    """Return a trace whose tasks have these prefixes in turn."""
    [group] = trace.groups
    groups = tuple(replace(group, prefix=prefix) for prefix in prefixes)
    which = array("i", [task % len(prefixes) for task in range(len(trace))])
    return replace(trace, groups=groups, group=which)


def drawn(run: Run) -> tuple[Axes, Axes]:
    profile: Profile = make_profile(run)
    assert run.trace is not None
    above, below = overview_plot(profile, run, run.trace).axes
    return above, below


def bars(above: Axes) -> dict[str, list[tuple[float, float, float]]]:
    """Return by colour where each bar begins and ends, and its row."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for collection in above.collections:
        assert isinstance(collection, PolyCollection)
        corners = [path.vertices for path in collection.get_paths()]
        colour = str(collection.get_facecolor()[0].round(2).tolist())
        found[colour] = [(each[0][0], each[1][0], each[0][1]) for each in corners]
    return found


def test_each_task_is_a_bar_in_the_row_of_its_worker() -> None:
    trace = named(ran([(0, 0, 2), (0, 1, 4)], workers=2, on=[0, 1], seconds=5), "load", "add")
    above, below = drawn(make_run(2, seconds=5.0, trace=trace, curve=(GB, 2 * GB), peak=2 * GB))

    assert sorted(each for row in bars(above).values() for each in row) == [(0, 2, 0), (1, 4, 1)]
    assert len(bars(above)) == 2
    legend = above.get_legend()
    assert legend is not None
    # That which took most comes first.
    assert [text.get_text() for text in legend.get_texts()] == ["add", "load"]
    assert [text.get_text() for text in above.get_yticklabels()] == ["worker 0", "worker 1"]
    assert above.get_xlim() == below.get_xlim() == (0, 5)


def test_pointer_on_a_bar_is_told_the_task_its_time_and_the_memory() -> None:
    trace = named(ran([(0, 0, 2), (0, 2, 3)], seconds=4), "<load>")
    run = make_run(seconds=4.0, trace=trace, curve=(0, 2 * GB, 2 * GB))

    html = overview_pictures(make_profile(run), picture=svg_picture)

    first, second = Page(html).texts["title"]
    assert first.startswith("<load>: 2.00 s, at its end ")
    assert second == "<load>: 1.00 s, at its end 2.00 GB in the fullest worker"
    assert "a" not in Page(html).attributes


def test_tasks_side_by_side_on_one_worker_have_rows_of_their_own() -> None:
    trace = ran([(0, 0, 2), (0, 1, 3), (0, 2, 4)], workers=1, threads=2, seconds=4)
    above, _ = drawn(make_run(1, threads=2, seconds=4.0, trace=trace))

    [rows] = bars(above).values()
    assert sorted(rows) == [(0, 2, 0), (1, 3, 1), (2, 4, 0)]


def test_task_that_a_kill_ended_is_drawn_to_the_end_of_the_run() -> None:
    trace = ran([(0, 1, math.inf), (0, math.inf, math.inf)], workers=1, seconds=3)
    above, _ = drawn(make_run(1, seconds=3.0, status="killed", trace=trace, curve=(GB, 2 * GB)))

    [rows] = bars(above).values()
    assert rows == [(1, 3, 0)]


def test_memory_has_rest_peak_and_a_limit_that_is_near() -> None:
    trace = ran([(0, 0, 1)], seconds=1)
    run = make_run(seconds=1.0, trace=trace, curve=(GB, 2 * GB), peak=2 * GB, memory_limit=3 * GB)
    _, below = drawn(run)

    texts = [text.get_text() for text in below.texts]
    assert texts == ["2.00 GB", "limit 3.00 GB per worker"]
    levels = [line.get_ydata()[0] for line in below.lines if len(line.get_xdata()) == 2]
    assert 3.0 in levels
    _, below = drawn(replace(run, setting=replace(run.setting, memory_limit=90 * GB)))
    assert "limit 90.0 GB per worker, far above" in [text.get_text() for text in below.texts]
    assert below.get_ylim()[1] < 4


def test_memory_has_the_colour_of_what_ran_most_at_the_time() -> None:
    trace = named(ran([(0, 0, 2), (0, 2, 3)], seconds=4), "load", "add")
    above, below = drawn(make_run(seconds=4.0, trace=trace, curve=(GB, GB)))

    [idle, *bands] = below.collections
    spans = {}
    for band in bands:
        [path] = band.get_paths()
        spans[to_hex(band.get_facecolor()[0])] = path.get_extents().intervalx.tolist()
    load, add = (to_hex(each.get_facecolor()[0]) for each in above.collections)
    assert spans == {load: [0.0, 2.0], add: [2.0, 3.0]}
    [path] = idle.get_paths()
    assert path.get_extents().intervalx.tolist() == [0.0, 4.0]


def test_stretch_of_time_can_be_drawn_alone() -> None:
    trace = ran([(0, 0, 2), (0, 2, 3), (0, 3, 4)], seconds=4)
    run = make_run(seconds=4.0, trace=trace, curve=(GB, 2 * GB, GB), peak=2 * GB)

    above, below = overview_plot(make_profile(run), run, trace, between=(2.5, 3.5)).axes

    assert above.get_xlim() == below.get_xlim() == (2.5, 3.5)
    [rows] = bars(above).values()
    assert sorted(rows) == [(2, 3, 0), (3, 4, 0)]
    # The peak is not in it.
    assert "2.00 GB" not in [text.get_text() for text in below.texts]


def test_finalize_has_a_name_that_can_be_read() -> None:
    trace = named(ran([(0, 0, 1)], seconds=1), "finalize-hlgfinalizecompute")
    above, _ = drawn(make_run(seconds=1.0, trace=trace))

    legend = above.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["finalize"]


def test_100_000_tasks_are_a_small_picture() -> None:
    number, workers = 100_000, 64
    each = 60.0 * workers / number
    tasks = [
        (0.0, task // workers * each, (task // workers + 0.9) * each) for task in range(number)
    ]
    on = [task % workers for task in range(number)]
    trace = named(ran(tasks, workers=workers, on=on, seconds=60.0), "load", "add", "sum")
    run = make_run(workers, seconds=60.0, trace=trace, curve=tuple([GB, 2 * GB] * 500))

    html = overview_pictures(make_profile(run), picture=svg_picture)

    assert 20_000 < len(html) < 250_000
    above, _ = drawn(run)
    assert above.get_ylabel() == f"{workers} workers"
    # Every row has bars from its begin to its end.
    rows = {row for found in bars(above).values() for _, _, row in found}
    assert rows == set(range(workers))
