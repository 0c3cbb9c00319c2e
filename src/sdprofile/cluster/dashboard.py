"""How to open dask's dashboard from where the user sits."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit


def ssh_tunnel(link: str, *, environ: Mapping[str, str], user: Callable[[], str]) -> str:
    """Return the command that makes a dashboard reachable from the user's own machine.

    Parameters
    ----------
    link
        Address of the dashboard, as this process sees it.
    environ
        Environment variables of this process.
    user
        Returns the name to log in with, or raises what `getpass.getuser` does where there is none.

    Returns
    -------
    str
        Empty if this process was not started over SSH, or the link is no plain HTTP address.

    Notes
    -----
    OpenSSH puts addresses and ports of both ends into ``SSH_CONNECTION`` (``man ssh``).

    Examples
    --------
    >>> ssh_tunnel("http://127.0.0.1:8787/status", user=lambda: "ada",
    ...            environ={"SSH_CONNECTION": "10.0.0.5 50022 10.0.0.1 22"})
    'ssh -N -L 8787:127.0.0.1:8787 ada@10.0.0.1'
    """
    connection = environ.get("SSH_CONNECTION", "").split()
    url = urlsplit(link)
    if len(connection) != 4 or url.scheme != "http" or url.port is None:
        return ""
    _, _, server, port = connection
    other_port = "" if port == "22" else f" -p {port}"
    at = ""
    # In a container the user's number may have no name: then ssh takes that of the other end.
    with contextlib.suppress(OSError, KeyError, ImportError):
        at = f"{user()}@"
    return f"ssh -N -L {url.port}:{url.hostname}:{url.port}{other_port} {at}{server}"


def tunnel_here(link: str) -> str:
    """Return `ssh_tunnel` for this process and user."""
    return ssh_tunnel(link, environ=os.environ, user=getpass.getuser)
