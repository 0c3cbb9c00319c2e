"""Where the workers' time went, from dask's fine performance metrics."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sdprofile.cluster.clean import ENDED, SILENCE
from sdprofile.cluster.questions import Answer, Questions
from sdprofile.cluster.scheduler_calls import ask_scheduler
from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.internals.distributed.client import futures
from sdprofile.internals.distributed.scheduler import (
    cluster_metrics,
    count_spans,
    empty_spans,
    metrics_by_span,
    spans_after,
    spans_with_tasks,
)
from sdprofile.internals.distributed.worker import send_heartbeat
from sdprofile.measure.clock import Clock
from sdprofile.measure.instrument import Instrument
from sdprofile.measure.step_spans import is_step
from sdprofile.model.spans import EXECUTE, P2P, SpanActivity, Work, share_out

if TYPE_CHECKING:
    from dask.typing import Key
    from distributed import Client, Scheduler, Worker

ROOT = "cell"
"""What is called in tables what is in no span of the user's and no step."""

SETTLE_TIMEOUT = 2.0
"""Seconds that metrics have to stop changing after the run."""

_WITH_SPAN = (EXECUTE, "p2p")
"""Contexts that dask counts by span (`distributed.spans.CONTEXTS_WITH_SPAN_ID`)."""

_Metrics = Mapping[tuple[Hashable, ...], float]

_Spans = Mapping[str, tuple[tuple[str, ...], _Metrics]]
"""By their ids the names of spans and what was counted in each."""

_Counted = tuple[_Spans, _Metrics]
"""Spans in which tasks may have run; metrics of the cluster."""


class CellSpans(Instrument[Work]):
    """What the workers counted while the cell ran, in all spans that dask has.

    Notes
    -----
    Dask puts tasks without a span into a default one, to which the workers' time is counted at no
    cost. A span around the cell would have an annotation made, sent and read again for each task.
    So all that is counted in spans while the cell runs is the cell's, as what dask counts for no
    span (fetching, sending, spilling): nothing else runs meanwhile. Workers send their metrics with
    the heartbeat, so they are asked for one after the run, outside the clock, until nothing changes
    any more
    (https://distributed.dask.org/en/stable/fine-performance-metrics.html,
    https://distributed.dask.org/en/stable/spans.html).
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

    def begin(self, asked: Questions) -> None:
        """Ask for what was counted before."""
        self._before = asked.scheduler(_counted_before)

    def end(self, asked: Questions) -> None:
        """Ask for what was counted since."""
        self._last = self._ask(asked)

    def read(self) -> Work:
        """Wait until the metrics do not change any more; the tasks are not counted here."""
        deadline = time.monotonic() + SETTLE_TIMEOUT
        last = self._last.value
        while (now := self._ask_again()) != last and time.monotonic() < deadline:
            last = now
        spans_before, total_before, _ = self._before.value
        spans, total = now
        in_spans: dict[str, dict[tuple[Hashable, ...], float]] = {}
        of_no_more_use: list[str] = []
        for span, (names, metrics) in spans.items():
            _, before = spans_before.get(span, ((), {}))
            sums = in_spans.setdefault(shown_path(names), defaultdict(float))
            for key, value in _since(metrics, before).items():
                sums[key] += value
            if span not in spans_before and (not names or is_step(names, span)):
                of_no_more_use.append(span)
        ask_scheduler(self._client, partial(_empty_spans, of_no_more_use))
        during = _since(total, total_before)
        spanless = {key: v for key, v in during.items() if key[0] not in _WITH_SPAN}
        counted = list(_activities([*_by_activity(in_spans), *_by_activity({ROOT: spanless})]))
        return Work(
            tasks=0,
            spans=share_out(counted, thread_seconds=self._threads * self._clock.seconds, span=ROOT),
            cpu_seconds=sum(part.seconds for part in counted if part.activity == "thread-cpu"),
            spilled=round(sum(v for key, v in during.items() if _is_spill(key))),
        )

    def cancel(self) -> None:
        """Cancel what tasks have submitted and still wait for."""
        keys = self._client.run_on_scheduler(_unfinished)
        if keys:
            ask_workers(self._client, _cancel, keys, timeout=SILENCE)

    def _ask_again(self) -> _Counted:
        asked = Questions(self._client)
        answer = self._ask(asked)
        asked.ask_workers_first()
        return answer.value

    def _ask(self, asked: Questions) -> Answer[_Counted]:
        asked.workers(_send_heartbeat)
        spans, _, number = self._before.known(({}, {}, 0))
        return asked.scheduler(partial(_counted, tuple(spans), number))


def shown_path(names: Sequence[str]) -> str:
    """Return what a span is called in tables, by its name and those around it."""
    return "/".join([ROOT, *names])


def _since(now: _Metrics, before: _Metrics) -> dict[tuple[Hashable, ...], float]:
    """Return by how much metrics have grown."""
    return {key: value - before.get(key, 0) for key, value in now.items()}


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


def _counted_before(dask_scheduler: Scheduler) -> tuple[_Spans, _Metrics, int]:
    """Return what was counted where tasks may still run, and how many spans there are."""
    spans = metrics_by_span(dask_scheduler, spans_with_tasks(dask_scheduler))
    return spans, cluster_metrics(dask_scheduler), count_spans(dask_scheduler)


def _counted(before: Sequence[str], number: int, dask_scheduler: Scheduler) -> _Counted:
    """Return what was counted in spans that had tasks before, and in those that came since."""
    spans = (*before, *spans_after(dask_scheduler, number))
    return metrics_by_span(dask_scheduler, spans), cluster_metrics(dask_scheduler)


def _unfinished(dask_scheduler: Scheduler) -> list[Key]:
    return [task.key for task in dask_scheduler.tasks.values() if task.state not in ENDED]


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


def _empty_spans(spans: Sequence[str], dask_scheduler: Scheduler) -> None:
    empty_spans(dask_scheduler, spans)
