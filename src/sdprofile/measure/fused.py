"""What dask has fused into a task: it still holds the keys of all that it executes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sdprofile.internals.dask import functions_of, is_at_hand, merged_graph, prefix_of

if TYPE_CHECKING:
    from distributed.scheduler import TaskState

_TOKEN = 32
"""Letters of a token."""

_TOKENS = re.compile(rf"-[0-9a-f]{{{_TOKEN}}}-[0-9a-f]{{{_TOKEN}}}$")

_LIGHT = {"dask", "toolz", "cytoolz", "tlz", "operator", "_operator", "builtins", "functools"}
"""Packages whose functions take little time."""

_HEAVY = {"getter", "getter_nofancy", "getter_inline", "random", "io", "linalg", "fft"}
"""Functions and modules in these that take time all the same."""

_REDUCTIONS = {"sum", "prod", "min", "max", "amin", "amax", "any", "all", "nansum", "nanprod"}
"""Functions of NumPy with which dask reduces each block."""

Block = tuple[Any, ...]
"""Which block of a layer a key stands for; empty if it has only one."""


def made_of(tasks: Mapping[Any, Any]) -> tuple[str, set[str]]:
    """Return the layer that a group of tasks puts out, and those that were fused into them.

    Parameters
    ----------
    tasks
        By their keys what is executed for each; at least one.
    """
    for spec in tasks.values():
        inner = merged_graph(spec)
        if inner is not None:
            graph, out = inner
            return layer_of(out), {layer_of(key) for key, _, _ in _parts(graph)}
    first = layer_of(next(iter(tasks)))
    return first, {first}


def blocks_of(tasks: Mapping[Any, Any]) -> Iterator[tuple[str, Block, Any]]:
    """Yield for each task the layers of which it makes a block, which block, and what is executed.

    Parameters
    ----------
    tasks
        By their keys what is executed for each.
    """
    for key, block, spec in _parts(tasks):
        if not is_at_hand(spec):
            yield layer_of(key), block, spec


def is_light(spec: Any) -> bool:
    """Whether a part of a task is arithmetic, a reduction or the like, beside which others count.

    Notes
    -----
    Reading, random numbers and all functions that are neither dask's nor simple ones of NumPy may
    take any time.
    """
    return all(map(_is_light, functions_of(spec)))


def _is_light(function: Any) -> bool:
    kind = type(function)
    if kind.__name__ == "ufunc":
        return True
    name = str(getattr(function, "__name__", ""))
    root, *within = str(getattr(function, "__module__", "")).split(".")
    if root == "numpy":
        return name in _REDUCTIONS
    return root in _LIGHT and not _HEAVY & {*within, name}


def prefixes_of(task: TaskState) -> set[str]:
    """Return the prefix of a task, and those of all that were fused into it."""
    inner = merged_graph(task.run_spec)
    if inner is None:
        return {task.prefix.name}
    return {task.prefix.name, *(prefix_of(layer_of(key)) for key, _, _ in _parts(inner[0]))}


def layer_of(key: Any) -> str:
    """Return the layer that a key is of; within a fused task it may have block numbers.

    Notes
    -----
    What dask computes for an argument of a delayed function has a token more at the end of its
    keys, lest it be taken for the same elsewhere (`dask._expr.ProhibitReuse`).

    Examples
    --------
    >>> layer_of(("add-1f", 0, 2)), layer_of("add-1f_.0")
    ('add-1f', 'add-1f')
    """
    name = str(key[0] if isinstance(key, tuple) else key).partition("_.")[0]
    return name[: -1 - _TOKEN] if _TOKENS.search(name) else name


def _parts(graph: Mapping[Any, Any], around: Block = ()) -> Iterator[tuple[Any, Block, Any]]:
    """Yield keys, which blocks they are and what is executed for them, also of graphs within."""
    for key, spec in graph.items():
        # What dask merges block by block is named by its layer alone: the block is that around it.
        block = key[1:] if isinstance(key, tuple) else around
        inner = merged_graph(spec)
        if inner is None:
            yield key, block, spec
        else:
            yield from _parts(inner[0], block)
