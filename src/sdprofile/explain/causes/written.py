"""How the cell says into how many parts dask cuts its data, and how to say it otherwise."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator


def resized(code: str, factor: float) -> str:
    """Return how to cut the data of a cell into parts so many times as large.

    Parameters
    ----------
    code
        The cell.
    factor
        How many times as large each part is to be; below 1 for smaller ones.

    Returns
    -------
    str
        A clause in the imperative, with code where the cell has a number to change.
    """
    size = f"about {_times(factor)} times larger" if factor > 1 else _smaller(factor)
    tree = _parsed(code)
    for call, keyword in _keywords(tree):
        if keyword.arg == "chunks" and (new := _scaled(keyword.value, factor)):
            return f"use chunks={new} instead of {ast.unparse(keyword.value)} in {call}"
        if keyword.arg == "npartitions" and (parts := _number(keyword.value)):
            return f"use npartitions={max(1, round(parts / factor))} instead of {parts} in {call}"
    names = _names(tree)
    if names & {"delayed", "submit", "map"} and not names & {"map_blocks", "map_partitions"}:
        return f"make what each task does {size}, as by giving each call a batch of inputs"
    if names & {"dd", "dataframe", "read_parquet", "read_csv", "from_pandas", "map_partitions"}:
        return f"make partitions {size}, by df.repartition(npartitions=...)"
    return f"make chunks {size}, where they are made or by .rechunk(...)"


def _times(factor: float) -> str:
    return f"{factor:.0f}" if factor >= 2 else f"{factor:.1f}"


def _smaller(factor: float) -> str:
    parts = math.ceil(1 / factor)
    return f"at least {parts} times smaller"


def _parsed(code: str) -> ast.AST:
    try:
        return ast.parse(code)
    except SyntaxError:  # magics
        return ast.Module(body=[], type_ignores=[])


def _keywords(tree: ast.AST) -> Iterator[tuple[str, ast.keyword]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in ("chunks", "npartitions"):
                    yield ast.unparse(node.func), keyword


def _names(tree: ast.AST) -> set[str]:
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return found | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _scaled(value: ast.expr, factor: float) -> str:
    """Return lengths that make chunks so many times as large; empty if they are no numbers."""
    try:
        lengths = ast.literal_eval(value)
    except ValueError:
        return ""
    alone = isinstance(lengths, int)
    every = (lengths,) if alone else tuple(lengths) if isinstance(lengths, tuple | list) else ()
    if not every or not all(isinstance(each, int) for each in every):
        return ""
    axes = [axis for axis, length in enumerate(every) if length > 1] or [len(every) - 1]
    # A single length stands for every axis, of which images have two.
    along = factor ** (1 / (2 if alone else len(axes)))
    new = tuple(
        max(1, _round(length * along)) if axis in axes else length
        for axis, length in enumerate(every)
    )
    return str(new[0]) if alone else f"({', '.join(map(str, new))}{',' * (len(new) == 1)})"


def _number(value: ast.expr) -> int:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, int) else 0


def _round(length: float) -> int:
    """Return a length with two digits that are not zero."""
    digits = max(0, math.floor(math.log10(max(length, 1))) - 1)
    return int(round(length, -digits))
