"""The clock: nothing else happens between its start and its stop."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self


class Clock:
    """Wall time of one run, by `time.perf_counter`."""

    began: float = 0.0
    """When the run began, in seconds of the wall clock (`time.time`), to align other series."""

    seconds: float = 0.0
    """How long it took, in seconds."""

    def __enter__(self) -> Self:
        self.began = time.time()
        self._start = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self._start
