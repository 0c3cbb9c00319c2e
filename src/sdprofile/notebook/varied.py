"""Lets a cell run with one value of a variable after another, also where it sets the variable."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from types import CodeType, FunctionType
from typing import Any

from sdprofile.errors import SdprofileError, one_line
from sdprofile.options.variations import Variations


def without_assignments(body: Sequence[ast.stmt], names: Sequence[str]) -> list[ast.stmt]:
    """Return the statements of a cell without those that set the varied variables.

    Parameters
    ----------
    body
        The cell.
    names
        Variables that are varied.

    Raises
    ------
    SdprofileError
        If a variable is set in another way than once, in a statement of its own, for then nobody
        can tell which value is to be replaced.
    """
    bindings = _Bindings()
    for statement in body:
        bindings.visit(statement)
    dropped = []
    for name in names:
        lines = [line for bound, line in bindings.found if bound == name]
        plain = [statement for statement in body if _sets(statement, name)]
        if len(lines) > 1 or (lines and not plain):
            raise SdprofileError(
                f"--vary {name}: expected a cell that sets {name} once, in a statement of its own,"
                f" or not at all, got one that sets it in line {lines[-1]}"
                " (set another variable from it)"
            )
        dropped += plain
    return [statement for statement in body if statement not in dropped]


def check_named(names: Sequence[str], source: str, namespace: Mapping[str, object]) -> None:
    """Make sure that it can matter what some variables are set to.

    Parameters
    ----------
    names
        Variables that are varied.
    source
        Of the cell.
    namespace
        The user's.

    Raises
    ------
    SdprofileError
        If neither the cell nor any function of the user's names one.
    """
    own = [each for each in namespace.values() if getattr(each, "__module__", "") == "__main__"]
    functions = [
        each
        for found in own
        for each in (found, *(vars(found).values() if isinstance(found, type) else ()))
        if isinstance(each, FunctionType)
    ]
    for name in names:
        used = any(_names_it(each.__code__, name) for each in functions)
        if not used and not re.search(rf"\b{re.escape(name)}\b", source):
            raise SdprofileError(
                f"--vary {name}: expected a variable that the cell uses, got one that it does not"
                f" name (write {name} where its value is to be put in)"
            )


def _names_it(code: CodeType, name: str) -> bool:
    """Whether a function, or one within it, takes a name from outside of it."""
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return name in code.co_names or any(_names_it(each, name) for each in inner)


def evaluated(variations: Variations, namespace: dict[str, Any]) -> dict[str, dict[str, object]]:
    """Return the values of variables, each under what was written for it.

    Parameters
    ----------
    variations
        Names, and expressions of Python.
    namespace
        The user's.

    Raises
    ------
    SdprofileError
        If an expression has no value.
    """
    found: dict[str, dict[str, object]] = {}
    for name, texts in variations:
        values = found.setdefault(name, {})
        for text in texts:
            try:
                values[text] = eval(text, namespace)  # noqa: S307 - of the user's own line
            except Exception as error:
                hint = " (write a text in quotes)" if isinstance(error, NameError) else ""
                raise SdprofileError(
                    f"--vary {name}: expected values, got {text}: {one_line(error)}{hint}"
                ) from error
    return found


def _sets(statement: ast.stmt, name: str) -> bool:
    """Whether a statement is ``name = value`` and no more."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    else:
        return False
    return len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name


class _Bindings(ast.NodeVisitor):
    """Where names get their values in the cell itself, which is not within its functions."""

    def __init__(self) -> None:
        self.found: list[tuple[str, int]] = []

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.found.append((node.id, node.lineno))

    def visit_alias(self, node: ast.alias) -> None:
        name = node.asname or node.name.partition(".")[0]
        self.found.append((name, node.lineno))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.found.append((node.name, node.lineno))
        # What is bound in it is its own, unless it says otherwise.
        inner = list(ast.walk(node))
        ours = {name for each in inner if isinstance(each, ast.Global) for name in each.names}
        for each in inner:
            if isinstance(each, ast.Name) and each.id in ours:
                self.visit_Name(each)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._named(node.name, node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._named(node.name, node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._named(node.name, node)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._named(node.rest, node)

    def _named(self, name: str | None, node: ast.ExceptHandler | ast.pattern) -> None:
        if name is not None:
            self.found.append((name, node.lineno))
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.found.append((node.name, node.lineno))

    # To change the value that was put in is not to set another one.
    def visit_AugAssign(self, node: ast.AugAssign) -> None: ...

    # What is bound in these is their own, but for what := binds.
    def visit_Lambda(self, node: ast.Lambda) -> None: ...

    def visit_ListComp(self, node: ast.expr) -> None:
        for each in ast.walk(node):
            if isinstance(each, ast.NamedExpr):
                self.visit_Name(each.target)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self.visit_ListComp(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self.visit_ListComp(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self.visit_ListComp(node)
