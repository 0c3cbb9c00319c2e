"""What distributed keeps to itself of schedulers, of messages to their workers, and of spans."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sdprofile.internals.names import Name

if TYPE_CHECKING:
    from distributed import Scheduler
    from distributed.scheduler import TaskGroup, TaskState
    from distributed.spans import Span

Metrics = Mapping[tuple[Any, ...], float]

STREAM_COMMS = Name(
    of="distributed.Scheduler",
    name="stream_comms",
    kind="scheduler",
    without="workers that are parked stay so until they are restarted",
)
RPC = Name(
    of="distributed.Scheduler",
    name="rpc",
    kind="scheduler",
    without="a worker that hangs is not restarted",
)
COMPUTATIONS = Name(
    of="distributed.Scheduler",
    name="computations",
    kind="scheduler",
    without="dask's dashboard shows an annotation of sdprofile",
)
CLUSTER_METRICS = Name(
    of="distributed.Scheduler",
    name="cumulative_worker_metrics",
    kind="scheduler",
    without="bytes that are spilled, and the time of fetching and spilling, are left out",
)
SPAN_METRICS = Name(
    of="distributed.spans.Span",
    name="_cumulative_worker_metrics",
    without="where the workers' time went is left out",
)
SPAN_CODE = Name(
    of="distributed.spans.Span",
    name="_code",
    without="the source of each run's cell stays with the scheduler",
)
_STEPS = "which tasks are of which step is left out"
SPAN_ID = Name(of="distributed.scheduler.TaskGroup", name="span_id", without=_STEPS)
ENSURE_SPAN = Name(
    of="distributed.spans.SpansSchedulerExtension", name="_ensure_span", without=_STEPS
)

NAMES = tuple(each for each in tuple(globals().values()) if isinstance(each, Name))


def stream_comms(scheduler: Scheduler) -> Mapping[str, Any]:
    """Return the connection to each worker; empty where that is not known."""
    found: Mapping[str, Any] = STREAM_COMMS.get(scheduler, {})
    return found


def wake(scheduler: Scheduler, worker: str, *, stimulus: str) -> None:
    """Tell a worker that it may take tasks again; it tells the scheduler so itself."""
    comm = stream_comms(scheduler).get(worker)
    if comm is not None:
        comm.send({"op": "worker-status-change", "status": "running", "stimulus_id": stimulus})


async def call_in_workers(scheduler: Scheduler, function: Callable[[], object]) -> object:
    """Call a function in all workers, as a client's ``run`` does, without the client."""
    message = {"op": "run", "function": pickle.dumps(function)}
    answers: object = await scheduler.broadcast(msg=message, on_error="ignore")
    return answers


def killing(scheduler: Scheduler, *, timeout: float) -> Callable[[str], Any] | None:
    """Return what has a nanny kill its worker and start it again; None where nothing does.

    Notes
    -----
    Not `Scheduler.restart_workers`: that logs as errors what is no news, and gives each process
    4 s.
    """
    rpc = RPC.get(scheduler)
    return (
        None if rpc is None else lambda nanny: rpc(nanny).kill(timeout=timeout, reason="sdprofile")
    )


def cluster_metrics(scheduler: Scheduler) -> dict[tuple[Any, ...], float]:
    """Return what all workers have counted since the cluster is there."""
    metrics = CLUSTER_METRICS.get(scheduler, {})
    return {key: value for key, value in metrics.items() if isinstance(key, tuple)}


def count_spans(scheduler: Scheduler) -> int:
    """Return how many spans there are: none ever goes."""
    return len(_spans(scheduler))


def spans_after(scheduler: Scheduler, number: int) -> list[str]:
    """Return the ids of spans that came when there were so many."""
    return list(itertools.islice(_spans(scheduler), number, None))


def spans_with_tasks(scheduler: Scheduler) -> list[str]:
    """Return the ids of spans of which there are tasks: in others none will run."""
    groups = scheduler.task_groups
    return [
        id_
        for id_, span in _spans(scheduler).items()
        if any(groups.get(each.name) is each for each in span.groups)
    ]


def metrics_by_span(
    scheduler: Scheduler, ids: Iterable[str]
) -> dict[str, tuple[tuple[str, ...], Metrics]]:
    """Return by their ids the names of spans and what was counted in each, without those inside it.

    The name of a default span is empty.
    """
    spans = _spans(scheduler)
    found: dict[str, tuple[tuple[str, ...], Metrics]] = {}
    for id_, span in ((id_, spans[id_]) for id_ in ids if id_ in spans):
        names = () if span.annotation is None else span.name
        found[id_] = (names, dict(SPAN_METRICS.get(span, {})))
    return found


def empty_spans(scheduler: Scheduler, ids: Iterable[str]) -> None:
    """Drop what spans themselves hold: dask keeps spans for ever."""
    spans = _spans(scheduler)
    for span in (spans[id_] for id_ in ids if id_ in spans):
        span.groups.clear()
        for name in (SPAN_METRICS, SPAN_CODE):
            held = name.get(span)
            if held is not None:
                held.clear()


def span_of(scheduler: Scheduler, group: TaskGroup) -> Span | None:
    """Return the span of a task group; None where that is not known."""
    return _spans(scheduler).get(SPAN_ID.get(group, ""))


def _spans(scheduler: Scheduler) -> Mapping[str, Span]:
    spans: Mapping[str, Span] = scheduler.extensions["spans"].spans
    return spans


def put_into_span(
    scheduler: Scheduler,
    group: TaskGroup,
    tasks: list[TaskState],
    names: tuple[str, ...],
    ids: tuple[str, ...],
) -> None:
    """Put a task group into a span, which is made if it is not there, before its tasks are run."""
    ensure = ENSURE_SPAN.get(scheduler.extensions["spans"])
    before = span_of(scheduler, group)
    if ensure is None or before is None:
        return
    step = ensure(names, ids)
    before.groups.discard(group)
    step.groups.add(group)
    SPAN_ID.set(group, step.id)
    annotation = step.annotation
    for task in tasks:
        if task.annotations is not None:  # dask has given each its span
            task.annotations["span"] = annotation


def forget_annotation(scheduler: Scheduler, name: str) -> None:
    """Take an annotation out of what the dashboard shows of the last graph."""
    computations = COMPUTATIONS.get(scheduler)
    if computations:
        computations[-1].annotations.pop(name, None)
