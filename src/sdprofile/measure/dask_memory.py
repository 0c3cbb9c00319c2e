"""Memory over time of all workers together, as dask's own `MemorySampler` records it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from sdprofile.measure.instrument import Instrument
from sdprofile.measure.memory import Series, cut
from sdprofile.model.memory import Curve

if TYPE_CHECKING:
    from distributed import Client

INTERVAL = 0.1
"""Seconds between samples. Dask renews what it samples only about once a second."""

MEASURES = ("process", "managed", "unmanaged", "spilled")
"""What is sampled, in dask's words (`distributed.scheduler.MemoryState`)."""


class DaskMemory(Instrument):
    """The series that dask users know: memory of all workers together.

    Notes
    -----
    `distributed.diagnostics.MemorySampler` reads what the workers sent with their last heartbeat:
    up to 1 s old, so it misses short peaks. The label is unique to the run, for the sampler
    overwrites a label that it knows.
    """

    def __init__(self, client: Client, *, label: str) -> None:
        """Prepare the samplers.

        Parameters
        ----------
        client
            Of the cluster to sample.
        label
            Unique to the run.
        """
        super().__init__(client)
        self._label = label
        self._stack = contextlib.ExitStack()
        self._read: dict[str, Series] = {}

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

    def end(self) -> None:
        """Stop the samplers and fetch their samples."""
        self._stack.close()
        for measure in MEASURES:
            samples = self._sampler.samples[f"{self._label} {measure}"]
            self._read[measure] = (
                tuple(at for at, _ in samples),
                tuple(nbytes for _, nbytes in samples),
            )

    def abandon(self) -> None:
        """Drop the samplers."""
        # They would stop themselves at a scheduler that the client no longer has.
        with contextlib.suppress(AttributeError):
            self._stack.close()

    def curves(
        self, *, began: float, seconds: float, until: float | None = None
    ) -> tuple[Curve, ...]:
        """Return what was sampled while the cell ran.

        Parameters
        ----------
        began
            When the cell began by the scheduler's clock, in seconds.
        seconds
            How long it ran.
        until
            Time of that clock from which samples do not count: when a worker was killed, for its
            memory is missing from the sum then.

        Returns
        -------
        tuple of Curve
            One for each measure, but for those that are 0 throughout. What dask showed last before
            the cell began stands at 0.
        """
        end = began + seconds if until is None else min(until, began + seconds)
        series = {
            measure: cut(times, nbytes, began=began, end=end)
            for measure, (times, nbytes) in self._read.items()
        }
        return tuple(
            Curve(source="dask", worker="", measure=measure, seconds=kept[0], nbytes=kept[1])
            for measure, kept in series.items()
            if kept is not None and (measure == "process" or any(kept[1]))
        )
