"""Runs a sweep beside the event loop that runs the cell's ``await``."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from queue import SimpleQueue
from types import FrameType
from typing import Any, TypeVar

from sdprofile.errors import SdprofileError
from sdprofile.interrupts import pass_on, passed_on, take_pending, take_sent

THREAD = "sdprofile-sweep"
"""Name of the thread in which the sweep goes on."""

_T = TypeVar("_T")

_Ended = tuple[Any, BaseException | None]
"""A value, or what was raised in place of it."""

_loop: contextvars.ContextVar[_Loop] = contextvars.ContextVar("sdprofile_loop")


async def beside_loop(call: Callable[[], _T]) -> _T:
    """Call something in a thread, while the loop of this one runs what is given to `on_loop`.

    Parameters
    ----------
    call
        It may wait for clients and clusters of this loop, which is free for them.

    Raises
    ------
    SdprofileError
        If it is not asyncio's loop that runs this.

    Notes
    -----
    An interrupt ends what runs on the loop, or else reaches the thread.
    """
    __tracebackhide__ = True
    try:
        loop = _Loop(asyncio.get_running_loop())
    except RuntimeError:
        raise SdprofileError(
            "expected asyncio to run what is awaited, got another library (%autoawait asyncio)"
        ) from None
    result: _T = await loop.beside(call)
    return result


def on_loop(work: Coroutine[Any, Any, object]) -> object:
    """Run a coroutine on the loop and return what it gives; call it within `beside_loop`."""
    return _loop.get().run(work)


class _Loop:
    """A loop of the main thread, and what runs on it for the thread beside it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[_Ended] | None = None
        self._can_raise = False
        self._interrupted = self._sent = False

    async def beside(self, call: Callable[[], Any]) -> Any:
        __tracebackhide__ = True
        through: asyncio.Future[_Ended] = self._loop.create_future()
        here = threading.get_ident()

        def work() -> None:
            _loop.set(self)
            with passed_on(work_in=here):
                ended = _ended(call)
            self._loop.call_soon_threadsafe(through.set_result, ended)

        # With the context of the cell, by which a kernel knows where to show what is displayed.
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(work,), name=THREAD, daemon=True)
        with self._interrupts():
            thread.start()
            while not through.done():
                try:
                    await asyncio.shield(through)
                except asyncio.CancelledError:
                    self._interrupt()
                    if (task := asyncio.current_task()) is not None:
                        task.uncancel()
        thread.join()
        return _value(through.result())

    def run(self, work: Coroutine[Any, Any, object]) -> object:
        """Run a coroutine on the loop; called in the thread beside it."""
        __tracebackhide__ = True
        through: SimpleQueue[_Ended] = SimpleQueue()
        context = contextvars.copy_context()  # with dask's annotations and the current client

        def end(task: asyncio.Task[_Ended]) -> None:
            self._task = None
            if task.cancelled():  # before it has begun
                work.close()
            ended = (None, KeyboardInterrupt()) if task.cancelled() else task.result()
            if self._interrupted and not self._sent and not isinstance(ended[1], KeyboardInterrupt):
                pass_on()  # the cell has ended by itself meanwhile, or made another error of it
            through.put(ended)

        def begin() -> None:
            self._interrupted = self._sent = False
            self._task = self._loop.create_task(self._kept(work), context=context)
            self._task.add_done_callback(end)
            if take_pending():
                self._interrupt()

        self._loop.call_soon_threadsafe(begin)
        return _value(through.get())

    async def _kept(self, work: Coroutine[Any, Any, object]) -> _Ended:
        """Run a coroutine, and keep what it raises: some errors would end the loop."""
        try:
            try:
                self._can_raise = True
                return await work, None
            finally:
                self._can_raise = False
        except asyncio.CancelledError as error:
            return None, KeyboardInterrupt() if self._interrupted else error
        except BaseException as error:  # noqa: BLE001 - raised where the coroutine was given
            return None, error

    @contextlib.contextmanager
    def _interrupts(self) -> Iterator[None]:
        """Handle interrupts in this context, if the loop is that of the main thread."""
        main = threading.current_thread() is threading.main_thread()
        if not main or signal.getsignal(signal.SIGINT) is None:
            yield
            return
        before = signal.signal(signal.SIGINT, self._on_signal)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._sent = take_sent()
        if self._can_raise and _is_within(frame):
            raise KeyboardInterrupt  # it computes; what waits is cancelled
        if self._task is not None or not self._sent:
            self._interrupt()

    def _interrupt(self) -> None:
        if self._task is None:
            pass_on()
            return
        self._interrupted = True
        self._loop.call_soon_threadsafe(self._task.cancel)


def _value(ended: _Ended) -> Any:
    __tracebackhide__ = True
    value, error = ended
    if error is None:
        return value
    try:
        raise error
    finally:
        del ended, error  # or what the cell held would live on in a circle


def _ended(call: Callable[[], object]) -> _Ended:
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001 - raised again beside the loop
        return None, error


def _is_within(frame: FrameType | None) -> bool:
    """Whether it is the cell's own coroutine that a frame was reached from, not one it waits for.

    What is raised in another task of the loop would end the loop.
    """
    while frame is not None and frame.f_code is not _Loop._kept.__code__:
        frame = frame.f_back
    return frame is not None
