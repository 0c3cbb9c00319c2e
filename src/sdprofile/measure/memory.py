"""Memory over time, as dask's own `MemorySampler` records it."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sdprofile.model.memory import Curve

if TYPE_CHECKING:
    from distributed import Client

INTERVAL = 0.1
"""Seconds between samples. Dask renews what it samples only about once a second."""


class DaskMemory:
    """The series that dask users know: resident memory of all workers together.

    Notes
    -----
    `distributed.diagnostics.MemorySampler` reads what the workers sent with their last heartbeat:
    up to 1 s old, so it misses short peaks. The label is unique to the run, for the sampler
    overwrites a label that it knows.
    """

    samples: tuple[tuple[float, int], ...] = ()
    """Pairs of wall-clock time (`time.time`, seconds) and bytes."""

    def __init__(self, client: Client, *, label: str) -> None:
        self._client = client
        self._label = label
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        from distributed.diagnostics.memory_sampler import MemorySampler

        self._sampler = MemorySampler()
        self._stack.enter_context(
            self._sampler.sample(self._label, client=self._client, interval=INTERVAL)
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client.status != "running":
            # The sampler would stop itself at a scheduler that the client no longer has.
            with contextlib.suppress(AttributeError):
                self._stack.close()
            return
        self._stack.close()
        self.samples = tuple(self._sampler.samples[self._label])

    def curve(self, *, began: float, seconds: float, until: float | None = None) -> Curve | None:
        """Return what was sampled while the cell ran.

        Parameters
        ----------
        began
            Wall-clock time at which the cell began, in seconds.
        seconds
            How long it ran.
        until
            Wall-clock time from which samples do not count: when a worker was killed, for its
            memory is missing from the sum then.

        Returns
        -------
        Curve or None
            None if there is no sample. What dask showed last before the cell began stands at 0.
        """
        end = began + seconds if until is None else min(until, began + seconds)
        earlier = [(0.0, nbytes) for at, nbytes in self.samples if at < began]
        inside = [(at - began, nbytes) for at, nbytes in self.samples if began <= at < end]
        series = [*earlier[-1:], *inside]
        if not series:
            return None
        times, amounts = zip(*series, strict=True)
        return Curve(source="dask", worker="", seconds=times, nbytes=amounts)
