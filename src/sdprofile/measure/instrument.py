"""What all instruments have in common: they are entered before a run and leave a reading behind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from distributed import Client


class Instrument(ABC):
    """A context around one run; after it, its attributes hold what was read."""

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
            self.end()
        else:
            self.abandon()

    @abstractmethod
    def begin(self) -> None:
        """Do what must be done just before the run."""

    @abstractmethod
    def end(self) -> None:
        """Read what there is to read just after the run."""

    def abandon(self) -> None:  # noqa: B027 - most have nothing to undo
        """Undo what can be undone without the cluster."""
