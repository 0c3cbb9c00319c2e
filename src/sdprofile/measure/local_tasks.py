"""The tasks of a run without a cluster, by the callbacks of dask's schedulers in the kernel."""

from __future__ import annotations

import os
import threading
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from dask.callbacks import Callback

from sdprofile.internals.dask import cpu_count, prefix_of
from sdprofile.internals.python import cpu_of_thread
from sdprofile.measure.clock import Clock
from sdprofile.measure.elsewhere import scheduler_in_kernel
from sdprofile.measure.sampling import readers
from sdprofile.measure.spans import ROOT_SHOWN
from sdprofile.model.spans import SpanActivity, Work, share_out
from sdprofile.model.trace import KERNEL, Calls, Cores, Group, Trace, since

_INFINITE = float("inf")


@dataclass
class _Task:
    key: Any
    graph: int
    begun: float
    inputs: Collection[Any] = ()
    ended: float = _INFINITE
    cpu: float = 0.0


@dataclass
class _Graph:
    index: int
    arrived: float
    tasks: dict[Any, _Task] = field(default_factory=dict)


class LocalTasks:
    """Notes the tasks that dask's schedulers in the kernel run, within its context.

    Notes
    -----
    The kernel's thread hands tasks out and takes results (`dask.local.get_async`); what it is told
    is when it did that, so the time of a task holds the way to its thread and back, some 0.1 ms.
    The CPU time of each is that of its thread, or child process, since the task before.
    """

    def __init__(self) -> None:
        self.threads = 0
        """Threads, or processes, that dask used at most; 0 where it ran nothing."""
        self._graphs: list[_Graph] = []
        self._by_state: dict[int, _Graph] = {}
        self._lock = threading.Lock()
        self._used: dict[int | None, float] = {}
        self._cpu_of_process = readers()[2]
        self._callback: Any = Callback(
            start_state=self._start_state,
            pretask=self._pretask,
            posttask=self._posttask,
            finish=self._finish,
        )

    def __enter__(self) -> LocalTasks:
        for thread in threading.enumerate():
            if thread.ident is not None:
                self._used[thread.ident] = cpu_of_thread(thread.ident) or 0.0
        self._callback.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._callback.__exit__(*error)

    def work(self, seconds: float) -> Work:
        """Return what was done in a run of so many seconds."""
        by_prefix: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        tasks = self._tasks
        for task in tasks:
            if task.ended < _INFINITE:
                taken = task.ended - task.begun
                on = min(taken, task.cpu)
                sums = by_prefix[prefix_of(task.key)]
                sums[0] += on
                sums[1] += taken - on
        counted = [
            SpanActivity(
                span=ROOT_SHOWN, prefix=prefix, activity=activity, seconds=amount, nbytes=0
            )
            for prefix, sums in by_prefix.items()
            for activity, amount in zip(("thread-cpu", "thread-noncpu"), sums, strict=True)
            if amount
        ]
        return Work(
            tasks=len(tasks),
            spans=share_out(
                counted, thread_seconds=max(1, self.threads) * seconds, span=ROOT_SHOWN
            ),
            cpu_seconds=sum(task.cpu for task in tasks),
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
            wanted=array("i", [0] * size),
            released=array("d", [_INFINITE] * size),
            first_input=first,
            inputs=array("i", [each for some in inputs for each in some]),
            sent=begun,
            addresses=(KERNEL,),
            calls=calls,
            cores=cores,
        )

    @property
    def _tasks(self) -> list[_Task]:
        return [task for graph in self._graphs for task in graph.tasks.values()]

    def _start_state(self, dsk: object, state: Mapping[str, Any]) -> None:
        name = scheduler_in_kernel()
        with self._lock:
            graph = _Graph(index=len(self._graphs), arrived=time.time())
            self._graphs.append(graph)
            self._by_state[id(state)] = graph
            self.threads = max(self.threads, _threads_of(name))

    def _pretask(self, key: Any, dsk: object, state: Mapping[str, Any]) -> None:
        graph = self._by_state.get(id(state))
        if graph is None:
            return
        self._used[None] = time.thread_time()
        inputs = tuple(state["dependencies"].get(key, ()))
        graph.tasks[key] = _Task(key=key, graph=graph.index, begun=time.time(), inputs=inputs)

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

    def _finish(self, dsk: object, state: Mapping[str, Any], failed: bool) -> None:
        self._by_state.pop(id(state), None)

    def _cpu(self, worker_id: int | None) -> float:
        """Return the CPU time of a thread, None for this one, or of a child process."""
        if worker_id is None:
            return time.thread_time()
        if any(thread.ident == worker_id for thread in threading.enumerate()):
            return cpu_of_thread(worker_id) or 0.0
        return self._cpu_of_process(worker_id) if worker_id != os.getpid() else 0.0


def _threads_of(scheduler: str) -> int:
    import dask

    return 1 if scheduler == "synchronous" else dask.config.get("num_workers", None) or cpu_count()
