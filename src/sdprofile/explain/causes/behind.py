"""What a line of the cell builds on: names that it uses, and code that gives them values."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Behind:
    """The code behind a line, as far as it is in the cell."""

    names: Set[str]
    """Names that it uses, and those that these were made from."""

    nodes: tuple[ast.AST, ...]
    """The line's own statement, and those that gave the names their values."""

    def has(self, node: ast.expr) -> bool:
        """Whether a part of the cell is within the code."""
        every = (each for one in self.nodes for each in ast.walk(one))
        return any(_span(each) == _span(node) for each in every if isinstance(each, ast.expr))


def behind(code: str, text: str) -> Behind | None:
    """Return what is behind a line.

    Parameters
    ----------
    code
        The cell.
    text
        What is written in the line, from its beginning, without the spaces before it.

    Returns
    -------
    Behind or None
        None where the cell has no such line.
    """
    tree = parsed(code)
    lines = [n for n, line in enumerate(code.splitlines(), 1) if text and _is(line, text)]
    own: list[ast.AST] = [found for line in lines if (found := _statement(tree, line)) is not None]
    if not own:
        return None
    given = list(_given(tree))
    nodes, names = own, set[str]()
    while True:
        names |= {
            each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)
        }
        more = [node for name, node in given if name in names and node not in nodes]
        if not more:
            return Behind(names=names, nodes=tuple(nodes))
        nodes = [*nodes, *dict.fromkeys(more)]


def parsed(code: str) -> ast.AST:
    """Return code as a tree; an empty one where it has magics."""
    try:
        return ast.parse(code)
    except SyntaxError:  # magics
        return ast.Module(body=[], type_ignores=[])


def _span(node: ast.expr) -> tuple[int, int, int | None, int | None]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _is(line: str, text: str) -> bool:
    return line.strip() == text or (len(text) > 1 and line.strip().startswith(text))


def _statement(tree: ast.AST, line: int) -> ast.stmt | None:
    """Return the innermost statement that has this line."""
    having = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return max(having, key=lambda node: (node.lineno, -(node.end_lineno or 0)), default=None)


def _given(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield names with the code that gives them a value."""
    for node in ast.walk(tree):
        targets: list[ast.AST] = []
        value = node
        match node:
            case ast.Assign():
                targets = [*node.targets]
            case ast.AugAssign() | ast.AnnAssign() | ast.NamedExpr():
                targets = [node.target]
            case ast.For(target=target, iter=iterable):
                targets, value = [target], iterable
            case ast.withitem(optional_vars=ast.AST() as variable):
                targets = [variable]
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node
        for one in targets:
            for each in ast.walk(one):
                if isinstance(each, ast.Name):
                    yield each.id, value
