"""What dask has fused into a task: it still holds the keys of all that it executes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed.scheduler import TaskState

Block = tuple[Any, ...]
"""Which block of a layer a key stands for; empty if it has only one."""


def made_of(tasks: Iterable[TaskState]) -> tuple[str, set[str]]:
    """Return the layer that a group of tasks puts out, and those that were fused into them."""
    for task in tasks:
        inner = _subgraph(task.run_spec)
        if inner is not None:
            graph, out = inner
            return layer_of(out), {layer_of(key) for key, _, _ in _parts(graph)}
    first = next(iter(tasks))
    return layer_of(first.key), {layer_of(first.key)}


def blocks_of(task: TaskState) -> Iterator[tuple[str, Block]]:
    """Yield each layer of which a task makes a block, and which block that is."""
    for key, block, spec in _parts({task.key: task.run_spec}):
        if not _is_at_hand(spec):
            yield layer_of(key), block


def prefixes_of(task: TaskState) -> set[str]:
    """Return the prefix of a task, and those of all that were fused into it."""
    from dask.utils import key_split

    inner = _subgraph(task.run_spec)
    if inner is None:
        return {task.prefix.name}
    return {task.prefix.name, *(key_split(layer_of(key)) for key, _, _ in _parts(inner[0]))}


def layer_of(key: Any) -> str:
    """Return the layer that a key is of; within a fused task it may have block numbers."""
    name = key[0] if isinstance(key, tuple) else key
    return str(name).partition("_.")[0]


def _subgraph(spec: Any) -> tuple[dict[Any, Any], Any] | None:
    """Return the graph that a fused task executes, and its last key; None for another task."""
    args: tuple[Any, ...] = getattr(spec, "args", ())
    if len(args) >= 2 and isinstance(args[0], dict):  # dask._task_spec._execute_subgraph
        return args[0], args[1]
    return None


def _is_at_hand(spec: Any) -> bool:
    """Whether a key only passes on what another key, or the graph itself, has already."""
    from dask._task_spec import Alias, DataNode

    return isinstance(spec, Alias | DataNode)


def _parts(graph: dict[Any, Any], around: Block = ()) -> Iterator[tuple[Any, Block, Any]]:
    """Yield keys, which blocks they are and what is executed for them, also of graphs within."""
    for key, spec in graph.items():
        # What dask merges block by block is named by its layer alone: the block is that around it.
        block = key[1:] if isinstance(key, tuple) else around
        inner = _subgraph(spec)
        if inner is None:
            yield key, block, spec
        else:
            yield from _parts(inner[0], block)
