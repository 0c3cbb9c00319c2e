"""When the kernel asked dask for something, and waited for it."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from array import array
from functools import partial
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, cast

from sdprofile.measure.clock import Clock
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.interception import (
    Around,
    Line,
    frames_of_cell,
    lines_of,
    stood_in,
)
from sdprofile.model.trace import Calls, since

if TYPE_CHECKING:
    from distributed import Client

    from sdprofile.cluster.questions import Questions


class KernelCalls(Instrument[Calls]):
    """The calls of dask's own functions in the kernel that send graphs or wait for results.

    Notes
    -----
    What such a function calls itself belongs to it: ``x.compute()`` is one call of `dask.compute`,
    from the optimisation of the graph until the result is in the kernel.
    """

    def __init__(self, client: Client | None, clock: Clock) -> None:
        """Prepare; the clock tells which calls are of the cell."""
        super().__init__(client)
        self._clock, self._sends = clock, client is not None

    def begin(self, asked: Questions) -> None:
        """Stand in for the functions."""
        from dask.base import compute, persist
        from distributed import Client, Future, as_completed, wait

        watched = (
            (2, (compute, Client.get)),
            (1, (persist, Client.compute, Client.persist, Client.submit, Client.map)),
            (0, (Client.gather, Future.result, wait, as_completed.__next__)),
        )
        may_not_send = (compute, persist) if self._sends else ()
        self._calls: list[tuple[float, float, int, int, Line | None]] = []
        self.lines: dict[Line, None] = {}
        self._within = threading.local()
        self._stack = contextlib.ExitStack()
        stand_ins: list[tuple[FunctionType, Around]] = [
            (
                cast("FunctionType", function),
                partial(self._call, sends, function not in may_not_send),
            )
            for sends, functions in watched
            for function in functions
        ]
        self._stack.enter_context(stood_in(stand_ins))

    def end(self, asked: Questions) -> None:
        """Leave the functions as they were."""
        self._stack.close()

    def read(self) -> Calls:
        """Return when they were called."""
        began, seconds = self._clock.began, self._clock.seconds
        during = [each for each in self._calls if began <= each[0] < began + seconds]
        within = [inner for *_, inner in during]
        names = dict.fromkeys(inner.function for inner in within if inner is not None)
        index = {name: place for place, name in enumerate(names)}
        return Calls(
            begun=since([begun for begun, *_ in during], began),
            ended=since([ended for _, ended, *_ in during], began),
            sends=array("b", [sends for _, _, sends, *_ in during]),
            line=array("i", [line for *_, line, _ in during]),
            inner=array("i", [each.number if each else 0 for each in within]),
            function=array("i", [index[each.function] if each else 0 for each in within]),
            functions=tuple(names),
        )

    def abandon(self) -> None:
        """Leave the functions as they were."""
        self._stack.close()

    def _call(
        self, sends: int, itself: bool, call: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        """Call a function; one that does not send itself has sent if it called one that does."""
        __tracebackhide__ = True
        if getattr(self._within, "call", False):
            self._within.sent |= itself and sends > 0
            return call(*args, **kwargs)
        lines = lines_of(frames_of_cell(sys._getframe(3)))  # beyond those that stand in
        self._within.sent = itself
        self._within.call, began = True, time.time()
        try:
            return call(*args, **kwargs)
        finally:
            self._within.call = False
            self.lines.update(dict.fromkeys(lines))
            line = lines[0].number if lines else 0
            inner = lines[1] if len(lines) > 1 else None
            sent = sends if self._within.sent else -1
            self._calls.append((began, time.time(), sent, line, inner))

    waits: CodeType = _call.__code__
    """By which a frame is known within which the kernel sends or waits."""
