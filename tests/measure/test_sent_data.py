"""Data that travel in graphs are counted, and named as the cell names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask
import dask.array as da
import numpy as np
import pandas as pd
import pytest
from distributed import Client
from runs import measure

from sdprofile.model.elements import SentData

background = np.random.default_rng(0).random((500, 500))  # 2 MB
blocks = da.ones((4, 500, 500), chunks=(1, 500, 500))


def sent(client: Client, work: Callable[[], object]) -> SentData:
    run, error = measure(work, client)
    assert error is None
    return run.data.sent


def as_argument() -> object:
    return blocks.map_blocks(lambda b, other: b - other, other=background, dtype=float).sum()


def within_a_function() -> object:
    return blocks.map_blocks(lambda block: block - background, dtype=float).sum()


def added() -> object:
    return (blocks - background).sum()


def in_chunks() -> object:
    return da.from_array(background, chunks=(100, 250)).sum()


@pytest.mark.parametrize("make", [as_argument, within_a_function, added, in_chunks])
def test_an_array_is_named(client: Client, make: Callable[[], Any]) -> None:
    found = sent(client, lambda: (background, make().compute()))
    assert background.nbytes <= found.nbytes < 1.1 * background.nbytes
    assert found.names == ("background",)


def test_a_frame_is_named_and_what_is_sent_twice_counts_twice(client: Client) -> None:
    frame = pd.DataFrame({name: np.arange(100_000.0) for name in "ab"})

    def work() -> None:
        client.gather([client.submit(len, frame), client.submit(type, frame, pure=False)])

    found = sent(client, work)
    assert 2 * 1_600_000 < found.nbytes < 2 * 1_700_000
    assert found.names == ("frame",)


def test_what_dask_made_of_an_array_is_named_where_nothing_else_is(client: Client) -> None:
    ready = da.from_array(background.copy(), chunks=(100, 250))
    found = sent(client, lambda: ready.sum().compute())
    assert found.names == ("ready",)


def test_data_that_the_workers_make_are_not_sent(client: Client) -> None:
    found = sent(client, lambda: (background, blocks.sum().compute()))
    assert found.nbytes < 100_000
    assert (found.outside < 50_000, found.names) == (True, ())


def test_data_without_a_name_are_counted(client: Client) -> None:
    found = sent(client, lambda: dask.delayed(len)(np.ones(200_000)).compute())
    assert found.outside == 1_600_000
    assert found.names == ()
