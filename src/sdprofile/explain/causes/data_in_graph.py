"""Data that travel in the graph."""

from __future__ import annotations

from sdprofile.explain.causes.found import LEAST_GAIN, Found, range_of
from sdprofile.explain.causes.seen import Seen
from sdprofile.explain.lines import sending_lines
from sdprofile.model.account import Cause
from sdprofile.units import format_bytes, listed

LARGE = 10_000_000
"""Bytes that graphs may hold; dask itself warns from there on."""

_TASK = 2000
"""Bytes that a task takes in a graph, at most."""

_NAMES = 3
"""Names that are told, at most."""

_USUAL = 0.01
"""Seconds around a task, at most, that are dask's own: what is beyond is the data's, which come
with the task and are unpickled for each."""


def sends_data(seen: Seen) -> Found | None:
    """Return that data are sent with the graph; None where they are few."""
    nbytes = data_bytes(seen)
    if nbytes < LARGE:
        return None
    sending, overhead = seen.share(Cause.SENDING), seen.share(Cause.OVERHEAD)
    amount = format_bytes(nbytes, decimal=seen.profile.decimal)
    names = seen.run.data.sent.names[:_NAMES]
    what = f" ({listed(list(names))})" if names else ""
    usual = _USUAL * len(seen.trace) / (seen.threads * seen.run.seconds)
    unpickling = max(0.0, overhead - usual)
    gain = range_of(
        0.5 * (sending + unpickling), 0.95 * sending + max(0.5 * overhead, 0.95 * unpickling)
    )
    share = sending + overhead
    takes = f", {100 * share:.0f} % of the time" if gain[0] >= LEAST_GAIN else ""
    first = names[0] if names else "..."
    return seen.found(
        "data in the graph",
        share=share,
        lines=sending_lines(seen.trace),
        fact=f"the graph holds {amount} of data{what}, which are pickled and sent with it each time"
        f"{takes}",
        change="read or make them on the workers (from zarr, parquet), or pass them to the tasks as"
        f" client.scatter({first}) or dask.delayed({first})",
        gain=gain if gain[0] >= LEAST_GAIN else None,
    )


def data_bytes(seen: Seen) -> int:
    """Return the bytes in the graphs that are not the tasks themselves."""
    sent = seen.run.data.sent
    return max(sent.outside, sent.nbytes - _TASK * len(seen.trace))
