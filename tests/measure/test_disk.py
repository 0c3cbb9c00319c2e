"""What workers read and wrote, and how often they read each chunk of a zarr array."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import pytest
import zarr
from conftest import wait_until
from distributed import Client, LocalCluster
from profiles import make_profile
from runs import MIB, measure

from sdprofile.cluster.resize import resize
from sdprofile.explain.causes.reading import reads_again
from sdprofile.explain.causes.seen import Seen
from sdprofile.measure.alone import run_alone
from sdprofile.model.disk import StoreReads
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.plan import Plan

SIDE, CHUNK = 4096, 1024


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """16 chunks of 1 MiB."""
    path = tmp_path / "image.zarr"
    array = zarr.create_array(
        path, name="scale0", shape=(SIDE, SIDE), chunks=(CHUNK, CHUNK), dtype="uint8"
    )
    array[...] = 1
    return path


@pytest.fixture
def with_zarr(client: Client) -> Client:
    """Workers that have imported zarr."""
    client.run(importlib.import_module, "zarr")
    return client


def sum_of(store: Path, side: int) -> Callable[[], object]:
    """Return what reads the whole array in squares."""
    return lambda: int(da.from_zarr(store, component="scale0", chunks=(side, side)).sum().compute())


def only_store(run: Run) -> StoreReads:
    [found] = run.disk.stores
    return found


def is_wrapped() -> bool:
    return hasattr(zarr.Array.get_basic_selection, "__wrapped__")


def cause_of(run: Run) -> Any:
    assert run.trace is not None
    return reads_again(Seen(profile=make_profile(run, decimal=False), run=run, trace=run.trace))


@pytest.mark.parametrize(
    ("side", "reads"),
    [
        (512, 64),  # each chunk is read for four pieces
        (1024, 16),
        (2048, 16),
        (1536, 25),  # three pieces along each axis, which touch 2, 2 and 1 chunks
    ],
)
def test_each_chunk_is_read_as_often_as_pieces_touch_it(
    with_zarr: Client, store: Path, side: int, reads: int
) -> None:
    run, error = measure(sum_of(store, side), with_zarr)

    assert error is None
    found = only_store(run)
    assert (found.needed, found.once, found.reads) == (16, reads, reads)
    assert found.amplification == found.cut == reads / 16
    assert (found.array, found.chunk_bytes) == (f"{store}/scale0", MIB)
    assert (found.shape, found.chunks) == ((SIDE, SIDE), (CHUNK, CHUNK))
    assert found.pieces == (side, side)
    assert "from-zarr" in found.prefix or "getter" in found.prefix or "sum" in found.prefix
    assert 0 < found.seconds < run.seconds
    assert not any(with_zarr.run(is_wrapped).values())
    assert run.trace is not None
    assert "sdprofile" not in {frame.origin for frame in run.trace.inside.frames}


def test_pieces_that_cut_chunks_are_a_cause_and_those_that_fit_are_none(
    with_zarr: Client, store: Path
) -> None:
    cuts, _ = measure(sum_of(store, 512), with_zarr)
    fits, _ = measure(sum_of(store, 1024), with_zarr)

    cause = cause_of(cuts)
    assert "image.zarr/scale0 is read 4.0 times, by pieces that cut them: 64.0 MiB" in cause.fact
    assert cause.change.endswith(
        "/image.zarr/scale0 with chunks=(1024, 1024) instead of chunks=(512, 512): the chunks of"
        " the store, or multiples of them"
    )
    assert cause_of(fits) is None


def test_what_two_graphs_read_is_no_cut(with_zarr: Client, store: Path) -> None:
    def work() -> None:
        image = da.from_zarr(store, component="scale0")
        image.sum().compute()
        image.max().compute()

    run, _ = measure(work, with_zarr)

    found = only_store(run)
    assert (found.needed, found.once, found.reads) == (16, 16, 32)


def test_reads_of_all_workers_are_one_sum(with_zarr: Client, store: Path) -> None:
    resize(with_zarr, 2)
    with_zarr.run(importlib.import_module, "zarr")

    run, _ = measure(sum_of(store, 512), with_zarr, workers=2)

    assert (only_store(run).needed, only_store(run).reads) == (16, 64)
    assert len(run.disk.workers) == 2
    resize(with_zarr, 1)


def test_bytes_of_a_file_are_those_that_the_task_wrote_and_read(
    client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "file"

    def write() -> int:
        return path.write_bytes(b"x" * (64 * MIB))

    def read() -> int:
        return len(path.read_bytes())

    wrote, _ = measure(lambda: client.submit(write, pure=False).result(), client)
    has_read, _ = measure(lambda: client.submit(read, pure=False).result(), client)

    assert wrote.disk.written is not None
    assert has_read.disk.read is not None
    assert 64 * MIB <= wrote.disk.written < 66 * MIB
    assert 64 * MIB <= has_read.disk.read < 66 * MIB


def test_workers_in_one_process_count_once(store: Path) -> None:
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        run, error = measure(sum_of(store, 512), client, workers=2)

        assert error is None
        assert (only_store(run).needed, only_store(run).reads) == (16, 64)
        assert len(run.disk.workers) == 1
        assert not is_wrapped()
    wait_until(lambda: client.status == "closed")


def test_without_a_cluster_the_kernel_counts(store: Path) -> None:
    setting = Setting(workers=0, threads=1, memory_limit=None)

    run, _ = run_alone(
        sum_of(store, 512), Plan(settings=(setting,), repeats=1), setting=setting, repeat=1
    )

    assert (only_store(run).needed, only_store(run).reads) == (16, 64)
    assert [each.worker for each in run.disk.workers] == ["kernel"]
    assert not is_wrapped()
