"""Bytes that workers fetch from each other."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from distributed import Client, Worker


class Transfers:
    """How much the workers fetched from each other during one run.

    Notes
    -----
    Dask has no metric for it: its bytes of ``get-data`` hold what the client fetched, too. A worker
    notes each fetch in `distributed.Worker.transfer_incoming_log`, which forgets all but the last
    1000; here its total is kept. Data that a P2P shuffle sends are not in it.
    """

    nbytes: int = 0
    """Sum over the workers that lived through the run, in bytes."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __enter__(self) -> Self:
        self._client.run(_begin, on_error="ignore")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client.status != "running":
            return
        self.nbytes = sum(self._client.run(_end, on_error="ignore").values())


class _CountedLog(deque[dict[str, Any]]):
    """A worker's log of fetches that also knows their sum."""

    total = 0

    def append(self, fetch: dict[str, Any], /) -> None:
        self.total += fetch["total"]
        super().append(fetch)


def _begin(dask_worker: Worker) -> None:
    log = dask_worker.transfer_incoming_log
    dask_worker.transfer_incoming_log = _CountedLog(log, log.maxlen)


def _end(dask_worker: Worker) -> int:
    log = dask_worker.transfer_incoming_log
    dask_worker.transfer_incoming_log = deque(log, log.maxlen)
    return log.total if isinstance(log, _CountedLog) else 0
