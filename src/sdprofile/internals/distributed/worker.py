"""What distributed keeps to itself of workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdprofile.internals.names import Name

if TYPE_CHECKING:
    from dask.typing import Key
    from distributed import Nanny, Worker

_TRANSFERS = "bytes between workers, and into the kernel, are left out"
INCOMING_LOG = Name(
    of="distributed.Worker", name="transfer_incoming_log", kind="worker", without=_TRANSFERS
)
OUTGOING_LOG = Name(
    of="distributed.Worker", name="transfer_outgoing_log", kind="worker", without=_TRANSFERS
)
ACTIVE_THREADS = Name(
    of="distributed.Worker",
    name="active_threads",
    kind="worker",
    without="tasks that wait for tasks of their own are not noticed, and which tasks read a zarr"
    " array is not known",
)
MEMORY_MANAGER = Name(
    of="distributed.Worker",
    name="memory_manager",
    kind="worker",
    without="the fractions of the memory limit are not known, and --task-memory holds nothing back",
)
MONITOR = Name(
    of="distributed.Worker",
    name="monitor",
    kind="worker",
    without="dask's memory over time begins with that of the run before",
)
HEARTBEAT = Name(
    of="distributed.Worker",
    name="heartbeat",
    kind="worker",
    without="the last second of what dask counts may be missing",
)
SET_RESOURCES = Name(
    of="distributed.Worker",
    name="set_resources",
    kind="worker",
    without="--task-memory holds nothing back",
)
PLUGINS = Name(
    of="distributed.Worker",
    name="plugins",
    kind="worker",
    without="exact peaks are left out",
)

NAMES = tuple(each for each in tuple(globals().values()) if isinstance(each, Name))

TRANSFER_LOGS = (INCOMING_LOG, OUTGOING_LOG)


def active_threads(worker: Worker) -> dict[int, Key]:
    """Return which task each thread of a worker runs; empty where that is not known."""
    return dict(ACTIVE_THREADS.get(worker, {}))


def key_of_thread(worker: Worker, thread: int) -> Key | None:
    """Return which task a thread of a worker runs, by the thread's identifier; None for none."""
    found: Key | None = ACTIVE_THREADS.get(worker, {}).get(thread)
    return found


def memory_fraction(worker: Worker | Nanny, name: str) -> Any:
    """Return at which fraction of its limit a worker, or a nanny, does something; False for none.

    Parameters
    ----------
    worker
        Which of them.
    name
        What it does: ``target``, ``spill``, ``pause``, ``terminate``.
    """
    return getattr(MEMORY_MANAGER.get(worker), f"memory_{name}_fraction", False)


async def give_resource(worker: Worker, name: str) -> bool:
    """Give a worker as many of a resource as its memory limit has bytes; say if that was done."""
    limit = getattr(MEMORY_MANAGER.get(worker), "memory_limit", None)
    give = SET_RESOURCES.get(worker)
    if not limit or give is None:
        return False
    await give(**{name: float(limit)})
    return True


async def send_heartbeat(worker: Worker, *, memory_anew: bool = False) -> None:
    """Have a worker send what it has counted; and what memory it has now, if asked."""
    monitor, beat = MONITOR.get(worker), HEARTBEAT.get(worker)
    if memory_anew and monitor is not None:
        monitor.update()
    if beat is not None:
        await beat()


def worker_plugins(worker: Worker) -> dict[str, Any] | None:
    """Return what a worker tells of its tasks, by name; None where that is not known."""
    found: dict[str, Any] | None = PLUGINS.get(worker)
    return found
