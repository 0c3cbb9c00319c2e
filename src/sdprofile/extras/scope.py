"""Which names a piece of code uses, and what they stand for."""

from __future__ import annotations

import dis
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType


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
        self._codes = [each for code in codes for each in _nested(code)]
        self._namespace = namespace

    def values(self) -> dict[str, object]:
        """Return the names that are bound now, in the order in which they come in the code."""
        names = [name for code in self._codes for name in (*code.co_names, *code.co_freevars)]
        found = dict.fromkeys(names)
        return {name: self._namespace[name] for name in found if name in self._namespace}

    def strings(self) -> set[str]:
        """Return the strings that are written in the code."""
        return {each for code in self._codes for each in code.co_consts if isinstance(each, str)}

    def line(self, name: str) -> int | None:
        """Return the last line that gives a name its value; None if none does."""
        lines = [
            each.positions.lineno
            for code in self._codes
            for each in dis.get_instructions(code)
            if each.opname.startswith("STORE_") and each.argval == name and each.positions
        ]
        return lines[-1] if lines else None


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
