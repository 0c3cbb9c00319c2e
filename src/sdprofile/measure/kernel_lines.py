"""How long each line of the cell kept the kernel busy with its own work, and with which calls."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import TYPE_CHECKING

from sdprofile.internals.python import cpu_of_thread, hardly_ran
from sdprofile.interrupts import thread_of_work
from sdprofile.measure.branches import Branch, frame_named
from sdprofile.measure.clock import Clock
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.interception import Line, frames_of_cell, lines_of
from sdprofile.measure.kernel_calls import KernelCalls
from sdprofile.model.calls import CELL, Frame
from sdprofile.model.steps import LineTime
from sdprofile.spatial.written import line_written

if TYPE_CHECKING:
    from distributed import Client

    from sdprofile.cluster.questions import Questions

_STEP = 0.05
"""Seconds between two looks; a look takes some 40 us."""

_LONGEST = 80
"""Characters of a line that are kept."""

_WAITING = ("threading", "selectors", "queue")
"""Modules in which a thread is that waits for dask."""


class KernelLines(Instrument[tuple[LineTime, ...]]):
    """The time that lines of the cell take in the kernel, without dask's calls that wait or send.

    The calls that it makes meanwhile are in `calls`: also those within dask's that send, but none
    that wait.

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
        self._taken: defaultdict[Line, float] = defaultdict(float)
        self._frames: dict[CodeType, Frame] = {}

    def begin(self, asked: Questions) -> None:
        """Start to look."""
        self._over.clear()
        self._taken.clear()
        self.calls, self.looks = Branch(), 0
        watched = thread_of_work()
        self._looking = threading.Thread(target=self._look, args=(watched,), daemon=True)
        self._looking.start()

    def end(self, asked: Questions) -> None:
        """Stop."""
        self.abandon()

    def read(self) -> tuple[LineTime, ...]:
        """Return the lines that were seen, the longest first."""
        found = sorted(self._taken.items(), key=lambda item: -item[1])
        return tuple(_told(line, seconds) for line, seconds in found)

    def abandon(self) -> None:
        """Stop."""
        self._over.set()
        self._looking.join()

    def _look(self, watched: int) -> None:
        before, used = time.perf_counter(), cpu_of_thread(watched)
        while not self._over.wait(_STEP):
            if (began := self._clock.running_since) is None:
                before, used = time.perf_counter(), cpu_of_thread(watched)
                continue
            frame, now = sys._current_frames().get(watched), time.perf_counter()
            frames = frames_of_cell(frame) if frame is not None else []
            use = cpu_of_thread(watched)
            if frames and self._clock.running_since is not None:
                waits = use is not None and hardly_ran(use - (used or 0.0), now - before)
                in_call = _is_dasks(frame)
                self._add(frames, now - max(before, began), in_call=in_call, waits=waits)
            del frame, frames  # which hold on to what is in them
            before, used = now, use

    def _add(
        self, frames: Sequence[FrameType], seconds: float, *, in_call: bool, waits: bool
    ) -> None:
        lines = lines_of(frames)
        line = lines[0].number
        if not in_call:
            for each in lines:
                self._taken[each] += seconds
        elif frames[-1].f_globals.get("__name__") in _WAITING:
            return
        path = [Frame(name=f"line {line}", file=CELL, line=line), *map(self._named, frames[1:])]
        self.calls.add(path, seconds, waits=waits)
        self.looks += 1

    def _named(self, frame: FrameType) -> Frame:
        code = frame.f_code
        if code not in self._frames:
            self._frames[code] = frame_named(
                code.co_name,
                module=frame.f_globals.get("__name__", ""),
                file=code.co_filename,
                line=code.co_firstlineno,
            )
        return self._frames[code]


def lines_seen(lines: KernelLines, calls: KernelCalls) -> tuple[LineTime, ...]:
    """Return the lines that were seen at work, then those that only asked something of dask."""
    seen = {(each.function, each.line) for each in lines.reading}
    others = (each for each in calls.lines if (each.function, each.number) not in seen)
    return (*lines.reading, *(_told(each, 0.0) for each in others))


def _told(line: Line, seconds: float) -> LineTime:
    text = line_written(line.file, line.number)
    return LineTime(line=line.number, function=line.function, text=text[:_LONGEST], seconds=seconds)


def _is_dasks(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is KernelCalls.waits:
            return True
        frame = frame.f_back
    return False
