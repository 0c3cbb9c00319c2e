"""Variables that a profile sets to one value after another: how they are written and named."""

from __future__ import annotations

import ast
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard

from sdprofile.errors import SdprofileError, shown
from sdprofile.options.values import variable

Variations = tuple[tuple[str, tuple[str, ...]], ...]
"""Names of variables, each with its values as they are written."""

_EXPECTED = "expected a variable and its values like chunk=500,1000"
_LONGEST = 40
"""Characters of a value's name."""


def variations(value: object) -> Variations:
    """Return names of variables with their values, each value once, in their order.

    Parameters
    ----------
    value
        A text such as ``chunk=500,1000``, whose values are Python expressions, several of them, or
        what this function has returned.
    """
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Sequence) or not items:
        raise SdprofileError(f"{_EXPECTED}, got {shown(value)}")
    found: dict[str, tuple[str, ...]] = {}
    for item in items:
        if isinstance(item, str):
            name, texts = _read(item)
        elif _is_read(item):
            name, texts = variable(item[0]), item[1]
        else:
            raise SdprofileError(f"{_EXPECTED}, got {shown(value)}")
        if name in found:
            raise SdprofileError(f"expected each variable once, got {name} twice")
        found[name] = tuple(dict.fromkeys(texts))
    return tuple(found.items())


def named_values(vary: Mapping[str, Iterable[object]]) -> dict[str, dict[str, object]]:
    """Return the values of variables, each under what to call it.

    Parameters
    ----------
    vary
        The values of each variable.

    Raises
    ------
    SdprofileError
        If it is no mapping of names to at least one value each.

    Examples
    --------
    >>> named_values({"chunk": (500, "auto")})
    {'chunk': {'500': 500, "'auto'": 'auto'}}
    """
    if not isinstance(vary, Mapping):
        raise SdprofileError(f"vary: expected values by name, got {shown(vary)}")
    found: dict[str, dict[str, object]] = {}
    for name, values in vary.items():
        several = isinstance(values, Iterable) and not isinstance(values, str)
        for value in values if several else ():
            texts = found.setdefault(variable(name), {})
            text = _called(value)
            unlike = f"{text} ({len(texts) + 1})"
            texts[text if text not in texts else unlike] = value
        if name not in found:
            raise SdprofileError(f"vary: expected several values of {name}, got {shown(values)}")
    return found


def _read(text: str) -> tuple[str, tuple[str, ...]]:
    name, _, values = text.partition("=")
    try:
        tree = ast.parse(f"({values},)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        tree = None
    if not isinstance(tree, ast.Tuple) or any(isinstance(e, ast.Starred) for e in tree.elts):
        raise SdprofileError(f"{_EXPECTED}, got {shown(text)}")
    source = f"({values},)"
    texts = (ast.get_source_segment(source, each) for each in tree.elts)
    return variable(name.strip()), tuple(text or "" for text in texts)


def _is_read(item: object) -> TypeGuard[tuple[str, tuple[str, ...]]]:
    if not isinstance(item, tuple) or len(item) != 2 or not isinstance(item[1], tuple):
        return False
    return bool(item[1]) and all(isinstance(text, str) for text in item[1])


def _called(value: object) -> str:
    text = " ".join(reprlib.repr(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
