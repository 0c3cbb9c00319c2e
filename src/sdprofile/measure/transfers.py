"""Bytes that workers fetch from each other."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.ask import ask_workers
from sdprofile.measure.instrument import Instrument

if TYPE_CHECKING:
    from distributed import Worker


class Transfers(Instrument):
    """How much the workers fetched from each other during one run.

    Notes
    -----
    Dask has no metric for it: its bytes of ``get-data`` hold what the client fetched, too. A worker
    notes each fetch in `distributed.Worker.transfer_incoming_log`, which forgets all but the last
    1000; here its total is kept. Data that a P2P shuffle sends are not in it.
    """

    nbytes: int = 0
    """Sum over the workers that lived through the run, in bytes."""

    def begin(self) -> None:
        """Start to count."""
        ask_workers(self._client, _begin)

    def end(self) -> None:
        """Add up what was counted."""
        self.nbytes = sum(ask_workers(self._client, _end).values())


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
