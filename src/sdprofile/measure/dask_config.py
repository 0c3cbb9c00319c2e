"""Dask's settings around a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sdprofile.internals.distributed.client import default_in_threads, hidden_defaults
from sdprofile.plan import Plan

if TYPE_CHECKING:
    from distributed import Client

_IN_KERNEL = ("threads", "threading", "processes", "multiprocessing", "synchronous", "sync")
"""Schedulers of dask that need no client (`dask.base.named_schedulers`)."""


@contextlib.contextmanager
def dask_config(plan: Plan, client: Client | None, *, scheduler: str = "") -> Iterator[None]:
    """Send the cell's dask work to a client, and undo what the cell does to dask's config.

    Parameters
    ----------
    plan
        Fusion.
    client
        Where the work goes; None to let dask do it without any, as far as the cell does not ask
        for a client of its own.
    scheduler
        In what dask is to run the tasks without a client; empty for what the session has set, or
        else for its own choice.
    """
    import dask

    # The first keeps tasks apart, the second the blockwise layers of arrays.
    unfused = {"optimization.fuse.active": False, "array_optimize": _only_cull}
    changes: dict[str, Any] = {} if plan.fuse else unfused
    # A copy of the whole, for the cell may set what no context of ours would put back.
    before = _copy(dask.config.config)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(dask.config.set(changes))
            if client is not None:
                stack.enter_context(default_in_threads(client))
            stack.enter_context(client.as_current() if client else _without_client(scheduler))
            yield
    finally:
        # A client that is closed takes its scheduler with it.
        if client is not None and client.status != "running":
            before.pop("scheduler", None)
        # Never empty in between: dask's own threads read it all the time.
        dask.config.config.update(before)
        for key in dask.config.config.keys() - before.keys():
            del dask.config.config[key]


@contextlib.contextmanager
def _without_client(scheduler: str) -> Iterator[None]:
    """Let dask find no client.

    Where no scheduler is asked for, one in the kernel that the session has set stays.
    """
    import dask

    asked = scheduler or dask.config.get("scheduler", None)
    kept = asked if isinstance(asked, str) and asked.lower() in _IN_KERNEL else None
    with hidden_defaults(), dask.config.set(scheduler=kept):
        yield


def _only_cull(graph: Any, keys: Any, **_: object) -> Any:
    """Optimise an array's graph (`dask.array.optimization.optimize`) without fusing anything."""
    from dask.highlevelgraph import HighLevelGraph

    if not isinstance(graph, HighLevelGraph):
        graph = HighLevelGraph.from_collections(str(id(graph)), graph, dependencies=())
    return graph.cull(set(_flat(keys)))


def _flat(keys: Any) -> Iterator[Any]:
    """Yield keys that may be in lists, and these in lists."""
    for each in keys if isinstance(keys, list) else [keys]:
        yield from _flat(each) if isinstance(each, list) else (each,)


def _copy(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _copy(value) for key, value in config.items()}
    return list(config) if isinstance(config, list) else config
