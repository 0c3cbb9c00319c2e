"""Who may use the cluster: with TLS only who has its certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdprofile.cluster.garbage import collect_garbage
from sdprofile.cluster.resize import held_results
from sdprofile.errors import SdprofileError
from sdprofile.internals.distributed.client import scheduler_address

if TYPE_CHECKING:
    from distributed import Client, Security


def is_secure(client: Client) -> bool:
    """Whether a client's cluster talks TLS, and so obeys only who has its certificate."""
    return scheduler_address(client).startswith("tls:")


def check_secure(client: Client, *, ours: bool) -> bool:
    """Return whether a client's cluster is secure; if not, it may be replaced by one that is.

    Parameters
    ----------
    client
        Of the cluster that was found.
    ours
        Whether sdprofile started it.

    Raises
    ------
    SdprofileError
        If it is not secure, and the session's own or one whose workers hold results.
    """
    if is_secure(client):
        return True
    if not ours:
        raise SdprofileError(
            "--secure: expected a cluster that talks TLS, got the session's own, which does not"
            " (start it with LocalCluster(security=True), or close its client)"
        )
    collect_garbage()
    if held := held_results(client):
        raise SdprofileError(
            "--secure: expected no results on the workers of the open cluster, for it would be"
            f" replaced, got {held} (delete them, or leave --secure out)"
        )
    return False


def make_security() -> Security:
    """Return certificates that are made for one cluster and stay in memory.

    Raises
    ------
    SdprofileError
        If there is nothing to make them with.
    """
    from distributed import Security

    try:
        security: Security = Security.temporary()
    except ImportError as error:
        raise SdprofileError(
            "--secure: expected the package cryptography, got none"
            " (pip install 'sdprofile[secure]')"
        ) from error
    return security
