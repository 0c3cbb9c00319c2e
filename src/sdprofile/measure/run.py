"""One run under all instruments, outside of whose clock everything else happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import FunctionType
from typing import TYPE_CHECKING

from sdprofile.cluster.clean import clean_slate
from sdprofile.cluster.session import check_untouched
from sdprofile.cluster.worker_states import worker_states
from sdprofile.cluster.workers import kept_from_workers
from sdprofile.errors import NotReachedError, SdprofileError
from sdprofile.interrupts import ignored, let_in
from sdprofile.measure.branches import call_trees
from sdprofile.measure.clock import Clock, scheduler_ahead
from sdprofile.measure.dask_config import dask_config
from sdprofile.measure.gpu_errors import forget_frames
from sdprofile.measure.instruments import Instruments
from sdprofile.measure.kernel_lines import lines_seen
from sdprofile.measure.output import Take
from sdprofile.measure.work import TimedWork, Work
from sdprofile.model.failure import NO_GPU_MEMORY, Failure
from sdprofile.model.memory_use import MemoryUse
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.plan import Plan
from sdprofile.replay.predictor import Predictor
from sdprofile.spatial.functions import public_functions
from sdprofile.spatial.lazy import held_names
from sdprofile.spatial.scope import Scope

if TYPE_CHECKING:
    from distributed import Client


def run_once(
    work: Work,
    client: Client,
    plan: Plan,
    *,
    setting: Setting,
    repeat: int,
    scope: Scope | None = None,
    predictor: Predictor | None = None,
    take_printed: Take | None = None,
) -> tuple[Run, BaseException | None]:
    """Execute the work once under all instruments.

    Parameters
    ----------
    work
        What is measured.
    client
        Of a cluster with exactly the workers of the setting.
    plan
        Timeout, steps and fusion.
    setting, repeat
        Which run this is.
    scope
        The names that the work uses; None where they are not known.
    predictor
        Gets the run; None for nobody.
    take_printed
        Gets what the workers have printed; None to let them print as ever.

    Returns
    -------
    run, error
        What was measured, and what the work raised, if it did.

    Notes
    -----
    Call it within `sdprofile.interrupts.held_back`: an interrupt is let in while the work runs.
    """
    functions = step_functions() if plan.steps else None
    clean_slate(client)
    held = held_names(scope, all_names=False) if scope is not None else ()
    clock = Clock(scheduler_ahead=scheduler_ahead(client))
    instruments = Instruments.of(
        client,
        plan,
        clock,
        setting=setting,
        functions=functions,
        take_printed=take_printed,
        scope=scope,
    )
    watcher = instruments.watcher
    timed = TimedWork(work, plan, clock, scope=scope)

    def watched() -> None:
        timed.run()
        timed.look()

    with instruments.entered(client):
        with dask_config(plan, client), let_in():
            error = watcher.watch(watched)
        _check_there(client, error)
        states = worker_states(client)
        watcher.settle(error, states)
        if error is None and not watcher.is_over():
            check_untouched(client, there=len(states), expected=setting.workers)
        if error is not None:
            with ignored():
                instruments.spans.cancel()
                watcher.give_up()
    _check_there(client, error)  # else an instrument may have had nobody to ask
    trace = instruments.trace.reading
    work_done = replace(instruments.spans.reading, tasks=len(trace))
    layers = instruments.steps.layers if work_done.tasks else None
    run = Run(
        setting=setting,
        repeat=repeat,
        seconds=clock.seconds,
        failure=watcher.failure(error, exits=instruments.exits.reading),
        memory=MemoryUse.of(
            sampled=instruments.memory.reading.curves,
            dask=instruments.dask_memory.reading,
            marks=instruments.marks.reading,
            kill=watcher.killed,
            began=clock.began_there,
            gpus=instruments.memory.reading.gpus,
        ),
        work=work_done,
        transfers=instruments.transfers.reading,
        disk=instruments.disk.reading,
        steps=replace(
            instruments.steps.reading, lines=lines_seen(instruments.lines, instruments.calls)
        ),
        throttled=instruments.throttle.reading,
        data=replace(
            timed.data(layers),
            sent=instruments.sent.reading,
            held=held_names(scope) if scope is not None and not work_done.tasks else held,
        ),
        elsewhere=instruments.others.reading,
        circumstances=instruments.surroundings.reading,
        trace=replace(
            trace,
            calls=instruments.calls.reading,
            cores=instruments.memory.reading.cores,
            inside=call_trees(
                instruments.task_calls.reading,
                instruments.lines,
                seconds=trace.prefix_seconds,
                lines=instruments.task_calls.lines,
                text_of=(scope or Scope((), {})).text,
            ),
        ),
    )
    if run.status == NO_GPU_MEMORY:  # after which others follow
        forget_frames(error)
    if predictor is not None:
        predictor.add(run)
    return run, error


def step_functions() -> dict[FunctionType, str]:
    """Return what is a step when a cell calls it, with names.

    The first call makes imports of spatialdata's that take half a second; the workers are not made
    to repeat them.
    """
    with kept_from_workers():
        return public_functions()


def run_not_made(
    setting: Setting, runs: Sequence[Run], error: NotReachedError, *, seconds: float
) -> Run:
    """Return the row of a run for which there were not the workers.

    Parameters
    ----------
    setting
        What it was to be made with.
    runs
        All before.
    error
        What the cluster did not reach.
    seconds
        How long that took.
    """
    return Run(
        setting=setting,
        repeat=1 + sum(run.setting == setting for run in runs),
        seconds=seconds,
        failure=Failure(status="stuck", message=error.message, advice=error.advice),
    )


def _check_there(client: Client, error: BaseException | None) -> None:
    if client.status != "running":
        raise SdprofileError(
            "the cell: expected its dask client to be there at the end, got it closed or without"
            " its scheduler (take client.close() out of the cell, or see what ended it)"
        ) from error
