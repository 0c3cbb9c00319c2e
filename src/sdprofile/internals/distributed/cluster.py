"""What distributed keeps to itself of clusters that it makes, and of the nannies of workers."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from sdprofile.internals.names import Name

if TYPE_CHECKING:
    from distributed import Nanny

WORKER_SPEC = Name(
    of="distributed.SpecCluster",
    name="worker_spec",
    kind="cluster",
    without="jobs that a batch system has ended are not replaced, and workers that are starting are"
    " waited for before they end",
)
NEW_SPEC = Name(
    of="distributed.SpecCluster",
    name="new_spec",
    kind="cluster",
    without="--memory and --threads cannot change the workers of a cluster that is there",
)
_STARTING = "workers that are starting are waited for before they end"
CREATED = Name(of="distributed.SpecCluster", name="_created", kind="cluster", without=_STARTING)
LOCK = Name(
    of="distributed.SpecCluster",
    name="_lock",
    kind="cluster",
    without="a cluster may still start or stop workers when a run begins",
)
ADAPTIVE = Name(
    of="distributed.SpecCluster",
    name="_adaptive",
    kind="cluster",
    without="a cluster that adapts by itself is not noticed",
)
SUPPORTS_SCALING = Name(
    of="distributed.deploy.Cluster",
    name="_supports_scaling",
    without="a cluster that cannot be scaled is not noticed before it is scaled",
)
INSTANTIATE = Name(of="distributed.Nanny", name="instantiate", without=_STARTING)
CLOSE_GRACEFULLY = Name(
    of="distributed.Nanny",
    name="close_gracefully",
    without="a worker that is ended may be started again meanwhile",
)
PROCESS = Name(
    of="distributed.Nanny",
    name="process",
    kind="nanny",
    without="what a worker died of is not known, and whether it has started only by its scheduler",
)
_EXITS = "what a worker died of is not known"
ON_EXIT = Name(of="distributed.nanny.WorkerProcess", name="on_exit", kind="process", without=_EXITS)
WORKER_ADDRESS = Name(
    of="distributed.nanny.WorkerProcess", name="worker_address", kind="process", without=_EXITS
)

NAMES = tuple(each for each in tuple(globals().values()) if isinstance(each, Name))


def worker_specs(cluster: Any) -> dict[Any, Any]:
    """Return how each worker of a cluster is made, by its name; what is deleted is ended."""
    found: dict[Any, Any] | None = WORKER_SPEC.get(cluster)
    return {} if found is None else found


def new_spec(cluster: Any) -> dict[str, Any]:
    """Return how the next worker of a cluster is made; empty where that is not known."""
    return NEW_SPEC.get(cluster) or {}


def supports_scaling(cluster: Any) -> bool:
    """Whether a cluster does not say that it cannot be scaled."""
    return bool(SUPPORTS_SCALING.get(cluster, True))


def adapts(cluster: Any) -> bool:
    """Whether a cluster changes the number of its workers by itself."""
    return getattr(ADAPTIVE.get(cluster), "periodic_callback", None) is not None


def adaptive(cluster: Any) -> Any:
    """Return what changes the number of a cluster's workers by itself; None if nothing ever did."""
    return ADAPTIVE.get(cluster)


def stop_adapting(cluster: Any) -> None:
    """Keep a cluster at the number of workers that it is asked for."""
    if adapts(cluster):
        cluster.loop.add_callback(ADAPTIVE.get(cluster).stop)


def is_at_work(cluster: Any) -> bool:
    """Whether a cluster starts or stops workers now."""
    lock = LOCK.get(cluster)
    return lock is not None and bool(lock.locked())


def created(cluster: Any) -> Sequence[Any]:
    """Return the nannies that a cluster has made and that are there, also while they start."""
    return tuple(CREATED.get(cluster, ()))


def can_end_at_once(cluster: Any) -> bool:
    """Whether workers of a cluster can be ended without waiting until they have started."""
    return CREATED.is_there(cluster) and WORKER_SPEC.is_there(cluster)


def is_up(worker: Any) -> bool:
    """Whether a worker of a cluster, which may be a nanny, knows itself that its process runs.

    One whose worker dies before it does may wait for it for ever (`distributed.nanny`,
    ``WorkerProcess._wait_until_connected`` of the next process then takes the other's word).
    """
    status = getattr(PROCESS.get(worker), "status", None)
    return getattr(status, "name", "running") == "running"


def kill_for_good(nanny: Any) -> None:
    """Kill the worker of a nanny, or let it not start at all."""
    if nanny.status.name not in ("closing", "closed", "failed"):
        _close_gracefully(nanny)
    INSTANTIATE.set(nanny, _refuse)  # or for the first time
    nanny.kill = _killed_already  # or it would wait for a worker that has not started
    if nanny.pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(nanny.pid, signal.SIGKILL)


def kill_process(nanny: Any) -> None:
    """Kill the worker of a nanny that does not close."""
    _close_gracefully(nanny)
    pid = getattr(PROCESS.get(nanny), "pid", None)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _close_gracefully(nanny: Any) -> None:
    close = CLOSE_GRACEFULLY.get(nanny)
    if close is not None:
        close()  # or it would start its worker again


def may_run(nanny: Any) -> bool:
    """Whether a nanny's worker runs, or will once the system has made its process."""
    process = PROCESS.get(nanny)
    starts = process is not None and process.status.name == "starting"
    return bool(nanny.is_alive() or (starts and not process.running.is_set()))


async def _refuse() -> NoReturn:
    raise RuntimeError("Nanny failed to start: the cluster no longer wants its worker")


async def _killed_already(*_: object, **__: object) -> None:
    pass


def note_exit(nanny: Nanny, note: Callable[[str, int], None]) -> None:
    """Have a nanny tell the address of its worker and with what code the process ends.

    A nanny (`distributed.nanny.WorkerProcess`) learns the code and only logs it.
    """
    process = PROCESS.get(nanny)
    if process is not None:
        ON_EXIT.set(process, _Noted(process, note))


def forget_exit(nanny: Nanny) -> None:
    """Undo `note_exit`."""
    process = PROCESS.get(nanny)
    noted = ON_EXIT.get(process)
    if isinstance(noted, _Noted):
        ON_EXIT.set(process, noted.usual)


class _Noted:
    """A nanny's callback that notes the exit code first."""

    def __init__(self, process: Any, note: Callable[[str, int], None]) -> None:
        self._process = process
        self._note = note
        self.usual: Callable[[int], None] | None = ON_EXIT.get(process)

    def __call__(self, code: int) -> None:
        # Only now: the scheduler may know a new worker before its nanny has its address.
        self._note(WORKER_ADDRESS.get(self._process) or "", code)
        if self.usual is not None:
            self.usual(code)
