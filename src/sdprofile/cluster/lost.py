"""What is not done any more for a cluster whose scheduler is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sdprofile.errors import LostError

if TYPE_CHECKING:
    from distributed import Client


def unless_lost(undo: Callable[[Client], object], client: Client) -> Callable[..., None]:
    """Return what undoes something when a context is left, but for a cluster that is lost.

    Parameters
    ----------
    undo
        Gets the client.
    client
        Of the cluster.
    """

    def leave(kind: object, error: BaseException | None, traceback: object) -> None:
        if not isinstance(error, LostError):
            undo(client)

    return leave
