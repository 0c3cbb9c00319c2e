"""Which names a piece of code uses, and what they stand for."""

from __future__ import annotations

import dis
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType

from sdprofile.spatial.written import line_written

_BINDS = ("STORE_NAME", "STORE_GLOBAL", "STORE_FAST", "STORE_DEREF")
"""Instructions that give a name its value."""


class Scope:
    """The names that some code uses, with their values in its namespace."""

    def __init__(self, codes: Sequence[CodeType], namespace: Mapping[str, object]) -> None:
        """Remember code and namespace.

        Parameters
        ----------
        codes
            Compiled code.
        namespace
            Where its names are looked up, whenever `values` is called.
        """
        nested = [each for code in codes for each in _nested(code)]
        names = (name for code in nested for name in (*code.co_names, *code.co_freevars))
        self._names = tuple(dict.fromkeys(names))
        self.namespace = namespace
        """Where its names are looked up."""
        self._lines = {
            each.argval: each.positions.lineno
            for code in nested
            for each in dis.get_instructions(code)
            if each.opname in _BINDS and each.positions
        }
        self._codes = nested
        self.strings = {each for code in nested for each in code.co_consts if isinstance(each, str)}
        """The strings that are written in the code."""

    def values(self) -> dict[str, object]:
        """Return the names that are bound now, in the order in which they come in the code."""
        return {name: self.namespace[name] for name in self._names if name in self.namespace}

    def line(self, name: str) -> int | None:
        """Return the last line that gives a name its value; None if none does."""
        return self._lines.get(name)

    def text(self, function: str, line: int) -> str:
        """Return what is written in a line of a function, of the code or of the namespace.

        Empty where there is none of that name with such a line.
        """
        value = self.namespace.get(function)
        named = _nested(value.__code__) if isinstance(value, FunctionType) else ()
        for code in (*self._codes, *named):
            if code.co_name == function and line in {each for *_, each in code.co_lines()}:
                return line_written(code.co_filename, line)
        return ""


def scope_of(work: Callable[[], object]) -> Scope | None:
    """Return the scope of a function; None for what is not written in Python."""
    if not isinstance(work, FunctionType):
        return None
    closed = {
        name: cell.cell_contents
        for name, cell in zip(work.__code__.co_freevars, work.__closure__ or (), strict=True)
        if _is_filled(cell)
    }
    return Scope([work.__code__], ChainMap(closed, work.__globals__))


def _is_filled(cell: object) -> bool:
    try:
        cell.cell_contents  # type: ignore[attr-defined] # noqa: B018 - raises where it is empty
    except ValueError:
        return False
    return True


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _nested(each)
