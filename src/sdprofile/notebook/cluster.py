"""What ``%sdcluster`` does: start, show, fit or close the session cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.display import publish_display_data

from sdprofile.cluster.dashboard import tunnel_here
from sdprofile.cluster.jobs import workers_of_a_job
from sdprofile.cluster.own import close_cluster, default_client, is_started_here, start_cluster
from sdprofile.cluster.parking import can_scale
from sdprofile.cluster.resize import resize
from sdprofile.cluster.secure import check_secure, is_secure
from sdprofile.cluster.session import find_client, is_local, reshape, shape
from sdprofile.cluster.workers import fast_start
from sdprofile.errors import SdprofileError
from sdprofile.internals.distributed.cluster import adapts
from sdprofile.measure.machine import this_machine
from sdprofile.options.options import ClusterOptions, Options
from sdprofile.plan import make_plan
from sdprofile.units import format_bytes, looks_decimal, plural

if TYPE_CHECKING:
    from distributed import Client


def session_cluster(options: ClusterOptions) -> Client:
    """Return the client of the session cluster, which is started or brought to what was asked.

    Parameters
    ----------
    options
        What was asked; what was not stays as it is.

    Returns
    -------
    distributed.Client
        The session's default client.
    """
    client = find_client()
    if client is not None and options.secure:
        client = client if check_secure(client, ours=is_started_here(client)) else None
    now = shape(client) if client is not None else None
    if client is not None and (adapts(client.cluster) or not can_scale(client)):
        if options.workers or options.memory or options.threads:
            raise SdprofileError(
                "%sdcluster: expected a cluster whose workers can be changed, got the session's"
                f" own, which {'adapts by itself' if adapts(client.cluster) else 'is as it is'}"
                " (leave the options out)"
            )
        _show(client)
        return default_client(client)
    if now is not None and client is not None and now.threads is None:
        resize(client, workers_of_a_job(client.cluster))  # they tell what they are
        now = shape(client)
    plan = make_plan(
        Options(
            workers=(options.workers or (now.workers if now and now.workers else 1),),
            oversubscribe=options.oversubscribe,
            memory=(options.memory,) if options.memory else None,
            threads=(options.threads,) if options.threads else None,
        ),
        this_machine(),
        found=now,
        ours=client is not None and is_started_here(client),
        local=client is None or is_local(client),
        together=1 if client is None else workers_of_a_job(client.cluster),
    )
    (asked,) = plan.settings
    if client is None:
        client = start_cluster(
            workers=asked.workers,
            threads=asked.threads,
            memory_limit=asked.memory_limit,
            secure=options.secure,
        )
    else:
        with fast_start(fork=is_started_here(client)):
            reshape(
                client,
                workers=asked.workers,
                threads=asked.threads,
                memory_limit=asked.memory_limit,
            )
    _show(client)
    return default_client(client)


def close_session_cluster() -> None:
    """Close the cluster that sdprofile started.

    Raises
    ------
    SdprofileError
        If there is none, or the session's cluster is the user's own.
    """
    if close_cluster():
        return
    if find_client() is not None:
        raise SdprofileError(
            "%sdcluster --close: expected a cluster that sdprofile started, got the session's own"
            " (close it with client.close() and cluster.close())"
        )
    raise SdprofileError("%sdcluster --close: expected a running cluster, got none")


def _show(client: Client) -> None:
    now = shape(client)
    limit = "no limit"
    if now.memory_limit:
        limit = format_bytes(now.memory_limit, decimal=looks_decimal(now.memory_limit))
    whose = "started by sdprofile" if is_started_here(client) else "the session's own"
    lines = [
        f"{plural(now.workers, 'worker')} of {limit} and"
        f" {plural(now.threads or 1, 'thread')} each, {whose}{', TLS' if is_secure(client) else ''}"
    ]
    if client.dashboard_link:
        lines.append(f"dashboard: {client.dashboard_link}")
        if tunnel := tunnel_here(client.dashboard_link):
            lines.append(f"to open it from your machine: {tunnel}")
    publish_display_data({"text/plain": "\n".join(lines)})
