"""How the cell says into how many parts dask cuts its data, and how to say it otherwise."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdprofile.explain.causes.behind import behind, parsed
from sdprofile.explain.causes.chunks import of_stores, scaled

if TYPE_CHECKING:
    from sdprofile.model.disk import StoreReads
    from sdprofile.model.elements import Partitioned

_BY_SIZE = ("chunks", "partition_size")
"""Keywords whose numbers grow with the parts."""

_BY_NUMBER = ("npartitions",)
"""Keywords whose numbers shrink as the parts grow."""

_POSITIONS = {
    "rechunk": (0, "chunks"),
    "chunk": (0, "chunks"),
    "from_array": (1, "chunks"),
    "from_pandas": (1, "npartitions"),
}
"""Where functions take the same without a keyword."""

_SHAPES = ("shape", "size")
"""Keywords for the lengths of a whole array, which is the first argument else."""

_POWER = 64
"""Base and exponent up to which a power is worked out: no length is longer."""

_BAGS = {"db", "bag", "from_sequence", "read_text"}
_FRAMES = {"dd", "dataframe", "read_parquet", "read_csv", "from_pandas", "map_partitions"}
_CALLS = {"delayed", "submit", "map"}


@dataclass(frozen=True, kw_only=True)
class _Said:
    """A place where the cell says how its data are cut."""

    node: ast.Call
    """Where it is said."""

    call: str
    """The function, as the cell calls it."""

    name: str
    """The keyword."""

    value: ast.expr
    """What is said."""

    shape: tuple[object, ...]
    """Lengths of the whole array; empty where the call does not say them."""


def resized(
    code: str,
    factor: float,
    *,
    prefix: str = "",
    parts: int = 0,
    collections: Sequence[Partitioned] = (),
    line: str = "",
    stores: Sequence[StoreReads] = (),
) -> str:
    """Return how to cut the data of a cell into parts so many times as large.

    Parameters
    ----------
    code
        The cell.
    factor
        How many times as large each part is to be; below 1 for smaller ones.
    prefix
        Of the tasks; that of a call is the name of the function.
    parts
        How many there are now.
    collections
        What the cell uses. It is changed where the cell has no number, if it has so many parts.
    line
        What is written in the line of the cell that it is about. What this does not build on is
        left as it is.
    stores
        What is read from stores. Chunks of what is read in such pieces become multiples of the
        store's.

    Returns
    -------
    str
        A clause in the imperative, with code where the cell has a number to change.
    """
    size = f"about {_times(factor)} times larger" if factor > 1 else _smaller(factor)
    tree = parsed(code)
    known = _numbers(tree)
    about = behind(code, line)
    for said in _places(tree, known):
        if about is not None and not about.has(said.node):
            continue
        new = _changed(said, factor, known, stores)
        if new:
            now = ast.unparse(said.value)
            return f"use {said.name}={new} instead of {now} in {said.call}"
    alike = [
        each
        for each in collections
        if each.parts == parts and (about is None or each.name in about.names)
    ]
    if alike:
        return _other_parts(alike[-1], factor, stores)
    names = _names(tree)
    if names & _BAGS:
        return f"make partitions {size}, by npartitions=... where the bag is made"
    if names & _CALLS and not names & {"map_blocks", "map_partitions"}:
        if factor < 1:
            return f"make what each task does {size}, so that there are more tasks"
        function = prefix if prefix in names else "function"
        batch = f"lambda batch: [{function}(each) for each in batch]"
        call = f"client.map({batch}, batches)"
        if not names & {"submit", "map"}:
            call = f"delayed({batch})(batch)"
        return f"give each call a batch of about {math.ceil(factor)} inputs, {call}"
    if names & _FRAMES:
        return f"make partitions {size}, by df.repartition(npartitions=...)"
    return f"make chunks {size}, where they are made or by .rechunk(...)"


def _other_parts(found: Partitioned, factor: float, stores: Sequence[StoreReads]) -> str:
    """Return how to cut a collection into parts so many times as large."""
    if found.kind != "array":
        parts = max(1, round(found.parts / factor))
        return (
            f"use npartitions={parts} instead of {found.parts} where {found.name} is made, or"
            f" {found.name} = {found.name}.repartition(npartitions={parts})"
        )
    new_chunks = of_stores(scaled(found.chunks, found.shape, factor), found.chunks, stores)
    if found.dims:
        both = (found.chunks, new_chunks)
        now, new = (repr(dict(zip(found.dims, each, strict=True))) for each in both)
        way = f"{found.name} = {found.name}.chunk({new})"
    else:
        now, new = str(found.chunks), str(new_chunks)
        way = f"{found.name} = {found.name}.rechunk({new})"
    if factor > 1:  # to join small chunks takes tasks for each of them
        return f"use chunks={new} instead of {now} where {found.name} is made"
    return f"use chunks={new} instead of {now} where {found.name} is made, or {way}"


def _times(factor: float) -> str:
    return f"{factor:.0f}" if factor >= 2 else f"{factor:.1f}"


def _smaller(factor: float) -> str:
    parts = math.ceil(1 / factor)
    return f"at least {parts} times smaller"


def _numbers(tree: ast.AST) -> dict[str, object]:
    """Return the names that the cell gives a number, or several, with these."""
    known: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = _literal(node.value, {})
            if value is not None:
                known[node.targets[0].id] = value
    return known


def _places(tree: ast.AST, known: Mapping[str, object]) -> Iterator[_Said]:
    """Yield where the cell says how its data are cut."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        call = ast.unparse(node.func)
        found = {
            each.arg: each.value for each in node.keywords if each.arg in _BY_SIZE + _BY_NUMBER
        }
        place, name = _POSITIONS.get(call.rpartition(".")[2], (-1, ""))
        if 0 <= place < len(node.args):
            found[name] = node.args[place]
        shapes = [each.value for each in node.keywords if each.arg in _SHAPES] or node.args[:1]
        whole = _literal(shapes[0], known) if shapes and place else None
        shape = (whole,) if isinstance(whole, int) else _lengths(whole)
        for keyword, value in found.items():
            yield _Said(node=node, call=_short(call), name=str(keyword), value=value, shape=shape)


def _short(call: str) -> str:
    """Return a function without the calls that made what it is a method of."""
    return call if call.replace(".", "").isidentifier() else f".{call.rpartition('.')[2]}"


def _changed(
    said: _Said, factor: float, known: Mapping[str, object], stores: Sequence[StoreReads]
) -> str:
    """Return as code what is to be said instead; empty where it is not said in numbers."""
    value = _literal(said.value, known)
    if said.name in _BY_SIZE[1:] + _BY_NUMBER:
        if not isinstance(value, int) or value < 1:
            return ""
        new = round(value / factor if said.name in _BY_NUMBER else value * factor)
        return str(max(1, new)) if new != value else ""
    if isinstance(value, dict):
        lengths = scaled(tuple(value.values()), (), factor)
        return repr(dict(zip(value, lengths, strict=True))) if lengths else ""
    alone = isinstance(value, int)
    # A single length stands for every axis, of which images have two.
    axes = (len(said.shape) or 2) if alone else 0
    now = (value,) * axes if alone else _lengths(value)
    lengths = of_stores(scaled(now, said.shape, factor), now, stores)
    if not lengths or lengths == now:
        return ""
    if alone and len(set(lengths)) == 1:
        return str(lengths[0])
    return f"({', '.join(map(str, lengths))}{',' * (len(lengths) == 1)})"


def _lengths(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, tuple | list) else ()


def _literal(value: ast.expr, known: Mapping[str, object]) -> object:
    """Return what is written as numbers, in tuples or dicts; None for anything else."""
    match value:
        case ast.Constant(value=int() | str() | None as constant):
            return constant
        case ast.Name(id=name):
            return known.get(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = _literal(operand, known)
            return -number if isinstance(number, int) else None
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _literal(left, known), _literal(right, known)
            if isinstance(one, int) and isinstance(other, int):
                return _result(one, op, other)
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(_literal(each, known) for each in items)
        case ast.Dict(keys=keys, values=values) if all(keys):
            names = [_literal(each, known) for each in keys if each is not None]
            return dict(zip(names, (_literal(each, known) for each in values), strict=True))
    return None


def _result(one: int, op: ast.operator, other: int) -> int | None:
    match op:
        case ast.Mult():
            return one * other
        case ast.FloorDiv() if other:
            return one // other
        case ast.Pow() if 0 <= other <= _POWER and abs(one) <= _POWER:
            return int(one**other)
    return None


def _names(tree: ast.AST) -> set[str]:
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return found | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
