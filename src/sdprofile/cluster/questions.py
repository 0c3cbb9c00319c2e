"""Asks a scheduler, its workers and their nannies many things in one message to each."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sdprofile.cluster.scheduler_calls import ask_scheduler, cluster_here
from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.cluster.worker_states import WorkerState, worker_states

if TYPE_CHECKING:
    from distributed import Client, LocalCluster, Nanny, Scheduler, Worker

Value = TypeVar("Value")


class Answer(Generic[Value]):
    """What came back to a question."""

    value: Value
    """It is there once all was asked."""

    def known(self, default: Value) -> Value:
        """Return it, or a default where nothing was asked."""
        return getattr(self, "value", default)


class Questions:
    """Collects what is to be called elsewhere, and then asks for all of it together.

    Notes
    -----
    A message to each of four workers and back takes some 12 ms, whatever it asks. What is called
    may take `dask_scheduler` or `dask_worker`; in a worker it may be a coroutine function. What is
    asked of one of them is called in the order in which it was added.
    """

    _client: Client

    def __init__(self, client: Client | None) -> None:
        """Ask nothing yet of the cluster of a client; without one there is nobody to be asked."""
        if client is not None:
            self._client = client
        self._of_scheduler: list[tuple[Callable[..., Any], Answer[Any]]] = []
        self._of_workers: list[tuple[Callable[..., Any], Answer[Any]]] = []
        self._of_nannies: list[tuple[Callable[..., Any], Answer[Any]]] = []

    @cached_property
    def states(self) -> tuple[WorkerState, ...]:
        """The workers that are asked."""
        return worker_states(self._client)

    def scheduler(self, question: Callable[..., Value]) -> Answer[Value]:
        """Have a function called by the scheduler."""
        return _add(self._of_scheduler, question)

    def workers(self, question: Callable[..., Any]) -> Answer[dict[str, Any]]:
        """Have a function called by every worker; for the answers see `ask_workers`."""
        return _add(self._of_workers, question)

    def nannies(self, question: Callable[..., Any]) -> Answer[dict[str, Any]]:
        """Have a function called where the nanny of each worker lives."""
        return _add(self._of_nannies, question)

    def ask(self) -> None:
        """Ask the scheduler, and then the others."""
        self._ask_scheduler()
        self._ask_others()

    def ask_workers_first(self) -> None:
        """Ask the scheduler last, which then knows what the workers have told it."""
        self._ask_others()
        self._ask_scheduler()

    def _ask_scheduler(self) -> None:
        if not self._of_scheduler:
            return
        questions = tuple(question for question, _ in self._of_scheduler)
        values = ask_scheduler(self._client, partial(_of_scheduler, questions))
        for (_, answer), value in zip(self._of_scheduler, values, strict=True):
            answer.value = value

    def _ask_others(self) -> None:
        for asked, nanny in ((self._of_workers, False), (self._of_nannies, True)):
            if not asked:
                continue
            questions = tuple(question for question, _ in asked)
            workers = [state.address for state in self.states]
            call = partial(_of_worker, questions)
            here = cluster_here(self._client) if nanny else None
            if here is not None:
                came = here.sync(_of_nannies, here, call, workers)
            else:
                came = ask_workers(self._client, call, workers=workers, nanny=nanny)
            for place, (_, answer) in enumerate(asked):
                answer.value = {
                    worker: values[place][0] for worker, values in came.items() if values[place]
                }


def _add(asked: list[tuple[Callable[..., Any], Answer[Any]]], question: Any) -> Answer[Any]:
    answer: Answer[Any] = Answer()
    asked.append((question, answer))
    return answer


def _of_scheduler(
    questions: Sequence[Callable[..., Any]], dask_scheduler: Scheduler
) -> list[object]:
    return [_call(question, dask_scheduler=dask_scheduler) for question in questions]


async def _of_worker(
    questions: Sequence[Callable[..., Any]], dask_worker: Worker | Nanny
) -> list[tuple[object, ...]]:
    """Return a tuple for each question: of the answer, or empty where the system gave an error."""
    answers: list[tuple[object, ...]] = []
    for question in questions:
        try:
            value = _call(question, dask_worker=dask_worker)
            answers.append((await value if inspect.isawaitable(value) else value,))
        except OSError:
            answers.append(())
    return answers


async def _of_nannies(
    cluster: LocalCluster, call: Callable[..., Any], workers: Sequence[str]
) -> dict[str, Any]:
    """Call a function with each nanny of these workers, in its own event loop."""
    nannies: dict[str | None, Any] = {each.address: each for each in cluster.workers.values()}
    known: dict[str, Any] = getattr(cluster.scheduler, "workers", {})
    there = {worker: nannies.get(known[worker].nanny) for worker in workers if worker in known}
    return {
        worker: await call(dask_worker=nanny)
        for worker, nanny in there.items()
        if nanny is not None
    }


def _call(question: Callable[..., Any], **owner: object) -> Any:
    """Call a function with the one that is asked, if it takes it."""
    takes = owner.keys() & inspect.signature(question).parameters.keys()
    return question(**{name: owner[name] for name in takes})
