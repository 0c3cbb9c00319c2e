"""Where the workers' time went, from dask's fine performance metrics."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Hashable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sdprofile.model.spans import SpanActivity

if TYPE_CHECKING:
    from distributed import Client, Scheduler, Worker
    from distributed.spans import Span

ROOT = "sdprofile"
"""Name of the span around the cell."""

ROOT_SHOWN = "cell"
"""What it is called in tables."""

_Metrics = Mapping[tuple[Hashable, ...], float]


class CellSpan:
    """A dask span around the whole cell, and what the workers counted in it.

    Notes
    -----
    Without a span of its own a cell's tasks land in dask's default span; annotations on inner
    layers are lost when these are fused, the one around the whole cell is not. Workers send their
    metrics with the heartbeat, so each is asked for one after the run, outside the clock
    (https://distributed.dask.org/en/stable/fine-performance-metrics.html,
    https://distributed.dask.org/en/stable/spans.html).
    """

    tasks: int = 0
    """Number of tasks that the cell sent."""

    activities: tuple[SpanActivity, ...] = ()
    """Seconds and bytes of each activity of each span."""

    spilled: int = 0
    """Bytes that workers wrote to disk for lack of memory during the run."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        from distributed import span

        self._totals: _Metrics = self._client.run_on_scheduler(_cluster_metrics)
        self._id: str = self._stack.enter_context(span(ROOT))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
        if self._client.status != "running":
            return
        self._client.run(_send_heartbeat, on_error="ignore")
        totals: _Metrics = self._client.run_on_scheduler(_cluster_metrics)
        during = {key: value - self._totals.get(key, 0) for key, value in totals.items()}
        self.spilled = round(sum(v for key, v in during.items() if key[-2] == "disk-write"))
        self.tasks, metrics = self._client.run_on_scheduler(partial(_span_metrics, self._id))
        self.activities = _activities(metrics)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the tasks in seconds, summed over all threads."""
        return sum(part.seconds for part in self.activities if part.activity == "thread-cpu")


def _activities(metrics: Mapping[str, _Metrics]) -> tuple[SpanActivity, ...]:
    """Add up metrics over task prefixes.

    Parameters
    ----------
    metrics
        By span name; keys end in ``(..., activity, unit)``.
    """
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    nbytes: dict[tuple[str, str], float] = defaultdict(float)
    for span, by_key in metrics.items():
        for (*_, activity, unit), value in by_key.items():
            if unit == "seconds":
                seconds[span, str(activity)] += value
            elif unit == "bytes":
                nbytes[span, str(activity)] += value
    return tuple(
        SpanActivity(
            span=span,
            activity=activity,
            seconds=seconds.get((span, activity), 0.0),
            nbytes=round(nbytes.get((span, activity), 0.0)),
        )
        for span, activity in dict.fromkeys([*seconds, *nbytes])
    )


async def _send_heartbeat(dask_worker: Worker) -> None:
    await dask_worker.heartbeat()


def _cluster_metrics(dask_scheduler: Scheduler) -> dict[tuple[Hashable, ...], float]:
    return {
        key: value
        for key, value in dask_scheduler.cumulative_worker_metrics.items()
        if isinstance(key, tuple) and key[-1] == "bytes"
    }


def _span_metrics(
    span_id: str, dask_scheduler: Scheduler
) -> tuple[int, dict[str, dict[tuple[Hashable, ...], float]]]:
    """Return the number of tasks in a span, and the metrics of it and of each span inside it."""
    root: Span | None = dask_scheduler.extensions["spans"].spans.get(span_id)
    if root is None:  # no task was sent
        return 0, {}
    metrics: dict[str, dict[tuple[Hashable, ...], float]] = {}
    for span in root.traverse_spans():
        name = "/".join([ROOT_SHOWN, *span.name[1:]])
        total = metrics.setdefault(name, defaultdict(float))
        for key, value in span._cumulative_worker_metrics.items():
            total[key] += value
    return sum(len(group) for group in root.traverse_groups()), metrics
