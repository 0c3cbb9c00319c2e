"""Keeps a cluster that adapts by itself at the workers that are asked for, and gives that back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sdprofile.internals.distributed.cluster import adaptive, adapts, stop_adapting

if TYPE_CHECKING:
    from distributed import Client


@contextlib.contextmanager
def kept_from_adapting(client: Client) -> Iterator[None]:
    """Keep a cluster from changing the number of its workers; afterwards it does so as before.

    Parameters
    ----------
    client
        Of the cluster.

    Notes
    -----
    What adapts is made anew, by ``cluster.adapt``, which has kept what it was called with; minimum
    and maximum may have been changed since.
    """
    cluster: Any = client.cluster
    if not adapts(cluster):
        yield
        return
    before = adaptive(cluster)
    stop_adapting(cluster)
    try:
        yield
    finally:
        if client.status == "running":
            cluster.adapt(type(before), minimum=before.minimum, maximum=before.maximum)
