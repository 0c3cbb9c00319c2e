"""Memory over time of all workers together, as dask's own `MemorySampler` records it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.questions import Questions
from sdprofile.measure.clock import Clock
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.samples import cut
from sdprofile.model.memory import Curve

if TYPE_CHECKING:
    from distributed import Client, Scheduler

INTERVAL = 0.1
"""Seconds between samples. Dask renews what it samples only about once a second."""

MEASURES = ("process", "managed", "unmanaged", "spilled")
"""What is sampled, in dask's words (`distributed.scheduler.MemoryState`)."""

_Samples = list[tuple[float, int]]


class DaskMemory(Instrument[tuple[Curve, ...]]):
    """The series that dask users know: memory of all workers together.

    It reads a curve for each measure, but for those that are 0 throughout. What dask showed last
    before the cell began stands at 0.

    Notes
    -----
    `distributed.diagnostics.MemorySampler` reads what the workers sent with their last heartbeat:
    up to 1 s old, so it misses short peaks. What it asks of the scheduler is asked here together
    with what others ask. A sampler ends itself when its client is gone.
    """

    def __init__(self, client: Client, clock: Clock) -> None:
        """Prepare the samplers; the clock tells which samples are of the cell."""
        super().__init__(client)
        self._clock = clock

    def begin(self, asked: Questions) -> None:
        """Start a sampler for each measure."""
        self._keys = asked.scheduler(partial(_start, client=self._client.id))

    def end(self, asked: Questions) -> None:
        """Stop the samplers."""
        self._samples = asked.scheduler(partial(_stop, keys=self._keys.known([])))

    def read(self) -> tuple[Curve, ...]:
        """Return their samples."""
        pairs = zip(MEASURES, self._samples.value, strict=True)
        curves = (self._curve(measure, samples) for measure, samples in pairs)
        return tuple(curve for curve in curves if curve is not None)

    def _curve(self, measure: str, samples: _Samples) -> Curve | None:
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


def _start(client: str, dask_scheduler: Scheduler) -> list[str]:
    """Start a sampler for each measure, and return what the scheduler calls them."""
    start: Any = dask_scheduler.handlers["memory_sampler_start"]
    return [start(client=client, measure=measure, interval=INTERVAL) for measure in MEASURES]


def _stop(keys: Sequence[str], dask_scheduler: Scheduler) -> list[_Samples]:
    stop: Any = dask_scheduler.handlers["memory_sampler_stop"]
    return [stop(key=key) for key in keys]
