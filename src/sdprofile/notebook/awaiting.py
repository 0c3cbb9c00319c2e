"""Puts ``await`` before the magic where a cell or a line awaits something itself."""

from __future__ import annotations

import ast
import contextlib
import inspect
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sdprofile.errors import SdprofileError
from sdprofile.options.options import Options

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_MAGIC = "sdprofile"
_KINDS = ("run_cell_magic", "run_line_magic")
"""What IPython turns a magic into: a call of this method of the shell."""

_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class AwaitsMagic:
    """What IPython calls with each cell, once it has turned magics into calls.

    IPython runs a cell on a loop if there is ``await`` in what it has made of the cell, and cannot
    see that there is one in the text that a magic gets.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        """Prepare; `register` has it called."""
        self._shell = shell

    def register(self) -> None:
        """Have it called from now on."""
        self._shell.input_transformers_post.append(self)

    def unregister(self) -> None:
        """Have it called no more."""
        with contextlib.suppress(ValueError):
            self._shell.input_transformers_post.remove(self)

    def __eq__(self, other: object) -> bool:
        """Whether this is the one of the same shell."""
        return isinstance(other, AwaitsMagic) and other._shell is self._shell

    def __hash__(self) -> int:
        """Return what is the same for the same shell."""
        return hash((AwaitsMagic, id(self._shell)))

    def __call__(self, lines: list[str]) -> list[str]:
        """Return the lines of a cell, with ``await`` before each magic that has to be awaited."""
        text = "".join(lines)
        if f"'{_MAGIC}'" not in text or not _may_await(text):
            return lines
        try:
            tree = ast.parse(text)
        except SyntaxError:
            return lines
        found = [call for call in _magics(tree) if self._is_awaited(call)]
        encoded = [line.encode() for line in lines]  # a column counts bytes
        for call in sorted(found, key=lambda call: -call.col_offset):
            line, column = encoded[call.lineno - 1], call.col_offset
            encoded[call.lineno - 1] = line[:column] + b"await " + line[column:]
        return [line.decode() for line in encoded]

    def _is_awaited(self, call: ast.Call) -> bool:
        source = str(getattr(call.args[-1], "value", ""))
        if len(call.args) == 2:  # a line: options, then the statement
            try:
                _, source = Options.parse(source)
            except SdprofileError:
                return False
        return awaits(self._shell, source)


def awaits(shell: InteractiveShell, source: str) -> bool:
    """Whether code awaits something at its top level, and is to be run by IPython's loop.

    Parameters
    ----------
    shell
        Whose magics may be in it, and who may be told not to (``%autoawait off``).
    source
        As it is written in a cell.
    """
    if not shell.autoawait or not _may_await(source):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the cell will give them
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            code = compile(shell.transform_cell(source), "<cell>", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return bool(code.co_flags & inspect.CO_COROUTINE)


def _may_await(text: str) -> bool:
    return "await" in text or "async" in text


def _magics(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of our magic that are no part of a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call) and _is_magic(node):
            yield node
        elif not isinstance(node, _OWN_SCOPE):
            yield from _magics(node)


def _is_magic(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", "")
    first = getattr(call.args[0], "value", "") if call.args else ""
    return name in _KINDS and first == _MAGIC
