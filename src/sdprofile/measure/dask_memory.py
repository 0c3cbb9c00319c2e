"""Memory over time of all workers together, as dask's own `MemorySampler` records it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sdprofile.measure.clock import Clock
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.memory import cut
from sdprofile.model.memory import Curve

if TYPE_CHECKING:
    from distributed import Client

INTERVAL = 0.1
"""Seconds between samples. Dask renews what it samples only about once a second."""

MEASURES = ("process", "managed", "unmanaged", "spilled")
"""What is sampled, in dask's words (`distributed.scheduler.MemoryState`)."""


class DaskMemory(Instrument[tuple[Curve, ...]]):
    """The series that dask users know: memory of all workers together.

    It reads a curve for each measure, but for those that are 0 throughout. What dask showed last
    before the cell began stands at 0.

    Notes
    -----
    `distributed.diagnostics.MemorySampler` reads what the workers sent with their last heartbeat:
    up to 1 s old, so it misses short peaks. The label is unique to the run, for the sampler
    overwrites a label that it knows.
    """

    def __init__(self, client: Client, clock: Clock, *, label: str) -> None:
        """Prepare the samplers.

        Parameters
        ----------
        client
            Of the cluster to sample.
        clock
            Tells which samples are of the cell.
        label
            Unique to the run.
        """
        super().__init__(client)
        self._clock = clock
        self._label = label
        self._stack = contextlib.ExitStack()

    def begin(self) -> None:
        """Start a sampler for each measure."""
        from distributed.diagnostics.memory_sampler import MemorySampler

        self._sampler = MemorySampler()
        for measure in MEASURES:
            self._stack.enter_context(
                self._sampler.sample(
                    f"{self._label} {measure}",
                    client=self._client,
                    measure=measure,
                    interval=INTERVAL,
                )
            )

    def end(self) -> tuple[Curve, ...]:
        """Stop the samplers and fetch their samples."""
        self._stack.close()
        curves = (self._curve(measure) for measure in MEASURES)
        return tuple(curve for curve in curves if curve is not None)

    def abandon(self) -> None:
        """Drop the samplers."""
        # They would stop themselves at a scheduler that the client no longer has.
        with contextlib.suppress(AttributeError):
            self._stack.close()

    def _curve(self, measure: str) -> Curve | None:
        samples = self._sampler.samples[f"{self._label} {measure}"]
        began = self._clock.began_there
        series = cut(
            [at for at, _ in samples],
            [nbytes for _, nbytes in samples],
            began=began,
            end=began + self._clock.seconds,
        )
        if series is None or not (measure == "process" or any(series[1])):
            return None
        seconds, nbytes = series
        return Curve(source="dask", worker="", measure=measure, seconds=seconds, nbytes=nbytes)
