"""What dask keeps to itself."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any

from sdprofile.internals.names import Name

CPU_COUNT = Name(
    of="dask.system",
    name="CPU_COUNT",
    without="the CPUs are those of the whole machine, whatever a container may use of them",
)
KEY_SPLIT = Name(
    of="dask.utils",
    name="key_split",
    without="tasks go by their names up to the last hyphen",
)
DEFAULT_POOL = Name(
    of="dask.threaded",
    name="default_pool",
    without="threads of dask stay after a cell that is run without a cluster",
)
_MERGED = "of tasks that dask merged it is not told that they only pass something on"
ALIAS = Name(of="dask._task_spec", name="Alias", without=_MERGED)
DATA_NODE = Name(of="dask._task_spec", name="DataNode", without=_MERGED)
_FRAMES = "the tasks of lazy data frames belong to no step"
EXPR_NAME = Name(of="dask._expr.Expr", name="_name", without=_FRAMES)
EXPR_WALK = Name(of="dask._expr.Expr", name="walk", without=_FRAMES, common=True)

NAMES = (CPU_COUNT, KEY_SPLIT, DEFAULT_POOL, ALIAS, DATA_NODE, EXPR_NAME, EXPR_WALK)


@contextlib.contextmanager
def pool_put_back() -> Iterator[None]:
    """End the threads that dask starts in this context, unless the session has them already."""
    import dask.threaded

    before, pools = DEFAULT_POOL.get(dask.threaded), dask.threaded.pools
    there = {(thread, number) for thread, found in pools.items() for number in found}
    try:
        yield
    finally:
        # For other numbers of threads, and for threads in which tasks compute something themselves.
        for thread, found in list(pools.items()):
            for number in [each for each in found if (thread, each) not in there]:
                found.pop(number).shutdown(wait=False)
            if not found:
                del pools[thread]
        pool = DEFAULT_POOL.get(dask.threaded)
        if before is None and pool is not None:
            DEFAULT_POOL.set(dask.threaded, None)
            pool.shutdown(wait=False)


def size_of_pool(pool: object) -> int:
    """Return how many threads or processes a pool has; 0 if it does not tell, or is none."""
    # An executor of `concurrent.futures` has the one, a pool of `multiprocessing` the other.
    return int(getattr(pool, "_max_workers", 0) or getattr(pool, "_processes", 0))


def cpu_count() -> int:
    """Return how many CPUs dask takes this machine to have: within affinity and cgroup."""
    return int(CPU_COUNT.found() or os.cpu_count() or 1)


def prefix_of(key: Any) -> str:
    """Return what the name of a task, or of a layer, begins with.

    Examples
    --------
    >>> prefix_of("add-0123456789abcdef0123456789abcdef")
    'add'
    """
    split = KEY_SPLIT.found()
    if split is not None:
        return str(split(key))
    name = str(key[0] if isinstance(key, tuple) and key else key)
    return name.rpartition("-")[0] or name


def forget_prefixes() -> None:
    """Let dask forget the names of 100,000 tasks, of which it remembers what they begin with."""
    forget_answers(KEY_SPLIT.found())


def forget_answers(function: Any) -> None:
    """Let a function that remembers what it has answered forget it."""
    forget = getattr(function, "cache_clear", None)
    if forget is not None:
        forget()


def is_at_hand(spec: Any) -> bool:
    """Whether a key only passes on what another key, or the graph itself, has already."""
    return isinstance(spec, (ALIAS.found(()), DATA_NODE.found(())))  # an empty tuple is no type


def functions_of(spec: Any) -> Iterator[Any]:
    """Yield the functions that a task calls, with those that dask's own get to call.

    Notes
    -----
    `dask._task_spec.Task` has its function as `func`; `toolz.functoolz.Compose` has several, of
    which `first` is called first.
    """
    functions: list[Any] = [getattr(spec, "func", None)]
    while functions:
        function: Any = functions.pop()
        if isinstance(function, functools.partial):
            given = (*function.args, *function.keywords.values())
            functions += [function.func, *(each for each in given if _is_function(each))]
        elif hasattr(function, "first") and hasattr(function, "funcs"):
            functions += [function.first, *function.funcs]
        elif function is not None:
            yield function
    given = (*getattr(spec, "args", ()), *(getattr(spec, "kwargs", None) or {}).values())
    yield from (each for each in given if _is_function(each))


def _is_function(value: object) -> bool:
    return isinstance(value, FunctionType | BuiltinFunctionType)


def merged_graph(spec: Any) -> tuple[dict[Any, Any], Any] | None:
    """Return the graph that a merged task executes, and its last key; None for another task.

    Notes
    -----
    Dask merges tasks into one that calls `dask._task_spec._execute_subgraph` with both.
    """
    args: tuple[Any, ...] = getattr(spec, "args", ())
    if len(args) >= 2 and isinstance(args[0], dict):
        return args[0], args[1]
    return None


def layers_of(part: Any) -> Iterable[str]:
    """Return the names of the layers of a collection's graph, without making the graph."""
    if not hasattr(type(part), "expr"):
        return getattr(part.__dask_graph__(), "layers", ())
    # A data frame's graph is made only when it is computed.
    walk = EXPR_WALK.get(part.expr)
    names = (EXPR_NAME.get(each) for each in walk()) if walk is not None else ()
    return [name for name in names if name is not None]
