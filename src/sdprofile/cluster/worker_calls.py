"""Asks workers something without waiting for ever for one that cannot answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sdprofile.cluster.worker_states import addresses

if TYPE_CHECKING:
    from distributed import Client

ANSWER_TIMEOUT = 5.0
"""Seconds that a worker has to answer."""


def ask_workers(
    client: Client,
    question: Callable[..., Any],
    *args: object,
    workers: Sequence[str] | None = None,
    nanny: bool = False,
    timeout: float = ANSWER_TIMEOUT,
) -> dict[str, Any]:
    """Call a function in every worker, as ``client.run`` does, each on its own.

    Parameters
    ----------
    client
        Of the cluster.
    question
        May take `dask_worker`, and may be a coroutine function.
    *args
        Passed to it.
    workers
        Addresses; all workers if left out.
    nanny
        Whether to call it where the workers' nannies live instead.
    timeout
        Limit in seconds for each.

    Returns
    -------
    dict
        Answers by the worker's address. Of a worker that has left or did not answer in time there
        is none: a task that holds its process' lock (the GIL) keeps a worker from answering.

    Raises
    ------
    Exception
        What the function raised, but for an OSError, which cannot be told from a worker that left.
    """
    if workers is None:
        workers = addresses(client)
    answers: dict[str, Any] = client.sync(_ask, client, question, args, workers, nanny, timeout)
    return answers


async def _ask(
    client: Client,
    question: Callable[..., Any],
    args: Sequence[object],
    workers: Sequence[str],
    nanny: bool,
    timeout: float,
) -> dict[str, Any]:
    async def one(worker: str) -> dict[str, Any]:
        # In the client's event loop, as here, its methods return what can be awaited.
        asking = client.run(question, *args, workers=[worker], nanny=nanny, on_error="return")
        try:
            answer: dict[str, Any] = await asyncio.wait_for(asking, timeout)
        except (TimeoutError, KeyError):  # a scheduler looks up the nanny of one that has left
            return {}
        for value in answer.values():
            if isinstance(value, OSError):  # as all that has to do with connections
                return {}
            if isinstance(value, Exception):
                raise value
        return answer

    answers = await asyncio.gather(*(one(worker) for worker in workers))
    return {worker: value for answer in answers for worker, value in answer.items()}
