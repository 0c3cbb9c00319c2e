"""How long each line of the cell kept the kernel busy with its own work."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from types import FrameType
from typing import TYPE_CHECKING

from sdprofile.interrupts import thread_of_work
from sdprofile.measure.clock import Clock
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.interception import line_of
from sdprofile.measure.kernel_calls import KernelCalls
from sdprofile.model.steps import LineTime

if TYPE_CHECKING:
    from distributed import Client

    from sdprofile.cluster.questions import Questions

_STEP = 0.05
"""Seconds between two looks; a look takes some 20 us."""


class KernelLines(Instrument[tuple[LineTime, ...]]):
    """The time that lines of the cell take in the kernel, without dask's calls that wait or send.

    Notes
    -----
    A thread looks where the cell is, 20 times a second. A call that keeps Python's lock, as some of
    pandas do for seconds, is seen once it is over, and counts in full.
    """

    def __init__(self, client: Client | None, clock: Clock) -> None:
        """Prepare; what is looked at is the thread in which the work runs, while the clock does."""
        super().__init__(client)
        self._clock = clock
        self._over = threading.Event()
        self._taken: defaultdict[int, float] = defaultdict(float)

    def begin(self, asked: Questions) -> None:
        """Start to look."""
        self._over.clear()
        self._taken.clear()
        watched = thread_of_work()
        self._looking = threading.Thread(target=self._look, args=(watched,), daemon=True)
        self._looking.start()

    def end(self, asked: Questions) -> None:
        """Stop."""
        self.abandon()

    def read(self) -> tuple[LineTime, ...]:
        """Return the lines that were seen, the longest first."""
        found = sorted(self._taken.items(), key=lambda item: -item[1])
        return tuple(LineTime(line=line, seconds=seconds) for line, seconds in found)

    def abandon(self) -> None:
        """Stop."""
        self._over.set()
        self._looking.join()

    def _look(self, watched: int) -> None:
        before = time.perf_counter()
        while not self._over.wait(_STEP):
            began = self._clock.running_since
            frame, now = sys._current_frames().get(watched), time.perf_counter()
            before = max(before, began or now)
            in_cell = now > before and not _waits_for_dask(frame)
            if in_cell and frame is not None and (line := line_of(frame)):
                self._taken[line] += now - before
            before = now


def _waits_for_dask(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is KernelCalls.waits:
            return True
        frame = frame.f_back
    return False
