"""One worker of 1 GB, for tests that need no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from distributed import Client
from runs import hold

from sdprofile.cluster.resize import resize
from sdprofile.cluster.workers import fast_start


@pytest.fixture
def one_worker(client: Client) -> Iterator[Client]:
    with fast_start():
        resize(client, 1)
        client.submit(hold, 0, pure=False).result()  # what it imports for a task is no payload
        yield client
