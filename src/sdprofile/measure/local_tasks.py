"""The tasks of a run without a cluster, by the callbacks of dask's schedulers in the kernel."""

from __future__ import annotations

import os
import threading
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing import active_children
from typing import Any

from dask.callbacks import Callback

from sdprofile.internals.dask import cpu_count, prefix_of, size_of_pool
from sdprofile.internals.python import cpu_of_thread
from sdprofile.measure.clock import Clock
from sdprofile.measure.elsewhere import scheduler_in_kernel
from sdprofile.measure.fused import layer_of
from sdprofile.measure.sampling import readers
from sdprofile.measure.spans import ROOT
from sdprofile.model.spans import PROCESSES, SYNCHRONOUS, SpanActivity, Work, share_out
from sdprofile.model.trace import KERNEL, Calls, Cores, Group, Trace, since

_INFINITE = float("inf")


SpansOf = Callable[[int, Mapping[Any, Any]], Mapping[str, str]]
"""Gets a graph with its number, and returns the span of each of its layers."""


@dataclass
class _Task:
    key: Any
    graph: int
    begun: float
    inputs: Collection[Any] = ()
    ended: float = _INFINITE
    cpu: float = 0.0


@dataclass
class _Batch:
    """Tasks that one process has sent back one after another: of them only the whole is known."""

    pid: int
    tasks: list[_Task]


@dataclass
class _Graph:
    index: int
    arrived: float
    in_processes: bool
    spans: Mapping[str, str] = field(default_factory=dict)
    tasks: dict[Any, _Task] = field(default_factory=dict)
    batches: list[_Batch] = field(default_factory=list)
    comes_back: bool = False


class LocalTasks:
    """Notes the tasks that dask's schedulers in the kernel run, within its context.

    Notes
    -----
    The kernel's thread hands tasks out and takes results (`dask.local.get_async`); what it is told
    is when it did that, so the time of a task holds the way to its thread and back, some 0.1 ms.
    The CPU time of each is that of its thread since the task before. A child process gets its tasks
    in batches (`dask.multiprocessing.get`): the time of a batch, with the way there and back and,
    of the first, the start of the process, is shared out in equal parts among its tasks.
    """

    def __init__(self, spans_of: SpansOf = lambda *_: {}) -> None:
        """Prepare; `spans_of` is asked in the thread that wants the results of the graph."""
        self.threads = 0
        """Threads, or processes, that dask used at most; 0 where it ran nothing."""
        self._spans_of = spans_of
        self._schedulers: dict[str, None] = {}
        self._graphs: list[_Graph] = []
        self._by_state: dict[int, _Graph] = {}
        self._lock = threading.Lock()
        self._used: dict[int | None, float] = {}
        self._cpu_of_process = readers()[2]
        self._children: frozenset[Any] = frozenset()
        self._callback: Any = Callback(
            start_state=self._start_state,
            pretask=self._pretask,
            posttask=self._posttask,
            finish=self._finish,
        )

    def __enter__(self) -> LocalTasks:
        self._children = frozenset(active_children())
        for thread in threading.enumerate():
            if thread.ident is not None:
                self._used[thread.ident] = cpu_of_thread(thread.ident) or 0.0
        self._callback.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._callback.__exit__(*error)
        for graph in self._graphs:
            _share_out(graph)

    def end_processes(self) -> None:
        """End the processes in which tasks run: dask waits for these, whatever interrupts it."""
        if any(graph.in_processes for graph in list(self._by_state.values())):
            for child in set(active_children()) - self._children:
                child.terminate()

    def work(self, seconds: float) -> Work:
        """Return what was done in a run of so many seconds."""
        by_place: defaultdict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
        tasks = self._tasks
        for task in tasks:
            if task.ended < _INFINITE:
                taken = task.ended - task.begun
                on = min(taken, task.cpu)
                span = self._graphs[task.graph].spans.get(layer_of(task.key), ROOT)
                sums = by_place[span, prefix_of(task.key)]
                sums[0] += on
                sums[1] += taken - on
        counted = [
            SpanActivity(span=span, prefix=prefix, activity=activity, seconds=amount, nbytes=0)
            for (span, prefix), sums in by_place.items()
            for activity, amount in zip(("thread-cpu", "thread-noncpu"), sums, strict=True)
            if amount
        ]
        return Work(
            tasks=len(tasks),
            spans=share_out(counted, thread_seconds=max(1, self.threads) * seconds, span=ROOT),
            cpu_seconds=sum(task.cpu for task in tasks),
            schedulers=tuple(self._schedulers),
            threads=self.threads,
        )

    def trace(self, clock: Clock, *, calls: Calls, cores: tuple[Cores, ...]) -> Trace:
        """Return the tasks of a run as those of one worker.

        Parameters
        ----------
        clock
            What the run was timed by.
        calls
            What the kernel asked of dask.
        cores
            CPUs that it used.
        """
        tasks, began = self._tasks, clock.began
        prefixes = [prefix_of(task.key) for task in tasks]
        numbers = Counter(prefixes)
        groups = {prefix: place for place, prefix in enumerate(numbers)}
        place = {(task.graph, task.key): index for index, task in enumerate(tasks)}
        inputs = [
            [place[task.graph, key] for key in task.inputs if (task.graph, key) in place]
            for task in tasks
        ]
        read = {each for some in inputs for each in some}
        first = array("i", [0])
        for each in inputs:
            first.append(first[-1] + len(each))
        begun = since([task.begun for task in tasks], began)
        size = len(tasks)
        return Trace(
            workers=1,
            threads=max(1, self.threads),
            seconds=clock.seconds,
            scheduler_seconds=0.0,
            arrivals=tuple(since([graph.arrived for graph in self._graphs], began)),
            groups=tuple(
                Group(prefix=prefix, tasks=number, groups_before=0, tasks_before=0)
                for prefix, number in numbers.items()
            ),
            group=array("i", [groups[prefix] for prefix in prefixes]),
            graph=array("i", [task.graph for task in tasks]),
            order=array("i", range(size)),
            begun=begun,
            ended=since([task.ended for task in tasks], began),
            nbytes=array("i", [0] * size),
            worker=array("i", [0] * size),
            # The call that asked for a graph waits for the results that no task of it reads.
            wanted=array("b", [task not in read for task in range(size)]),
            released=array("d", [_INFINITE] * size),
            first_input=first,
            inputs=array("i", [each for some in inputs for each in some]),
            sent=begun,
            addresses=(KERNEL,),
            calls=calls,
            cores=cores,
        )

    def seconds_of(self, layer: tuple[int, str]) -> float:
        """Return the time of the tasks of a layer in a graph, by its number, in seconds."""
        return self._seconds.get(layer, 0.0)

    @cached_property
    def _seconds(self) -> dict[tuple[int, str], float]:
        found: defaultdict[tuple[int, str], float] = defaultdict(float)
        for task in self._tasks:
            if task.ended < _INFINITE:
                found[task.graph, layer_of(task.key)] += task.ended - task.begun
        return dict(found)

    @property
    def _tasks(self) -> list[_Task]:
        return [task for graph in self._graphs for task in graph.tasks.values()]

    def _start_state(self, dsk: Mapping[Any, Any], state: Mapping[str, Any]) -> None:
        name = scheduler_in_kernel()
        with self._lock:
            self._schedulers[name] = None
            graph = _Graph(
                index=len(self._graphs),
                arrived=time.time(),
                in_processes=name == PROCESSES,
            )
            self._graphs.append(graph)
            self._by_state[id(state)] = graph
            self.threads = max(self.threads, _threads_of(name))
        graph.spans = self._spans_of(graph.index, dsk)

    def _pretask(self, key: Any, dsk: object, state: Mapping[str, Any]) -> None:
        graph = self._by_state.get(id(state))
        if graph is None:
            return
        self._used[None] = time.thread_time()
        graph.comes_back = False
        inputs = tuple(state["dependencies"].get(key, ()))
        graph.tasks[key] = _Task(key=key, graph=graph.index, begun=time.time(), inputs=inputs)
        if not graph.in_processes:  # which get their tasks in batches
            # A call may have asked for more than the config says.
            self.threads = max(self.threads, len(state["running"]))

    def _posttask(
        self, key: Any, result: object, dsk: object, state: Mapping[str, Any], worker_id: int | None
    ) -> None:
        now, graph = time.time(), self._by_state.get(id(state))
        if graph is None or key not in graph.tasks:
            return
        task = graph.tasks[key]
        task.ended = now
        used = self._cpu(worker_id)
        task.cpu, self._used[worker_id] = used - self._used.get(worker_id, 0.0), used
        if graph.in_processes and worker_id is not None:
            last = graph.batches[-1] if graph.comes_back else None
            if last is not None and last.pid == worker_id:
                last.tasks.append(task)
            else:
                graph.batches.append(_Batch(pid=worker_id, tasks=[task]))
            graph.comes_back = True

    def _finish(self, dsk: object, state: Mapping[str, Any], failed: bool) -> None:
        self._by_state.pop(id(state), None)

    def _cpu(self, worker_id: int | None) -> float:
        """Return the CPU time of a thread, None for this one, or of a child process."""
        if worker_id is None:
            return time.thread_time()
        if any(thread.ident == worker_id for thread in threading.enumerate()):
            return cpu_of_thread(worker_id) or 0.0
        return self._cpu_of_process(worker_id) if worker_id != os.getpid() else 0.0


def _share_out(graph: _Graph) -> None:
    """Share out the time of each batch among its tasks, as if they had run one after another."""
    free: dict[int, float] = {}
    for batch in graph.batches:
        begun = max(batch.tasks[0].begun, free.get(batch.pid, graph.arrived))
        ended = free[batch.pid] = batch.tasks[-1].ended
        each, cpu = (ended - begun) / len(batch.tasks), sum(task.cpu for task in batch.tasks)
        for place, task in enumerate(batch.tasks):
            task.begun, task.ended = begun + place * each, begun + (place + 1) * each
            task.cpu = cpu / len(batch.tasks)


def _threads_of(scheduler: str) -> int:
    """Return how many threads or processes dask uses, as far as its config tells."""
    import dask

    if scheduler == SYNCHRONOUS:
        return 1
    pool = dask.config.get("pool", None)
    return size_of_pool(pool) or dask.config.get("num_workers", None) or cpu_count()
