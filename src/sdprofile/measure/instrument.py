"""What all instruments have in common: they are entered before a run and leave a reading behind."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from sdprofile.cluster.questions import Questions

if TYPE_CHECKING:
    from distributed import Client

Reading = TypeVar("Reading")


class Instrument(ABC, Generic[Reading]):
    """A context around one run; after it, `reading` is what was read.

    Notes
    -----
    Several are entered together by `entered`. What they ask of scheduler and workers is then asked
    at once: after all have begun, and after all have ended.
    """

    reading: Reading
    """What `read` has returned; it is missing where the cell has closed the client."""

    _client: Client
    """Of the cluster; what only looks at the kernel does without."""

    def __init__(self, client: Client | None) -> None:
        if client is not None:
            self._client = client
        self._alone = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._alone.enter_context(entered(getattr(self, "_client", None), [self]))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._alone.close()

    @abstractmethod
    def begin(self, asked: Questions) -> None:
        """Do what must be done before the run, and add what is to be asked then."""

    def start(self) -> None:
        """Do what must be done just before the run, when all was asked."""

    @abstractmethod
    def end(self, asked: Questions) -> None:
        """Do what must be done just after the run, and add what is to be asked then.

        It is also called where something went wrong after `begin`.
        """

    @abstractmethod
    def read(self) -> Reading:
        """Return what there is to read, when all was asked."""

    def abandon(self) -> None:
        """Undo what can be undone without the cluster."""


@contextlib.contextmanager
def entered(client: Client | None, instruments: Sequence[Instrument[Any]]) -> Iterator[None]:
    """Enter instruments in their order, and leave them in reverse.

    Parameters
    ----------
    client
        The one that they have; None for what only looks at the kernel.
    instruments
        Those around a run, the outermost first.
    """
    begun: list[Instrument[Any]] = []
    started: list[Instrument[Any]] = []
    try:
        asked = Questions(client)
        for each in instruments:
            each.begin(asked)
            begun.append(each)
        asked.ask()
        for each in begun:
            each.start()
            started.append(each)
        yield
    finally:
        _leave(client, begun, started)


def _leave(
    client: Client | None,
    begun: Sequence[Instrument[Any]],
    started: Sequence[Instrument[Any]],
) -> None:
    """Leave all of them, whatever one of them raises: what is left first is called last here."""
    with contextlib.ExitStack() as stack:
        # A cell may have closed the client; there is nobody to ask then.
        if client is not None and client.status != "running":
            for each in begun:
                stack.callback(each.abandon)
            return
        asked = Questions(client)
        for each in started:
            stack.callback(_read, each)
        stack.callback(asked.ask_workers_first)
        for each in begun:
            stack.callback(each.end, asked)


def _read(each: Instrument[Any]) -> None:
    each.reading = each.read()
