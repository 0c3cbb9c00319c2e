"""Each call of spatialdata's functions is a step, and measuring it changes nothing."""

from __future__ import annotations

import functools
import inspect
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import spatialdata as sd
from distributed import Client, Scheduler, span
from images import FUNCTIONS, image
from runs import measure
from shapely import Polygon
from spatialdata import map_raster
from spatialdata.models import Labels2DModel, PointsModel
from spatialdata.transformations import Scale, set_transformation

from sdprofile.measure.steps import StepWatcher
from sdprofile.model.run import Run
from sdprofile.model.steps import Steps

from_dict = {"map": sd.map_raster}
doubled = functools.partial(map_raster, func=lambda block: block * 2, blockwise=True)


def points() -> Any:
    return PointsModel.parse(np.random.default_rng(0).random((1000, 2)))


def slowly(block: Any) -> Any:
    time.sleep(0.02)
    return block


def calls(run: Run) -> dict[str, int]:
    return {step.span: step.calls for step in run.steps.calls if step.calls}


def seconds(run: Run, span_name: str) -> float:
    return sum(part.seconds for part in run.work.spans if part.span == span_name)


def lines_of(function: Callable[[], object]) -> Callable[[int], int]:
    """Return the line of a file that is so far below a function's first."""
    first = inspect.getsourcelines(function)[1]
    return lambda below: first + below


def test_each_call_is_a_step_by_whatever_name_it_is_known(one_worker: Client) -> None:
    def work() -> object:
        one = image()
        two = from_dict["map"](one, np.negative, blockwise=True)
        for _ in range(2):
            two = doubled(two)
        return sd.transform(two, to_coordinate_system="global").compute()

    at = lines_of(work)
    run, error = measure(work, one_worker)
    assert error is None
    assert calls(run) == {
        f"cell/Image2DModel.parse (line {at(1)})": 1,
        f"cell/map_raster (line {at(2)})": 1,
        f"cell/map_raster (line {at(4)})": 2,
        f"cell/transform (line {at(5)})": 1,
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what spatialdata reads parquet with
def test_models_and_methods_are_steps_with_the_name_of_their_class(
    one_worker: Client, tmp_path: Path
) -> None:
    def work() -> None:
        labels = Labels2DModel.parse(da.ones((100, 100), chunks=50, dtype=int), dims="yx")
        data = sd.SpatialData(images={"image": image()}, labels={"labels": labels})
        data["points"] = points()
        data.write(tmp_path / "data.zarr")
        sd.read_zarr(tmp_path / "data.zarr")["image"].data.sum().compute()

    run, error = measure(work, one_worker)
    assert error is None
    # What a step computes is of the cell's line as well.
    assert run.trace is not None
    at = lines_of(work)
    assert set(run.trace.calls.line) <= {at(each) for each in range(1, 6)}
    assert at(4) in run.trace.calls.line
    names = [step.name.partition(" ")[0] for step in run.steps.calls if step.calls]
    assert names == [
        *("Labels2DModel.parse", "Image2DModel.parse", "PointsModel.parse", "SpatialData.write"),
        "read_zarr",
    ]


def test_step_takes_the_wall_time_of_its_call(one_worker: Client) -> None:
    took = 0.0

    def slow(block: Any) -> Any:
        time.sleep(0.1)  # dask calls it once while it builds the graph
        return block

    def work() -> None:
        nonlocal took
        one = image()
        start = time.perf_counter()
        map_raster(one, slow, blockwise=True)
        took = time.perf_counter() - start

    run, _ = measure(work, one_worker)
    assert 0.1 <= run.steps.calls[-1].seconds <= took


def test_tasks_of_a_lazy_step_are_in_its_span(one_worker: Client) -> None:
    def slow(block: Any) -> Any:
        time.sleep(0.02)
        return block

    def work() -> None:
        one = image()
        one.data.sum().compute()
        map_raster(one, slow, blockwise=True).data.sum().compute()

    run, _ = measure(work, one_worker, fuse=False)
    [step] = [step for step in run.steps.calls if step.name.startswith("map_raster")]
    assert seconds(run, step.span) > 48 * 0.02
    assert step.fused == ()
    assert "sum" in {part.prefix for part in run.work.spans if part.span == "cell"}


def test_tasks_that_a_step_sends_itself_are_in_its_span(one_worker: Client) -> None:
    def work() -> None:
        sd.get_extent(points())
        da.ones(4, chunks=1).sum().compute()

    run, _ = measure(work, one_worker)
    [step] = [step for step in run.steps.calls if step.name.startswith("get_extent")]
    prefixes = {part.prefix for part in run.work.spans if part.span == step.span and part.prefix}
    assert any(prefix.startswith("min") for prefix in prefixes)
    assert not any(prefix.startswith("sum") for prefix in prefixes)
    assert step.fused == ()


@pytest.mark.filterwarnings("ignore:Dask annotations:UserWarning")  # of the user's own
def test_step_is_inside_the_spans_of_the_user(one_worker: Client) -> None:
    def work() -> None:
        with span("build"):
            one = map_raster(image(), np.negative, blockwise=True)
        with span("sum"):
            one.data.sum().compute()
        with span("extent", "all"):
            sd.get_extent(points())

    at = lines_of(work)
    run, _ = measure(work, one_worker, fuse=False)
    assert f"cell/build/map_raster (line {at(2)})" in calls(run)
    assert f"cell/extent/all/get_extent (line {at(6)})" in calls(run)
    spans = {part.span for part in run.work.spans}
    assert f"cell/extent/all/get_extent (line {at(6)})" in spans
    # A layer keeps the span in which it was built.
    assert f"cell/build/map_raster (line {at(2)})" in spans
    assert "cell/sum" in spans


def test_what_dask_merges_is_told(one_worker: Client) -> None:
    def work() -> None:
        one = map_raster(image(), np.negative, blockwise=True)
        two = map_raster(one, np.absolute, blockwise=True)
        two.compute()
        two.data.sum().compute()

    at = lines_of(work)
    run, _ = measure(work, one_worker)
    merged = {step.span: step.fused for step in run.steps.calls if step.fused}
    first, second = (f"map_raster (line {at(line)})" for line in (1, 2))
    assert merged[f"cell/{second}"] == (first, "ones_like")
    assert merged["cell"] == (first, second)
    assert f"cell/{first}" not in merged

    apart, _ = measure(work, one_worker, fuse=False)
    assert not any(step.fused for step in apart.steps.calls)
    assert seconds(apart, f"cell/{first}") > 0
    assert seconds(apart, f"cell/{second}") > 0


def test_what_is_worked_out_more_than_once_is_told(one_worker: Client) -> None:
    def slow(block: Any) -> Any:
        time.sleep(0.02)
        return block

    def work() -> None:
        one = map_raster(image(), slow, blockwise=True).data
        one.sum().compute()
        (one + 1).max().compute()
        one[:, :100].min().compute()

    run, error = measure(work, one_worker)
    assert error is None
    found = run.steps.recomputed
    assert found is not None
    blocks = image().data.npartitions
    below = image().data[:, :100].npartitions
    assert found.name == f"map_raster (line {lines_of(work)(1)})"
    assert (found.blocks, found.made) == (blocks, 2 * blocks + below)
    assert (blocks + below) * 0.02 < found.seconds < run.work.task_seconds - blocks * 0.02


def test_what_is_made_again_is_told_with_its_name_without_spatialdata(
    one_worker: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdprofile.measure.run.public_functions", dict)
    data = da.ones((40, 40), chunks=20)

    def work() -> None:
        global filtered
        filtered = data.map_blocks(slowly)
        filtered.min().compute()
        filtered.max().compute()

    run, error = measure(work, one_worker)
    assert error is None
    found = run.steps.recomputed
    assert found is not None
    assert (found.name, found.variable) == ("slowly", "filtered")
    assert (found.blocks, found.made) == (4, 8)
    assert run.steps.calls == ()


def test_graphs_are_told_that_made_the_blocks_again(one_worker: Client) -> None:
    def work() -> None:
        da.ones((4, 4), chunks=2).sum().compute()
        one = da.zeros((4, 4), chunks=2).map_blocks(slowly)
        one.sum().compute()
        (da.ones((4, 4), chunks=2) * 3).sum().compute()
        one.max().compute()

    run, error = measure(work, one_worker)
    assert error is None
    found = run.steps.recomputed
    assert found is not None
    assert (found.name, found.made, found.graphs) == ("slowly", 8, (1, 3))


def test_cheap_blocks_below_dear_ones_that_differ_are_not_told(one_worker: Client) -> None:
    def times(block: Any, factor: int) -> Any:
        time.sleep(0.02)
        return block * factor

    def made(factor: int) -> Any:
        return da.ones((4, 4), chunks=2).map_blocks(times, factor, dtype=float)

    def held_once() -> None:
        held = made(2).persist()
        made(3).sum().compute()
        held.sum().compute()

    def with_others() -> None:
        for factor in range(3):
            made(factor).sum().compute()

    for work in (held_once, with_others):
        run, error = measure(work, one_worker)
        assert error is None
        assert run.steps.recomputed is None
        assert run.work.task_seconds > 8 * 0.02


def test_what_is_held_or_asked_for_once_is_not_repeated(one_worker: Client) -> None:
    def held() -> None:
        one = map_raster(image(), np.negative, blockwise=True).data.persist()
        one.sum().compute()
        one.max().compute()

    def in_parts() -> None:
        one = map_raster(image(), np.negative, blockwise=True).data
        rows = one.chunks[1][0]
        one[:, :rows].sum().compute()
        one[:, rows:].sum().compute()

    for work in (held, in_parts):
        run, error = measure(work, one_worker)
        assert error is None
        assert run.steps.recomputed is None
        assert run.work.tasks


def test_same_tasks_are_run_with_steps_and_without(one_worker: Client) -> None:
    def work() -> None:
        one = map_raster(image(scale_factors=[2])["scale0"]["image"], np.negative, blockwise=True)
        map_raster(one, lambda block: block, depth={"y": 2, "x": 2}).compute()
        sd.get_extent(points())

    def prefixes(run: Run) -> dict[str, int]:
        return {part.prefix: part.tasks for part in run.memory.prefixes}

    without, _ = measure(work, one_worker, steps=False)
    with_steps, _ = measure(work, one_worker)
    assert without.steps.calls == ()
    assert with_steps.steps.calls
    assert prefixes(with_steps) == prefixes(without)
    assert with_steps.work.tasks == without.work.tasks


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt])
def test_nothing_stays_changed(one_worker: Client, raised: type[BaseException]) -> None:
    before = [(each.__code__, dict(vars(each))) for each in FUNCTIONS]
    send = Client._graph_to_futures
    during: list[bool] = []

    def work() -> None:
        during.append(map_raster.__code__ is not code)
        map_raster(image(), np.negative, blockwise=True)
        map_raster(image(), fail)

    def fail(block: Any) -> Any:
        raise raised

    code = map_raster.__code__
    run, error = measure(work, one_worker)
    assert isinstance(error, raised)
    assert during == [True]
    assert sum(calls(run).values()) == 4
    assert [(each.__code__, dict(vars(each))) for each in FUNCTIONS] == before
    assert Client._graph_to_futures is send
    assert not one_worker.run_on_scheduler(plugins_of_ours)
    assert "span" not in dask.get_annotations()


def plugins_of_ours(dask_scheduler: Scheduler) -> list[str]:
    return [name for name in dask_scheduler.plugins if name.startswith("sdprofile")]


def test_functions_can_be_sent_to_workers_meanwhile(one_worker: Client) -> None:
    def work() -> Any:
        return one_worker.submit(sd.get_extent, image().compute(), pure=False).result()

    run, error = measure(work, one_worker)
    assert error is None
    assert list(calls(run)) == [f"cell/Image2DModel.parse (line {lines_of(work)(1)})"]


def test_tasks_of_another_client_of_the_cluster_are_in_the_span_too(one_worker: Client) -> None:
    def work() -> None:
        with Client(one_worker.cluster, set_as_default=False) as other:
            other.compute(map_raster(image(), np.negative, blockwise=True).data).result()

    run, error = measure(work, one_worker, fuse=False)
    assert error is None
    [step] = [step for step in run.steps.calls if step.name.startswith("map_raster")]
    assert seconds(run, step.span) > 0


def test_calls_of_other_threads_are_not_the_cells_steps(one_worker: Client) -> None:
    def work() -> None:
        thread = threading.Thread(target=image)
        thread.start()
        thread.join()

    run, error = measure(work, one_worker)
    assert error is None
    assert run.steps.calls == ()


@pytest.mark.filterwarnings("ignore")  # of what spatialdata calls in pandas
def test_step_that_works_in_the_kernel_is_told_with_its_time_and_memory(one_worker: Client) -> None:
    # spatialdata brings all points into the kernel and makes a geometry of each.
    many = PointsModel.parse(np.random.default_rng(0).uniform(0, 4000, (150_000, 2)))
    lesion = Polygon([(900, 900), (1100, 950), (1050, 1150), (880, 1100)])

    def work() -> None:
        sd.polygon_query(many, lesion, target_coordinate_system="global")

    run, error = measure(work, one_worker)
    assert error is None
    [step] = [step for step in run.steps.calls if step.name.startswith("polygon_query")]
    assert step.seconds > 0.5 * run.seconds
    around = run.circumstances
    assert around.kernel_cpu_seconds > 3 * run.work.cpu_seconds
    assert around.kernel_peak is not None
    assert around.kernel_baseline is not None
    rise = around.kernel_peak - around.kernel_baseline
    assert step.kernel_rise > 0.8 * rise
    assert run.transfers.gathered is not None
    assert 150_000 * 16 <= run.transfers.gathered < rise / 2


def test_step_that_builds_only_takes_no_memory_of_the_kernel(one_worker: Client) -> None:
    def work() -> Any:
        payload = b"x" * 50_000_000
        image()
        return len(payload)

    run, _ = measure(work, one_worker)
    assert [step.kernel_rise < 10_000_000 for step in run.steps.calls] == [True]


def test_where_there_are_no_functions_nothing_is_asked() -> None:
    class NoClient:
        status = "running"

    with StepWatcher(NoClient(), None) as steps:  # type: ignore[arg-type]
        assert map_raster.__code__.co_varnames[:2] == ("data", "func")
    assert steps.reading == Steps()


def test_points_do_not_warn_of_annotations_that_are_not_the_users(
    one_worker: Client, recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Dask warns once in a process.
    monkeypatch.setattr("dask.dataframe.dask_expr._collection._WARN_ANNOTATIONS", True)
    warnings.simplefilter("always")
    measure(points, one_worker)
    assert not [each for each in recwarn if "annotations" in str(each.message)]


def test_affine_transformation_is_worked_out_on_the_workers(one_worker: Client) -> None:
    def work() -> None:
        one = image()
        set_transformation(one, Scale([2.0, 2.0], axes=("x", "y")), "global")
        sd.transform(one, to_coordinate_system="global").data.sum().compute()

    run, error = measure(work, one_worker, fuse=False)
    assert error is None
    [step] = [step for step in run.steps.calls if step.name.startswith("transform")]
    assert seconds(run, step.span) > 0
