"""One run without a cluster, as dask runs the cell in the kernel."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from sdprofile.cluster.garbage import free_memory
from sdprofile.errors import one_line
from sdprofile.internals.dask import cpu_count, pool_put_back
from sdprofile.interrupts import interrupt_work, let_in, reach_here
from sdprofile.measure.branches import call_trees
from sdprofile.measure.circumstances import others_cpu
from sdprofile.measure.clock import Clock
from sdprofile.measure.dask_config import dask_config
from sdprofile.measure.disk import Counted, counted_here, disk_of
from sdprofile.measure.elsewhere import OtherSchedulers
from sdprofile.measure.gpu import Visible, read_cards
from sdprofile.measure.gpu_errors import forget_frames, is_out_of_gpu_memory
from sdprofile.measure.gpu_libraries import own_counts
from sdprofile.measure.instrument import entered
from sdprofile.measure.kernel_calls import KernelCalls
from sdprofile.measure.kernel_lines import KernelLines, lines_seen
from sdprofile.measure.local_tasks import LocalTasks
from sdprofile.measure.machine import this_machine
from sdprofile.measure.memory import start_samplers, stop_samplers
from sdprofile.measure.peak import OwnMark
from sdprofile.measure.run import step_functions
from sdprofile.measure.samples import unpack
from sdprofile.measure.sampling import readers
from sdprofile.measure.steps import StepWatcher
from sdprofile.measure.work import TimedWork, Work
from sdprofile.model.circumstances import Circumstances
from sdprofile.model.failure import NO_GPU_MEMORY, Failure
from sdprofile.model.memory_use import Marks, MemoryUse
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.model.spans import PROCESSES
from sdprofile.model.trace import KERNEL, Sampled
from sdprofile.plan import Plan
from sdprofile.spatial.scope import Scope
from sdprofile.units import format_bytes, format_seconds

_LEFT_FREE = 0.05
"""Fraction of the free memory that the cell cannot have: what else runs here needs some."""


def run_alone(
    work: Work, plan: Plan, *, setting: Setting, repeat: int, scope: Scope | None = None
) -> tuple[Run, BaseException | None]:
    """Execute the work once in this process, where no client is found.

    Parameters
    ----------
    work
        What is measured.
    plan
        Timeout, steps and fusion.
    setting, repeat
        Which run this is.
    scope
        The names that the work uses; None where they are not known.

    Returns
    -------
    run, error
        What was measured, in which the kernel stands for one worker, and what the work raised, but
        for what its run has to say: that its time was over, or the memory.

    Notes
    -----
    Call it within `sdprofile.interrupts.held_back`. The memory that is free is the limit: of what
    asks for more Python, NumPy and others get a MemoryError, where the system would end the kernel
    (``RLIMIT_DATA``, ``man 2 setrlimit``; it counts what a process may write to, used or not).
    """
    free_memory()  # else what an earlier run has freed would count as at rest
    functions = step_functions() if plan.steps else None
    clock = Clock()
    calls, lines = KernelCalls(None, clock), KernelLines(None, clock)
    steps = StepWatcher(None, functions, scope=scope)
    tasks, others = LocalTasks(steps.spans_of), OtherSchedulers(None)
    kernel = _Kernel(clock)
    limit = _TimeLimit(plan.timeout, tasks.end_processes)
    free = this_machine().memory_free
    timed = TimedWork(work, plan, clock, scope=scope)
    error: BaseException | None = None
    disk: dict[str, Counted] = {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(kernel.sampled())
        stack.enter_context(entered(None, [calls, lines, steps, others]))
        stack.enter_context(dask_config(plan, None, scheduler=setting.scheduler))
        stack.enter_context(bounded_memory(int(free * (1 - _LEFT_FREE))))
        stack.enter_context(pool_put_back())
        stack.enter_context(tasks)
        stack.enter_context(counted_here(disk))
        kernel.begin()
        try:
            with let_in(), limit:
                timed.run()
        except BaseException as raised:  # noqa: BLE001 - returned to the caller, who decides
            error = raised
        finally:
            kernel.end()
        if error is None:
            timed.look()
    sampled = kernel.sampled_of
    run = Run(
        setting=setting,
        repeat=repeat,
        seconds=clock.seconds,
        failure=_failure(
            error,
            limit,
            free=free,
            decimal=plan.decimal,
            scheduler=setting.scheduler,
            ran=bool(tasks.threads),
        ),
        memory=MemoryUse.of(
            sampled=sampled.curves,
            dask=(),
            marks=kernel.marks,
            kill=None,
            began=clock.began,
            gpus=sampled.gpus,
        ),
        work=tasks.work(clock.seconds),
        disk=disk_of(disk),
        steps=replace(
            steps.reading,
            lines=lines_seen(lines, calls),
            recomputed=steps.recomputed(tasks.seconds_of),
        ),
        data=timed.data(steps.layers),
        elsewhere=others.reading,
        circumstances=Circumstances(others_cpu_seconds=kernel.others),
        trace=replace(
            tasks.trace(clock, calls=calls.reading, cores=sampled.cores),
            inside=call_trees({}, lines, seconds={}),
        ),
    )
    if run.status == NO_GPU_MEMORY:  # or they would keep what they hold of it
        forget_frames(error)
    ends = run.failure is not None and run.failure.status in ("failed", "interrupted")
    return run, error if ends and not isinstance(error, MemoryError) else None


class _Kernel:
    """Memory, also of GPUs, and CPU time of this process during a run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mark: OwnMark | None = None
        self._before = 0.0
        self.marks = Marks()
        self.others: float | None = None
        self.sampled_of = Sampled()

    @contextlib.contextmanager
    def sampled(self) -> Iterator[None]:
        """Sample this process in this context, with the children that it starts there."""
        this, find = os.getpid(), readers()[1]
        samplers = start_samplers([this], without=find(this, ()))
        with contextlib.suppress(OSError):
            self._mark = OwnMark()
        try:
            yield
        finally:
            if self._mark is not None:
                self._mark.close()
            memory, of_cards = stop_samplers(samplers)
            [samples] = unpack(memory, 1)
            began, seconds = self._clock.began, self._clock.seconds
            self.sampled_of = Sampled(
                curves=tuple(samples.curves(KERNEL, began=began, seconds=seconds)),
                cores=tuple(samples.cores(KERNEL, cpu_count(), began=began, seconds=seconds)),
                gpus=read_cards(
                    of_cards,
                    [KERNEL],
                    [Visible.here()],
                    began=began,
                    seconds=seconds,
                    own={KERNEL: own_counts()},
                ),
            )

    def begin(self) -> None:
        """Note what there is just before the cell."""
        own_counts(reset=True)
        self._before = others_cpu()
        if self._mark is not None:
            self._mark.reset()
            self.marks = Marks(baselines={KERNEL: self._mark.read()[1]})

    def end(self) -> None:
        """Note what there is just after it."""
        if self._mark is not None:
            highest, _ = self._mark.read()
            swapped = self._mark.swapped()
            self.marks = replace(self.marks, peaks={KERNEL: highest}, swapped=swapped)
        self.others = max(0.0, others_cpu() - self._before)


class _TimeLimit:
    """A context that interrupts what runs in it when its time is over."""

    def __init__(self, seconds: float | None, give_up: Callable[[], None]) -> None:
        self.seconds = seconds
        self._give_up = give_up
        self.over = False
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> None:
        if self.seconds is not None and reach_here():
            self._timer = threading.Timer(self.seconds, self._interrupt)
            self._timer.daemon = True
            self._timer.start()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            with self._lock:  # what is being sent arrives before this is over
                self._timer = None

    def _interrupt(self) -> None:
        with self._lock:
            if self._timer is not None:
                self.over = True
                interrupt_work()
                self._give_up()


@contextlib.contextmanager
def bounded_memory(nbytes: int) -> Iterator[None]:
    """Let this process have so much more memory at most, in bytes; only Linux can tell."""
    try:
        import resource

        status = Path("/proc/self/status").read_bytes()
    except (ImportError, OSError):
        yield
        return
    found = re.search(rb"VmData:\s+(\d+) kB", status)
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = (int(found[1]) * 1024 if found else 0) + nbytes
    tighter = found is not None and not 0 <= soft <= bound and not 0 <= hard <= bound
    if tighter:
        resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    try:
        yield
    finally:
        if tighter:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _failure(
    error: BaseException | None,
    limit: _TimeLimit,
    *,
    free: int,
    decimal: bool,
    scheduler: str,
    ran: bool,
) -> Failure | None:
    if error is None:
        return None
    if limit.over:
        message = f"not finished after {format_seconds(limit.seconds or 0.0)} (--timeout)"
        return Failure(status="stuck", message=message)
    if isinstance(error, KeyboardInterrupt):
        return Failure(status="interrupted", message="interrupted by the user")
    if is_out_of_gpu_memory(error):  # which may be a MemoryError as well
        return Failure(status=NO_GPU_MEMORY, message=one_line(error))
    if isinstance(error, MemoryError):
        return Failure(
            status="failed",
            message="it asked for more than the"
            f" {format_bytes(free, decimal=decimal)} of memory that were free",
            advice="Use workers, which write to disk what they have no room for, or smaller chunks"
            if ran
            else "Make less at once in the kernel, where workers cannot help",
        )
    named = scheduler == PROCESSES  # to which not everything can be sent
    advice = f"Leave --scheduler {scheduler} out to see whether it is that" if named else ""
    return Failure(status="failed", message=one_line(error), advice=advice)
