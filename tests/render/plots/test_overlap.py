"""No two texts of a plot lie on each other, and none leaves the figure, whatever the numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, pairwise

import pytest
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from profiles import GB, make_profile, make_run
from traces import ran

from sdprofile.model.measured import traced
from sdprofile.model.prediction import Prediction, Predictions
from sdprofile.model.run import Run
from sdprofile.render.plots.grid import grid_plot
from sdprofile.render.plots.memory import memory_plot
from sdprofile.render.plots.overview import overview_plot
from sdprofile.render.plots.predicted import predicted_plot
from sdprofile.render.plots.speedup import speedup_plot
from sdprofile.render.plots.workers import worker_plot
from sdprofile.results.profile import Profile

COUNTS = (
    *((1,), (1, 2), (1, 2, 4), tuple(range(1, 9)), tuple(range(1, 17))),
    *((1, 2, 4, 8, 16, 32, 64), (3, 64)),
)
NAMES = (
    *("add", "finalize-hlgfinalizecompute", "map_raster (line 12)", "sum-partial", "$_a", "x" * 60),
    *(f"map_raster_of_all (line {number})" for number in range(20, 25)),
)


def ticks(axis: Axis) -> Iterator[Text]:
    """Yield the labels of the ticks that are in view."""
    low, high = sorted(axis.get_view_interval())
    for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
        if low - 1e-9 <= tick.get_loc() <= high + 1e-9:
            yield from (tick.label1, tick.label2)


def texts(figure: Figure) -> Iterator[Text]:
    legends = list(figure.legends)
    for ax in figure.axes:
        assert isinstance(ax, Axes)
        yield from (*ax.texts, ax.xaxis.label, ax.yaxis.label, *ticks(ax.xaxis), *ticks(ax.yaxis))
        legends += [legend for legend in [ax.get_legend()] if legend]
    for legend in legends:
        yield from legend.get_texts()


def faults(figure: Figure) -> list[str]:
    """Return which texts lie on each other, and which leave the figure, by more than a pixel."""
    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    shown = [text for text in texts(figure) if text.get_visible() and text.get_text().strip()]
    boxes = [text.get_window_extent().padded(-1) for text in shown]
    found = [
        f"{one.get_text()!r} lies on {other.get_text()!r}"
        for (one, box), (other, by) in combinations(zip(shown, boxes, strict=True), 2)
        if box.overlaps(by) and not are_side_by_side(one, other)
    ]
    whole = Bbox.from_bounds(0, 0, *canvas.get_width_height())
    return found + [
        f"{text.get_text()!r} leaves the figure"
        for text, box in zip(shown, boxes, strict=True)
        if not (whole.contains(box.x0, box.y0) and whole.contains(box.x1, box.y1))
    ]


def are_side_by_side(one: Text, other: Text) -> bool:
    """Whether two texts are turned by one angle, and so far apart that their lines do not touch."""
    angle = one.get_rotation()
    if not angle % 90 or angle != other.get_rotation():
        return False
    places = [text.get_transform().transform(text.get_position())[0] for text in (one, other)]
    height = one.get_fontsize() * 100 / 72
    return bool(abs(places[0] - places[1]) * math.sin(math.radians(angle)) >= height)


def sweep(seed: int) -> Profile:
    """Return a profile of random counts, times, curves, limits, and endings."""
    chosen = random.Random(seed)
    alike = chosen.random() < 0.3
    seconds, peak = chosen.uniform(0.1, 400), chosen.choice((GB // 50, GB, 30 * GB))
    limit = chosen.choice((None, round(1.01 * peak), round(1.3 * peak), 3 * peak, 40 * peak))
    runs = []
    for workers in COUNTS[seed % len(COUNTS)]:
        took = seconds if alike else seconds * chosen.uniform(0.05, 1)
        status = chosen.choice(("ok", "ok", "ok", "killed", "interrupted"))
        top = peak if alike else round(peak * chosen.uniform(0.2, 1))
        curve = [GB // 100, *(round(top * chosen.random()) for _ in range(5))]
        curve[chosen.randrange(1, 6)] = top
        for repeat in (1, 2):
            runs.append(one_run(workers, took, top, curve, limit, status, repeat, chosen))
    every = [
        Prediction(workers=each, seconds=seconds / each, peak_worker=peak, peak_cluster=each * peak)
        for each in (*COUNTS[seed % len(COUNTS)], 128)
    ]
    told = Predictions(asked=tuple(every), measured=(), replayed=1, cpus=8, crowded=True, rate=None)
    return make_profile(*runs, repeats=2, predictions=told, decimal=chosen.random() < 0.5)


def one_run(
    workers: int,
    took: float,
    top: int,
    curve: list[int],
    limit: int | None,
    status: str,
    repeat: int,
    chosen: random.Random,
) -> Run:
    ends = sorted(chosen.uniform(0, took) for _ in range(9))
    tasks = [(0.0, begun, ended) for begun, ended in pairwise(ends)]
    trace = ran(tasks, workers=workers, on=[n % workers for n in range(8)], seconds=took)
    names = chosen.sample(NAMES, 8)
    groups = tuple(type(trace.groups[0])(**vars(trace.groups[0]) | {"prefix": n}) for n in names)
    trace = type(trace)(
        **vars(trace) | {"groups": groups, "group": type(trace.group)("i", range(8))}
    )
    return make_run(
        workers,
        seconds=took,
        curve=curve,
        peak=top,
        memory_limit=limit,
        status=status,
        repeat=repeat,
        trace=trace,
    )


def overview(profile: Profile) -> Figure:
    run = traced(profile.counts[-1].runs)
    assert run is not None
    assert run.trace is not None
    return overview_plot(profile, run, run.trace)


def grid_of(profile: Profile) -> Figure:
    """Draw the same runs with a limit that differs, and a variable with long values."""
    runs = [
        make_run(
            run.workers, seconds=run.seconds, memory_limit=limit, variables=(("chunk", value),)
        )
        for run in profile.runs
        for limit in (GB, 2 * GB)
        for value in (
            "500",
            "y" * 40,
            *(f"chunk-{number}" for number in range(len(profile.counts) * 3)),
        )
    ]
    return grid_plot(make_profile(*runs))


def speedup(profile: Profile) -> Figure:
    finished = any(count.speedup is not None for count in profile.counts)
    return speedup_plot(profile if finished else make_profile())


@pytest.mark.parametrize(
    ("draw", "seeds"),
    [
        (memory_plot, range(7)),
        (overview, range(7)),
        (speedup, range(7)),
        (predicted_plot, (3, 4)),
        (lambda profile: worker_plot(profile, len(profile.counts) - 1), (3, 6)),
        (grid_of, (1,)),
    ],
    ids=["memory", "overview", "speedup", "predicted", "workers", "grid"],
)
def test_no_text_lies_on_another(draw: Callable[[Profile], Figure], seeds: Iterable[int]) -> None:
    found = {seed: faults(draw(sweep(seed))) for seed in seeds}

    assert {seed: each for seed, each in found.items() if each} == {}
