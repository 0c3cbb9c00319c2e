"""What ended runs before the cell was through, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.model.notice import Notice
from sdprofile.model.setting import count_name
from sdprofile.units import format_bytes, format_seconds, plural

if TYPE_CHECKING:
    from sdprofile.model.failure import FailedRun
    from sdprofile.model.measured import Measured

_HASH = re.compile(r"(?<=-)([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")
"""What makes a key of dask unique and says nothing to a reader."""


def failure_notices(profile: Measured) -> Iterator[Notice]:
    """Yield what ended runs, and which workers died on the way.

    Parameters
    ----------
    profile
        What was measured.

    Yields
    ------
    Notice
        Kills first.
    """
    yield from _kills(profile)
    for failure in profile.failures:
        if failure.status == "failed" and not failure.workers:
            yield Notice(
                fact=f"Without a cluster the cell failed: {_HASH.sub('...', failure.message)}",
                advice=failure.advice
                or "If it needs a client, that is how it is: give --workers without the 0",
            )
        if failure.status == "stuck":
            yield Notice(
                fact=f"{count_name(failure.workers)}: {_HASH.sub('...', failure.message)}",
                advice=failure.advice
                or (
                    "Raise --timeout, or look at the dashboard for what the workers wait for"
                    if failure.workers
                    else "Raise --timeout"
                ),
            )
    for run in profile.runs:
        if run.status == "ok" and 0 < len(run.memory.worker_peaks) < run.workers:
            yield Notice(
                fact=f"{plural(run.workers, 'worker')}, run {run.repeat}: a worker died during the"
                " run and was replaced; its peak is not known",
                advice="Do not rely on this run; look for a crash, or the system's out-of-memory"
                " killer",
            )


def _kills(profile: Measured) -> Iterator[Notice]:
    killed = [failure for failure in profile.failures if failure.status == "killed"]
    in_finalize = [failure for failure in killed if failure.in_finalize]
    if in_finalize:
        kills = "; ".join(_kill(failure, decimal=profile.decimal) for failure in in_finalize)
        yield Notice(
            fact=f"{kills}: .compute() puts the whole result together on one worker before it is"
            " fetched, which takes twice its size there",
            advice="Write the result to zarr, reduce it on the workers, or keep it there with"
            " .persist(); or raise --memory",
        )
    fewer = ", or fewer --threads" if any(run.threads > 1 for run in profile.runs) else ""
    for failure in killed:
        if not failure.in_finalize:
            yield Notice(
                fact=_kill(failure, decimal=profile.decimal),
                advice=f"Raise --memory{',' if fewer else ' or'} use smaller chunks{fewer}"
                if failure.nbytes is not None
                else "Look for what the task calls that ends or crashes its process, or for the"
                " system's out-of-memory killer (dmesg)",
            )


def _kill(failure: FailedRun, *, decimal: bool) -> str:
    who = plural(failure.workers, "worker")
    after = f"after {format_seconds(failure.seconds)}"
    # With several threads there are several tasks; the one that explains it comes first.
    tasks = sorted(failure.tasks, key=lambda task: not task.startswith("finalize-"))
    where = f" in {_HASH.sub('...', tasks[0])}" if tasks else ""
    if failure.nbytes is None:
        return f"{who}: {failure.message} {after}{where}"
    limit = ""
    if failure.memory_limit:
        limit = f" of {format_bytes(failure.memory_limit, decimal=decimal)}"
    return f"{who}: killed {after} at {format_bytes(failure.nbytes, decimal=decimal)}{limit}{where}"
