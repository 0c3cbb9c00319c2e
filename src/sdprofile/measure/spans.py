"""Where the workers' time went, from dask's fine performance metrics."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sdprofile.cluster.clean import ENDED, SILENCE
from sdprofile.cluster.questions import Answer, Questions
from sdprofile.cluster.scheduler_calls import ask_scheduler
from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.internals.distributed.client import futures
from sdprofile.internals.distributed.scheduler import cluster_metrics, empty_span, span_metrics
from sdprofile.internals.distributed.worker import send_heartbeat
from sdprofile.measure.clock import Clock
from sdprofile.measure.instrument import Instrument
from sdprofile.model.spans import EXECUTE, P2P, SpanActivity, Work, share_out

if TYPE_CHECKING:
    from dask.typing import Key
    from distributed import Client, Scheduler, Worker
    from distributed.spans import Span

ROOT = "sdprofile"
"""Name of the span around the cell."""

ROOT_SHOWN = "cell"
"""What it is called in tables."""

SETTLE_TIMEOUT = 2.0
"""Seconds that metrics have to stop changing after the run."""

_WITH_SPAN = (EXECUTE, "p2p")
"""Contexts that dask counts by span (`distributed.spans.CONTEXTS_WITH_SPAN_ID`)."""

_Metrics = Mapping[tuple[Hashable, ...], float]

_Counted = tuple[int, dict[str, _Metrics], _Metrics]
"""Tasks in a span; metrics of it and of those inside it, by name; metrics of the whole cluster."""


class CellSpan(Instrument[Work]):
    """A dask span around the whole cell, and what the workers counted in it.

    Notes
    -----
    Without a span of its own a cell's tasks land in dask's default span; annotations on inner
    layers are lost when these are fused, the one around the whole cell is not. Workers send their
    metrics with the heartbeat, so they are asked for one after the run, outside the clock, until
    nothing changes any more
    (https://distributed.dask.org/en/stable/fine-performance-metrics.html,
    https://distributed.dask.org/en/stable/spans.html). What dask counts for no span (fetching,
    sending, spilling) is the cell's, for nothing else runs meanwhile.
    """

    def __init__(self, client: Client, clock: Clock, *, threads: int) -> None:
        """Prepare.

        Parameters
        ----------
        client
            Of the cluster.
        clock
            Tells how much time each thread had.
        threads
            Of all workers together.
        """
        super().__init__(client)
        self._clock = clock
        self._threads = threads
        self._stack = contextlib.ExitStack()

    def begin(self, asked: Questions) -> None:
        """Open the span."""
        from distributed import span

        self._stack.enter_context(_not_warned_of())
        self._before = asked.scheduler(_cluster_metrics)
        self._id: str = self._stack.enter_context(span(ROOT))

    def end(self, asked: Questions) -> None:
        """Close the span and ask for its metrics."""
        self.abandon()
        self._last = self._ask(asked)

    def read(self) -> Work:
        """Wait until the metrics do not change any more."""
        deadline = time.monotonic() + SETTLE_TIMEOUT
        last = self._last.value
        while (now := self._ask_again()) != last and time.monotonic() < deadline:
            last = now
        ask_scheduler(self._client, partial(_empty_span, self._id))
        tasks, in_spans, total = now
        before = self._before.value
        during = {key: value - before.get(key, 0) for key, value in total.items()}
        spanless = {key: v for key, v in during.items() if key[0] not in _WITH_SPAN}
        counted = list(
            _activities([*_by_activity(in_spans), *_by_activity({ROOT_SHOWN: spanless})])
        )
        return Work(
            tasks=tasks,
            spans=share_out(
                counted, thread_seconds=self._threads * self._clock.seconds, span=ROOT_SHOWN
            ),
            cpu_seconds=sum(part.seconds for part in counted if part.activity == "thread-cpu"),
            spilled=round(sum(v for key, v in during.items() if _is_spill(key))),
        )

    def abandon(self) -> None:
        """Close the span."""
        self._stack.close()

    def cancel(self) -> None:
        """Cancel what tasks in the span have submitted and still wait for."""
        keys = self._client.run_on_scheduler(partial(_unfinished, self._id))
        if keys:
            ask_workers(self._client, _cancel, keys, timeout=SILENCE)

    def _ask_again(self) -> _Counted:
        asked = Questions(self._client)
        answer = self._ask(asked)
        asked.ask_workers_first()
        return answer.value

    def _ask(self, asked: Questions) -> Answer[_Counted]:
        asked.workers(_send_heartbeat)
        return asked.scheduler(partial(_counted, self._id))


def shown_path(names: Sequence[str]) -> str:
    """Return what a span within the cell's is called, by its name and those around it."""
    return "/".join([ROOT_SHOWN, *names[1:]])


@contextlib.contextmanager
def _not_warned_of() -> Iterator[None]:
    """Keep dask's data frames from warning of an annotation that is not the user's."""
    ours = rf"Dask annotations {{'span': {{'name': \('{ROOT}',\), 'ids': \('[^']*',\)}}}} detected"
    warnings.filterwarnings("ignore", message=ours)
    ignored = warnings.filters[0]
    try:
        yield
    finally:
        # No more than it: the cell may have set filters of its own.
        with contextlib.suppress(ValueError):
            warnings.filters.remove(ignored)  # type: ignore[attr-defined] # it is a list


_Amount = tuple[tuple[str, str, str, str], str, float]
"""Span, context, prefix and activity; unit; value."""


def _by_activity(metrics: Mapping[str, _Metrics]) -> Iterator[_Amount]:
    """Yield metrics by what they are of.

    Parameters
    ----------
    metrics
        By span name; keys are ``(context, ..., activity, unit)``, with the prefix of the tasks in
        between where the context is ``execute``.
    """
    for span, by_key in metrics.items():
        for (context, *between, activity, unit), value in by_key.items():
            # A shuffle counts what it does in tasks a second time, in a context of its own.
            if context == "p2p" and not str(between[0]).startswith("background"):
                continue
            prefix = str(between[0]) if context == EXECUTE and between else ""
            yield (span, str(context), prefix, str(activity)), str(unit), value


def _activities(amounts: list[_Amount]) -> Iterator[SpanActivity]:
    """Yield one activity for each span, context, prefix and activity that took time or moved."""
    sums: dict[tuple[str, str, str, str], dict[str, float]] = {}
    for what, unit, value in amounts:
        sums.setdefault(what, defaultdict(float))[unit] += value
    for (span, context, prefix, activity), by_unit in sums.items():
        if by_unit["seconds"] or by_unit["bytes"]:
            yield SpanActivity(
                span=span,
                context=context,
                prefix=prefix,
                activity=activity,
                seconds=by_unit["seconds"],
                nbytes=round(by_unit["bytes"]),
            )


def _is_spill(key: tuple[Hashable, ...]) -> bool:
    # A P2P shuffle writes to disk whatever memory there is.
    return key[0] != P2P and key[-2:] == ("disk-write", "bytes")


async def _send_heartbeat(dask_worker: Worker) -> None:
    await send_heartbeat(dask_worker)


def _cluster_metrics(dask_scheduler: Scheduler) -> dict[tuple[Hashable, ...], float]:
    return cluster_metrics(dask_scheduler)


def _unfinished(span_id: str, dask_scheduler: Scheduler) -> list[Key]:
    return [
        task.key
        for task in dask_scheduler.tasks.values()
        if task.state not in ENDED
        and span_id in (task.annotations or {}).get("span", {}).get("ids", ())
    ]


async def _cancel(keys: Sequence[Key], dask_worker: Worker) -> None:
    """Cancel by the client of a worker's tasks, or it would take later ones for cancelled too."""
    from distributed import Future, default_client

    try:
        client = default_client()
    except ValueError:
        return
    known = futures(client)
    waited_for: list[Future[object]] = [Future(key, client=client) for key in keys if key in known]
    await client.cancel(waited_for, asynchronous=True)


def _empty_span(span_id: str, dask_scheduler: Scheduler) -> None:
    """Drop what our span itself holds: dask keeps spans for ever. Those within are the user's."""
    span: Span | None = dask_scheduler.extensions["spans"].spans.get(span_id)
    if span is not None:
        empty_span(span)


def _counted(span_id: str, dask_scheduler: Scheduler) -> _Counted:
    total = _cluster_metrics(dask_scheduler)
    root: Span | None = dask_scheduler.extensions["spans"].spans.get(span_id)
    if root is None:  # no task was sent
        return 0, {}, total
    metrics: dict[str, _Metrics] = {}
    for span in root.traverse_spans():
        path = shown_path(span.name)
        sums = defaultdict(float, metrics.get(path, {}))
        for key, value in span_metrics(span).items():
            sums[key] += value
        metrics[path] = sums
    return sum(len(group) for group in root.traverse_groups()), metrics, total
