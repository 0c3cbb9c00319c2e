"""Lines of text in which neither a word nor code is broken."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

_CODE = re.compile(
    r"(?<![\w-])--?[a-z][a-z-]*(?:[ =]\d(?:[\w.,]*\w)?)?"
    r"|(?<![\w.])\.?[A-Za-z_][\w.]*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
)
"""An option with its number, or a call with brackets up to three deep."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ASCII = str.maketrans({"±": "+-", "–": "-", "─": "-"})

_JOINT = "\0"
"""In place of the blanks in code while lines are broken; no text that is shown has it."""


def wrap(text: str, width: int, start: str = "", indent: str = "") -> list[str]:
    """Return text as lines.

    Parameters
    ----------
    text
        Without control characters.
    width
        Characters that a line may have.
    start, indent
        What the first line begins with, and all others.

    Returns
    -------
    list of str
        None is longer than the width: only what alone is longer than a line is broken.
    """
    most = width - max(len(start), len(indent))
    joined = "".join(
        piece.replace(" ", _JOINT) if is_code else piece for piece, is_code in code_in(text, most)
    )
    lines = textwrap.wrap(
        joined, width, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False
    )
    return [line.replace(_JOINT, " ") for line in lines]


def code_in(text: str, most: int) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text, each with whether it is code that is to stay on one line.

    Parameters
    ----------
    text
        Any text.
    most
        Characters from which code is too long for a line.

    Examples
    --------
    >>> list(code_in("Use --memory 2GB", 40))
    [('Use ', False), ('--memory 2GB', True)]
    """
    upto = 0
    for found in _CODE.finditer(text):
        if len(found[0]) <= most:
            yield from [(text[upto : found.start()], False)] if found.start() > upto else []
            yield found[0], True
            upto = found.end()
    if upto < len(text):
        yield text[upto:], False


def cut(text: str, most: int) -> str:
    """Return text of which the middle is left out if it is too long."""
    if len(text) <= most:
        return text
    kept = most - len("...")
    return f"{text[: kept - kept // 2]}...{text[-(kept // 2) :]}"


def clean(text: str, *, ascii_only: bool = False) -> str:
    """Return text without control characters."""
    # A message may come from an exception or a file; a terminal would obey what is in it.
    text = _CONTROL.sub(" ", text)
    if ascii_only:
        text = text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
    return text
