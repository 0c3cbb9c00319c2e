"""From which fractions of its memory limit dask does something about a worker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.internals.distributed.worker import memory_fraction
from sdprofile.model.memory import Thresholds

if TYPE_CHECKING:
    from distributed import Client, Nanny, Worker


def read_thresholds(client: Client) -> Thresholds:
    """Return from which fractions of its limit dask does something about a worker's memory.

    Parameters
    ----------
    client
        Of a cluster with workers; where they differ, the lowest of each counts.
    """
    of_workers = ask_workers(client, _of_worker).values()
    names = ("target", "spill", "pause")
    found = {name: _lowest(each[name] for each in of_workers) for name in names}
    # A worker without a nanny is killed by nobody.
    found["terminate"] = _lowest(ask_workers(client, _of_nanny, nanny=True).values())
    return Thresholds(**found)


def _lowest(fractions: Iterable[float | Literal[False]]) -> float | None:
    return min((float(each) for each in fractions if each), default=None)


def _of_worker(dask_worker: Worker) -> dict[str, float | Literal[False]]:
    return {name: memory_fraction(dask_worker, name) for name in ("target", "spill", "pause")}


def _of_nanny(dask_worker: Nanny) -> float | Literal[False]:
    found: float | Literal[False] = memory_fraction(dask_worker, "terminate")
    return found
