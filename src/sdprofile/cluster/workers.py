"""Makes workers start fast, with the imports of this process already made."""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import forkserver

import psutil

from sdprofile.internals import python
from sdprofile.internals.distributed.client import MP_CONTEXT, preload_forkserver

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


_METHOD = "distributed.worker.multiprocessing-method"

_ENVIRONMENT = "distributed.nanny.pre-spawn-environ"

_HASH_SEED = "PYTHONHASHSEED"


@dataclass
class _Forkserver:
    """Which fork server was started with the environment of a worker."""

    pid: int | None = None

    forking: bool = False
    """Whether workers come from it now, so that one which is started meanwhile is ours."""


_ours = _Forkserver()

_kept: set[str] = set()
"""Modules that sdprofile has imported for itself."""


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
    that is first started by a nanny, or by `start_imports`, has them too. One that other code
    started has not, and is not used. Those variables are taken out of this process again on exit.
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
            preload_forkserver(_preloads)
            before_this, _ours.forking = _ours.forking, True
            try:
                yield
            finally:
                _ours.pid, _ours.forking = python.forkserver_pid(), before_this
    finally:
        _restore_environment(before)


def start_imports() -> None:
    """Let the fork server begin with its imports: they go on while the scheduler is started.

    Call it within `fast_start`; where there is no fork server, nothing happens.
    """
    if _ours.forking:
        os.environ.update(_environment_of_workers())
        forkserver.ensure_running()


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


def stop_forkserver() -> None:
    """Stop the fork server that `fast_start` led to, once no worker is left.

    Workers of a cluster that a cell has started may come from it too: it then ends with them.
    """
    pid = python.forkserver_pid()
    ours = _ours.forking or pid == _ours.pid
    if pid is not None and ours:
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(pid)
            if server.children():
                return
            server.kill()  # asked to stop, it first makes all its imports
        python.stop_forkserver()
    _ours.pid = None


def _can_fork() -> bool:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return False
    if not python.can_follow_forkserver() or MP_CONTEXT.found() is None:
        return False
    return python.forkserver_pid() in (None, _ours.pid)


def _preloads() -> list[str]:
    imports = ["distributed", "distributed.nanny", *imported_here()]
    return ["sdprofile.cluster.preloading", *imports, "sdprofile.cluster.preloaded"]


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


def _environment_of_workers() -> dict[str, str]:
    """Return what a nanny sets before it starts a worker; what is set already stays so."""
    import dask

    config = dask.config.get(_ENVIRONMENT, {})
    wanted = {name: os.environ.get(name, value) for name, value in config.items()}
    found = {name: str(value) for name, value in wanted.items() if value is not None}
    if found.get(_HASH_SEED) in (None, "0"):
        found[_HASH_SEED] = "6640"  # dask's own, so that all workers have the same
    return found


def _restore_environment(before: Mapping[str, str]) -> None:
    import dask

    for name in {_HASH_SEED, *dask.config.get(_ENVIRONMENT, {})}:
        if name in before:
            os.environ[name] = before[name]
        else:
            os.environ.pop(name, None)
