"""Finds the lines of a session's functions in tracebacks that come from workers."""

from __future__ import annotations

import ast
import contextlib
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import CodeType, FrameType, FunctionType, TracebackType

_NAMELESS = "<dynamic-code>"
"""What cloudpickle gives to all code that it pickles as the name of its file
(`cloudpickle.cloudpickle._code_reduce`)."""


def with_sources(
    error: BaseException, codes: Iterable[CodeType], namespace: Mapping[str, object]
) -> None:
    """Give the frames of functions that went to a worker the names of their files back.

    Parameters
    ----------
    error
        Changed in place, with what caused it.
    codes
        Of the cell.
    namespace
        The user's.

    Notes
    -----
    Of such a frame only the function's name and the line are known. It is looked for in the cell,
    then among the user's functions, then in all cells that IPython remembers. Where several of
    these fit whose line is not the same, none is taken.
    """
    cell = tuple(codes)
    seen: set[int] = set()
    left = [error]
    while left:
        each = left.pop()
        if id(each) not in seen:
            seen.add(id(each))
            each.__traceback__ = _named(each.__traceback__, cell, namespace)
            left += [one for one in (each.__cause__, each.__context__) if one is not None]


def _named(
    traceback: TracebackType | None, cell: tuple[CodeType, ...], namespace: Mapping[str, object]
) -> TracebackType | None:
    links = []
    while traceback is not None:
        links.append(traceback)
        traceback = traceback.tb_next
    named: TracebackType | None = None
    for link in reversed(links):
        frame, lasti = link.tb_frame, link.tb_lasti
        if frame.f_code.co_filename == _NAMELESS:
            code = _code_of(frame.f_code.co_name, link.tb_lineno, cell, namespace)
            if code is not None:
                frame = _frame(code, link.tb_lineno)
                lasti = frame.f_lasti
        # None of the links is changed: whoever else holds the error's frames has them as they were.
        named = TracebackType(named, frame, lasti, link.tb_lineno)
    return named


def _code_of(
    name: str, line: int, cell: tuple[CodeType, ...], namespace: Mapping[str, object]
) -> CodeType | None:
    """Return the code of the function of this name that has this line; None if none can be told."""
    functions = (
        each
        for found in namespace.values()
        for each in (found, *(vars(found).values() if isinstance(found, type) else ()))
        if isinstance(each, FunctionType)
    )
    for codes in (cell, (each.__code__ for each in functions), _cells()):
        fitting = [
            each
            for code in codes
            for each in _within(code)
            if each.co_name == name and any(line == number for *_, number in each.co_lines())
        ]
        if fitting:
            lines = {linecache.getline(each.co_filename, line) for each in fitting}
            return fitting[-1] if len(lines) == 1 else None
    return None


def _cells() -> Iterator[CodeType]:
    """Yield the code of every cell that IPython remembers, as it was compiled."""
    for file, entry in list(linecache.cache.items()):
        # Of a file there is the time of its last change, or a function that reads it.
        if len(entry) == 4 and entry[1] is None:
            with contextlib.suppress(SyntaxError, ValueError):
                flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
                yield compile("".join(entry[2]), file, "exec", flags, dont_inherit=True)


def _within(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _within(each)


def _frame(code: CodeType, line: int) -> FrameType:
    """Return a frame that stands in a line of a function, but has none of its variables."""
    tree = ast.parse("frame()", mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):  # without columns, which would be those of other words
            # Code counts its lines from its first, which is 1 until it is replaced.
            node.lineno = node.end_lineno = line - code.co_firstlineno + 1
            node.col_offset = node.end_col_offset = -1
    stub = compile(tree, code.co_filename, "eval").replace(
        co_name=code.co_name,
        co_qualname=code.co_qualname,
        co_firstlineno=code.co_firstlineno,
    )
    frame: FrameType = eval(stub, {"__name__": "__main__", "frame": sys._getframe})  # noqa: S307
    return frame
