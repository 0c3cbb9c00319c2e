"""One worker of 1 GB, for tests that need no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from distributed import Client

from sdprofile.cluster.resize import resize
from sdprofile.cluster.workers import fast_start


@pytest.fixture
def one_worker(client: Client) -> Iterator[Client]:
    with fast_start():
        resize(client, 1)
        yield client
