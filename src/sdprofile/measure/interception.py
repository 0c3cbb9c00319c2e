"""Gets between a function and whoever calls it, by whatever name they have it."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

from sdprofile.internals import python

_CALL = "stands for what is called"

Around = Callable[[FunctionType, tuple[Any, ...], dict[str, Any]], object]
"""Gets a function that does what the called one did, and its arguments; returns the result."""


class Line(NamedTuple):
    """A line of the cell, or of a function of the user's."""

    function: str
    """Name of the function; empty for the cell."""

    number: int
    """Its number in its file."""

    file: str
    """Its file, as Python names it."""


def line_of_cell() -> int:
    """Return which line of the cell is being run: of its frame, which sdprofile called.

    Call it in what is called in place of a function. 0 in a thread that the cell has started, and
    for what sdprofile calls itself.
    """
    frames = frames_of_cell(sys._getframe(4))  # beyond those that stand in
    return python.line_of(frames) if frames else 0


def frames_of_cell(frame: FrameType) -> list[FrameType]:
    """Return the frame of the cell, that of what it called, and so on to the one that is given.

    What sdprofile has put in between is left out. Ask only while the cell runs; empty for a frame
    that it has not called.
    """
    every = [frame]
    while (caller := every[-1].f_back) is not None:
        every.append(caller)
    ours = [_is_ours(each) for each in every]
    cells = [place for place in range(len(every) - 1) if ours[place + 1] and not ours[place]]
    # What stands in for a function has its name, and calls what is ours. We call some, too.
    if not cells or (cells[-1] and ours[cells[-1] - 1]):
        return []
    called = [
        every[place]
        for place in range(cells[-1] - 1, -1, -1)
        if not ours[place] and not (place and ours[place - 1])
    ]
    return [every[cells[-1]], *called]


def lines_of(frames: Sequence[FrameType]) -> tuple[Line, ...]:
    """Return the line of the cell, and that of the innermost of the user's functions, if any runs.

    Parameters
    ----------
    frames
        As `frames_of_cell` returns them.
    """
    if not frames:
        return ()
    cell, *called = frames
    lines = [Line(function="", number=python.line_of(frames), file=cell.f_code.co_filename)]
    users = [place for place, frame in enumerate(called) if python.is_users(frame)]
    if users:
        inner = called[users[-1] :]
        code = inner[0].f_code
        number = python.line_of(inner)
        lines.append(Line(function=code.co_name, number=number, file=code.co_filename))
    return tuple(lines)


def _is_ours(frame: FrameType) -> bool:
    caller: FrameType | None = frame
    while caller is not None and caller.f_globals.get("__name__") == "runpy":
        caller = caller.f_back  # by which we run a script
    if caller is None:
        return False
    names = caller.f_globals
    # ``python -m sdprofile`` is in the package, but not by its name.
    is_named = str(names.get("__name__")).startswith("sdprofile.")
    return is_named or names.get("__package__") == "sdprofile"


@contextlib.contextmanager
def stood_in(functions: Iterable[tuple[FunctionType, Around]]) -> Iterator[None]:
    """Have something else called in place of functions, until the context ends.

    Parameters
    ----------
    functions
        Each with what is called in its place.

    Notes
    -----
    The function's ``__code__`` is exchanged, so it is the same object as ever: a name that was
    imported before, a partial, a method, an entry of a dict all lead to it, and it is pickled by
    its name. A worker, being another process, has the function as it was.
    """
    with contextlib.ExitStack() as stack:
        for function, around in functions:
            stack.enter_context(_stood_in(function, around))
        yield


@contextlib.contextmanager
def _stood_in(function: FunctionType, around: Around) -> Iterator[None]:
    code = python.CODE.get(function)
    if code is None:
        yield
        return
    original = FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__
    original.__qualname__ = function.__qualname__

    def call(*args: Any, **kwargs: Any) -> object:
        __tracebackhide__ = True  # IPython's word for a frame that is not shown
        return around(original, args, kwargs)

    # Who asks for the signature shall not see that of the stand-in.
    signed = "__signature__" not in vars(function) and not hasattr(function, "__wrapped__")
    if signed:
        function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    template = _template(len(code.co_freevars))
    calling = template.replace(
        co_consts=tuple(call if each == _CALL else each for each in template.co_consts),
        co_filename=code.co_filename,
        co_firstlineno=code.co_firstlineno,
        co_name=code.co_name,
        co_qualname=code.co_qualname,
    )
    try:
        with python.exchanged_code(function, calling):
            yield
    finally:
        if signed:
            del function.__signature__  # type: ignore[attr-defined]


@functools.cache
def _template(free: int) -> CodeType:
    """Return the code of a function that only calls, for a closure of this size."""
    names = ", ".join(f"free{number}" for number in range(free))
    source = f"""
def outer({names}):
    def stand_in(*args, **kwargs):
        __tracebackhide__ = True
        call = {_CALL!r}
        return call(*args, **kwargs)
        {names}
"""
    code = compile(source, __file__, "exec")
    for _ in ("outer", "stand_in"):
        [code] = [each for each in code.co_consts if isinstance(each, CodeType)]
    return code
