"""A line of code as the user wrote it, where IPython has turned its magics into calls."""

from __future__ import annotations

import ast
import linecache

_SHELL = "get_ipython"
_MAGICS = {"run_line_magic": "%", "run_cell_magic": "%%"}
_COMMANDS = {"system": "!", "getoutput": "!"}
"""Methods of the shell that IPython has called, and what stands for them in a cell."""


def line_written(file: str, line: int) -> str:
    """Return what is written in a line of a file, or of a cell; empty where it is not known."""
    return as_written(linecache.getline(file, line).strip())


def as_written(text: str) -> str:
    """Return a line of a cell with its magics and commands as the user wrote them.

    Notes
    -----
    What IPython makes of them: https://ipython.readthedocs.io/en/stable/config/inputtransforms.html

    Examples
    --------
    >>> as_written("get_ipython().run_line_magic('time', 'drive(1)')")
    '%time drive(1)'
    """
    if f"{_SHELL}()." not in text:
        return text
    try:
        tree = ast.parse(text)
    except SyntaxError:  # one of several lines of a statement
        return text
    written = text.encode()
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda node: -node.col_offset):
        magic = _magic(call)
        if magic and call.lineno == call.end_lineno == 1:
            before, after = written[: call.col_offset], written[call.end_col_offset :]
            written = before + magic.encode() + after
    return written.decode()


def _magic(call: ast.Call) -> str:
    """Return what stands for a call in a cell; empty for another call."""
    match call.func:
        case ast.Attribute(value=ast.Call(func=ast.Name(id=name)), attr=method) if name == _SHELL:
            given = [each.value for each in call.args if isinstance(each, ast.Constant)]
            words = [each for each in given if isinstance(each, str)]
            if method in _COMMANDS and words:
                return f"{_COMMANDS[method]}{words[0]}"
            if method in _MAGICS and len(words) > 1:
                return f"{_MAGICS[method]}{' '.join(words[:2])}".rstrip()
    return ""
