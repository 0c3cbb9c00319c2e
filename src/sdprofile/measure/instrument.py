"""What all instruments have in common: they are entered before a run and leave a reading behind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from distributed import Client

Reading = TypeVar("Reading")


class Instrument(ABC, Generic[Reading]):
    """A context around one run; after it, `reading` is what was read."""

    reading: Reading
    """What `end` has returned; it is missing where the cell has closed the client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A cell may have closed the client; there is nobody to ask then.
        if self._client.status == "running":
            self.reading = self.end()
        else:
            self.abandon()

    @abstractmethod
    def begin(self) -> None:
        """Do what must be done just before the run."""

    @abstractmethod
    def end(self) -> Reading:
        """Return what there is to read just after the run."""

    def abandon(self) -> None:
        """Undo what can be undone without the cluster."""
