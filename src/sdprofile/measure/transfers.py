"""Bytes that workers fetch from each other, and that the kernel fetches from them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.questions import Questions
from sdprofile.internals.distributed.worker import TRANSFER_LOGS
from sdprofile.measure.instrument import Instrument
from sdprofile.model.transfers import Transfers

if TYPE_CHECKING:
    from distributed import Worker


class TransferLogs(Instrument[Transfers]):
    """How much the workers fetched from each other during one run, and the kernel from them.

    Notes
    -----
    Dask has no metric for it: its bytes of ``get-data`` hold both. A worker has a log of what it
    fetches, and one of what it sends, which tells of workers only to whom it was; both forget all
    but the last 1000, here their totals are kept. Data that a P2P shuffle sends are not in it. What
    a task gathers by a client of its own counts as the kernel's.
    """

    def begin(self, asked: Questions) -> None:
        """Start to count."""
        asked.workers(_begin)

    def end(self, asked: Questions) -> None:
        """Stop to count."""
        self._counted = asked.workers(_end)

    def read(self) -> Transfers:
        """Add up what was counted."""
        counted = self._counted.value.values()
        return Transfers(
            nbytes=sum(fetched for fetched, _ in counted),
            gathered=sum(gathered for _, gathered in counted),
        )


class _CountedLog(deque[dict[str, Any]]):
    """A worker's log of transfers that also knows their sums."""

    total = 0
    """Bytes of all, since it was there."""

    gathered = 0
    """Bytes of those that were for no worker."""

    def append(self, transfer: dict[str, Any], /) -> None:
        self.total += transfer["total"]
        self.gathered += 0 if transfer["who"] else transfer["total"]
        super().append(transfer)


def _begin(dask_worker: Worker) -> None:
    for name in TRANSFER_LOGS:
        log = name.get(dask_worker)
        if log is not None:
            name.set(dask_worker, _CountedLog(log, log.maxlen))


def _end(dask_worker: Worker) -> tuple[int, int]:
    incoming, outgoing = (name.get(dask_worker) for name in TRANSFER_LOGS)
    for name, log in zip(TRANSFER_LOGS, (incoming, outgoing), strict=True):
        if log is not None:
            name.set(dask_worker, deque(log, log.maxlen))
    return getattr(incoming, "total", 0), getattr(outgoing, "gathered", 0)
