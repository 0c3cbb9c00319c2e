"""All instruments, and in which order they are around a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import FunctionType
from typing import TYPE_CHECKING, Any, Self

from sdprofile.measure.circumstances import Surroundings
from sdprofile.measure.clock import Clock
from sdprofile.measure.dask_memory import DaskMemory
from sdprofile.measure.deaths import WorkerExits
from sdprofile.measure.disk import DiskUse
from sdprofile.measure.elsewhere import OtherSchedulers
from sdprofile.measure.failures import FailureWatcher
from sdprofile.measure.instrument import Instrument, entered
from sdprofile.measure.kernel_calls import KernelCalls
from sdprofile.measure.kernel_lines import KernelLines
from sdprofile.measure.memory import WorkerMemory
from sdprofile.measure.output import Take, WorkerOutput
from sdprofile.measure.peak import PeakMarks
from sdprofile.measure.sent_data import GraphData
from sdprofile.measure.spans import CellSpans
from sdprofile.measure.steps import StepWatcher
from sdprofile.measure.task_calls import TaskCalls
from sdprofile.measure.task_memory import TaskThrottle
from sdprofile.measure.trace import TaskTrace
from sdprofile.measure.transfers import TransferLogs
from sdprofile.model.setting import Setting
from sdprofile.plan import Plan
from sdprofile.spatial.scope import Scope

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """All instruments of one run, in the order in which they are entered; the last is left first.

    Each has its reading once all are left.
    """

    output: WorkerOutput
    """The first, so that it also catches what the others make a worker print."""

    memory: WorkerMemory
    """Early, for it starts a process, whose first sample is there once all others are entered;
    before the marks, so that what it does in a worker is no part of a peak."""

    dask_memory: DaskMemory
    """Early: one of its samples, 0.1 s apart, has to be there before the cell begins."""

    transfers: TransferLogs
    """Before the marks, too, for it asks the workers; it counts what only tasks and results do."""

    marks: PeakMarks
    """After all that begin in the workers, whose memory for it would else count as the cell's."""

    exits: WorkerExits
    """Around the watcher, which may wait for a nanny to learn what a worker died of."""

    watcher: FailureWatcher
    """Around all that begins for the cell alone: a worker may die of the first of it."""

    spans: CellSpans
    """Early, for all that is counted between is the cell's."""

    others: OtherSchedulers
    """Before the steps, which stand in for the same function of dask's client."""

    throttle: TaskThrottle
    """Before the next, which sees what this one has made of a graph."""

    task_calls: TaskCalls
    """It only asks the workers: anywhere before the cell will do."""

    disk: DiskUse
    """Late: what the others do in the workers is no part."""

    trace: TaskTrace
    """Before the steps, whose plugin of the scheduler changes tasks; this one only looks."""

    calls: KernelCalls
    """Before the steps, so that what these do in a call is no part of it."""

    lines: KernelLines
    """It only looks at the kernel, and needs the calls to be known."""

    sent: GraphData
    """It only looks at messages, the last thing that a client does with a graph."""

    steps: StepWatcher
    """After all that send something by the client, for it tells the scheduler of the layers of each
    graph."""

    surroundings: Surroundings
    """The last, for its times are of all that happens within."""

    @classmethod
    def of(
        cls,
        client: Client,
        plan: Plan,
        clock: Clock,
        *,
        setting: Setting,
        functions: Mapping[FunctionType, str] | None,
        take_printed: Take | None,
        scope: Scope | None,
    ) -> Self:
        """Return the instruments for a run.

        Parameters
        ----------
        client
            Of a cluster with exactly the workers of the setting.
        plan
            Timeout and memory of tasks.
        clock
            What the run is timed by.
        setting
            What it is made with.
        functions
            What is a step when the cell calls it, with names; None for no steps at all.
        take_printed
            Gets what the workers have printed; None to let them print as ever.
        scope
            The names that the cell uses; None where they are not known.
        """
        return cls(
            output=WorkerOutput(client, take_printed),
            memory=WorkerMemory(client, clock),
            dask_memory=DaskMemory(client, clock),
            transfers=TransferLogs(client),
            marks=PeakMarks(client),
            exits=WorkerExits(client),
            watcher=FailureWatcher(client, timeout=plan.timeout),
            spans=CellSpans(client, clock, threads=setting.workers * setting.threads),
            others=OtherSchedulers(client),
            throttle=TaskThrottle(client, dict(plan.task_memory)),
            task_calls=TaskCalls(client),
            disk=DiskUse(client),
            trace=TaskTrace(client, clock, setting=setting),
            calls=KernelCalls(client, clock),
            lines=KernelLines(client, clock),
            sent=GraphData(client, scope),
            steps=StepWatcher(client, functions, scope=scope),
            surroundings=Surroundings(client, clock),
        )

    @contextlib.contextmanager
    def entered(self, client: Client) -> Iterator[None]:
        """Enter all of them, and leave them in reverse; the client is the one they have."""
        every: list[Instrument[Any]] = [getattr(self, field.name) for field in fields(self)]
        with entered(client, every):
            self.memory.wait()
            yield
