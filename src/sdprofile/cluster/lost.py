"""What becomes of a sweep whose scheduler does not answer any more."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from sdprofile.cluster.own import close_cluster, is_started_here
from sdprofile.cluster.session import is_lost
from sdprofile.errors import LostError, SdprofileError

if TYPE_CHECKING:
    from distributed import Client


class _HasClient(Protocol):
    client: Client


@contextlib.contextmanager
def told_if_lost(lease: _HasClient) -> Iterator[None]:
    """Say in one line that a scheduler is gone; a client of the user's is left as it is.

    Parameters
    ----------
    lease
        Whose client may be another one by then.

    Raises
    ------
    LostError
        So that nothing is asked of it any more.
    """
    try:
        yield
    except SdprofileError:
        raise
    except Exception as error:
        if not is_lost(lease.client):
            raise
        advice = "close its client, and start a new cluster"
        if is_started_here(lease.client):
            close_cluster()
            advice = "it was closed; the next profile starts another one"
        raise LostError(
            f"the cluster: expected its scheduler to answer, got no answer ({advice})"
        ) from error


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
