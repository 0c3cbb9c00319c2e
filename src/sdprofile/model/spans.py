"""Where the workers spent their time, by span and activity."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SpanActivity:
    """One activity of the workers' threads within one span of one run."""

    span: str
    """Name of the span; a nested one with its parents, as in ``cell/read/decode``."""

    activity: str
    """What was done, in dask's words: ``thread-cpu``, ``disk-read``, ``deserialize`` and so on."""

    seconds: float
    """Time spent, in seconds, summed over all threads of all workers."""

    nbytes: int
    """Bytes moved by it; 0 where the activity moves none."""
