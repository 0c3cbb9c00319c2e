"""Makes workers start fast, with the imports of this process already made."""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import logging
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from sdprofile.cluster.worker_calls import ask_workers
from sdprofile.cluster.worker_states import worker_states
from sdprofile.errors import NotReachedError
from sdprofile.interrupts import let_in
from sdprofile.units import plural

if TYPE_CHECKING:
    from distributed import Client

FORK_SAFE_PACKAGES = (
    "spatialdata",
    "dask",
    "distributed",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "xarray",
    "zarr",
    "numcodecs",
    "skimage",
    "sklearn",
    "shapely",
    "pyproj",
    "geopandas",
    "anndata",
    "numba",
    "datashader",
    "xrspatial",
    "ome_zarr",
    "multiscale_spatial_image",
    "spatial_image",
    "dask_image",
)
"""Packages that start no threads and open no devices when imported, so that forking is safe.

The packages that spatialdata imports; others (GPU libraries among them) are left to the workers.
"""

_SCHEDULERS_OWN = ("distributed.dashboard", "distributed.http")
"""What a scheduler in this process has imported for itself: bokeh comes with it, and takes 1 s."""

PREPARE_TIMEOUT = 60.0
"""Seconds that a worker has to make the imports."""

_METHOD = "distributed.worker.multiprocessing-method"


@dataclass
class _Forkserver:
    """Which fork server was started with the environment of a worker."""

    pid: int | None = None

    forking: bool = False
    """Whether workers come from it now, so that one which is started meanwhile is ours."""


_ours = _Forkserver()

_kept: set[str] = set()
"""Modules that sdprofile has imported for itself."""

_handlers: list[Any] = []
"""In a worker: what it did on an interrupt before it was prepared; empty if it does so now."""


@contextlib.contextmanager
def fast_start(*, fork: bool = True) -> Iterator[None]:
    """Let workers that start in this context be forked from a server that has made the imports.

    Parameters
    ----------
    fork
        False for workers that shall be spawned as dask does it, for the cluster is the user's.

    Going from 1 to 2 to 4 workers then takes 0.2 s a step instead of several seconds. Where a fork
    server cannot be had, workers are spawned as dask does it.

    Notes
    -----
    Thread pools such as OpenBLAS take their size from the environment when they are loaded. A
    nanny sets ``OMP_NUM_THREADS=1`` and the like just before it starts a worker, so a fork server
    that is first started by a nanny has them too. One that other code started has not, and is not
    used. Those variables are taken out of this process again on exit.
    """
    import dask

    before = dict(os.environ)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_main_not_rerun())
            if not (fork and _can_fork()):
                yield
                return
            stack.enter_context(dask.config.set({_METHOD: "forkserver"}))
            _preload()
            before_this, _ours.forking = _ours.forking, True
            try:
                yield
            finally:
                _ours.pid, _ours.forking = _forkserver_pid(), before_this
    finally:
        _restore_environment(before)


def imported_here() -> tuple[str, ...]:
    """Return the modules that this process has imported and that workers are likely to need.

    Returns
    -------
    tuple of str
        Full names of the modules that belong to `FORK_SAFE_PACKAGES`, in the order of import;
        none that only a scheduler needs, or that was imported within `kept_from_workers`.
    """
    return tuple(
        name
        for name, module in sys.modules.copy().items()
        if name.partition(".")[0] in FORK_SAFE_PACKAGES
        and name not in _kept
        and not name.startswith(_SCHEDULERS_OWN)
        and isinstance(getattr(module, "__spec__", None), importlib.machinery.ModuleSpec)
        and module.__spec__ is not None
        and module.__spec__.origin
    )


@contextlib.contextmanager
def kept_from_workers() -> Iterator[None]:
    """Keep what is imported in this context from being imported in the workers too.

    By hand they would not have it either, and numba alone takes 100 MB of each.
    """
    before = set(sys.modules)
    try:
        yield
    finally:
        _kept.update(sys.modules.keys() - before)


def prepare_workers(client: Client, *, in_our_terminal: bool = True) -> None:
    """Make the imports of this process in all workers, and keep the user's Ctrl-C from them.

    Parameters
    ----------
    client
        Of the cluster. New workers have to be prepared again.
    in_our_terminal
        Whether the workers were started from here; else a Ctrl-C is meant for them.

    Raises
    ------
    NotReachedError
        If a worker does not answer.

    Notes
    -----
    A terminal sends Ctrl-C to every process that it has started, and a worker would die of it.
    """
    states = worker_states(client)
    with let_in():
        ready = ask_workers(
            client, _prepare, imported_here(), in_our_terminal, timeout=PREPARE_TIMEOUT
        )
    if silent := len(states) - len(ready):
        raise NotReachedError(
            f"{silent} of {plural(len(states), 'worker')} silent for {PREPARE_TIMEOUT:.0f} s",
            "Look for a task that holds its whole process, and restart the worker",
        )


def quiet_workers(client: Client) -> None:
    """Keep the workers from printing tracebacks when they, or others, leave.

    A heartbeat may be under way when a worker is told to go, and results when another one dies.
    """
    if client.status == "running":
        ask_workers(client, _be_quiet)


def release_workers(client: Client) -> None:
    """Let workers print and hear Ctrl-C again, as before `quiet_workers` and `prepare_workers`."""
    if client.status == "running":
        ask_workers(client, _release)


def _prepare(names: tuple[str, ...], in_our_terminal: bool) -> int:
    """Prepare the worker in which this is called; return how many modules it has imported."""
    if in_our_terminal:
        # Workers run what they are asked to in their main thread, where signals may be set.
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        if handler is not signal.SIG_IGN:
            _handlers.append(handler)
    _be_quiet()
    for name in names:
        if name not in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    return sum(name in sys.modules for name in names)


def _be_quiet() -> None:
    for handler in logging.getLogger("distributed").handlers:
        handler.addFilter(_is_news)


def _release() -> None:
    for handler in logging.getLogger("distributed").handlers:
        handler.removeFilter(_is_news)
    if _handlers:
        signal.signal(signal.SIGINT, _handlers.pop())


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record is of anything but a connection that has ended."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, OSError)


def stop_forkserver() -> None:
    """Stop the fork server that `fast_start` led to, once no worker is left.

    Workers of a cluster that a cell has started may come from it too: it then ends with them.
    """
    pid = _forkserver_pid()
    ours = _ours.forking or pid == _ours.pid
    if pid is not None and ours:
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(pid)
            if server.children():
                return
            server.kill()  # asked to stop, it first makes all its imports
        # multiprocessing has no public way to stop it before the process ends.
        multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]
    _ours.pid = None


def _can_fork() -> bool:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return False
    return _forkserver_pid() in (None, _ours.pid)


def _forkserver_pid() -> int | None:
    server = getattr(multiprocessing.forkserver, "_forkserver", None)
    pid = getattr(server, "_forkserver_pid", None)
    return pid if isinstance(pid, int) else None


def _preload() -> None:
    from distributed.utils import get_mp_context

    # The first call imports what is on distributed's own list of preloads (pandas is), and sets
    # that list; later ones leave ours alone.
    context = get_mp_context()
    context.set_forkserver_preload(["distributed", "distributed.nanny", *imported_here()])


@contextlib.contextmanager
def _main_not_rerun() -> Iterator[None]:
    """Keep multiprocessing from running the user's script again in each worker.

    It does so for a main module with a file unless the module is named ``__main__`` in its spec
    (``multiprocessing.spawn._fixup_main_from_name``). Functions of the script reach the workers by
    cloudpickle all the same. And it starts no process where the main module has no spec, as after
    IPython's ``%reset``.
    """
    main = sys.modules["__main__"]
    before = vars(main).get("__spec__", main)
    main.__spec__ = importlib.machinery.ModuleSpec("__main__", None)
    try:
        yield
    finally:
        if before is not main:
            main.__spec__ = before
        else:
            vars(main).pop("__spec__", None)


def _restore_environment(before: Mapping[str, str]) -> None:
    import dask

    set_by_nanny = {"PYTHONHASHSEED", *dask.config.get("distributed.nanny.pre-spawn-environ", {})}
    for name in set_by_nanny:
        if name in before:
            os.environ[name] = before[name]
        else:
            os.environ.pop(name, None)
