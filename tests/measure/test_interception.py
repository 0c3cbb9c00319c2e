"""A function is stood in for under every name that leads to it, and is then as it was."""

from __future__ import annotations

import functools
import inspect
import pickle
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest

from sdprofile.measure.interception import stood_in


def plain(x: int, y: int = 1, *more: int, z: int = 2, **rest: int) -> Any:
    """Return the arguments."""
    return x, y, more, z, rest


def with_closure() -> FunctionType:
    one, two = 1, 2

    def inner(x: int = 0) -> int:
        return x + one + two

    return inner


@functools.singledispatch
def dispatched(x: object) -> str:
    return "object"


@dispatched.register
def _(x: int) -> str:
    return "int"


@functools.wraps(plain)
def wrapper(*args: Any, **kwargs: Any) -> Any:
    return plain(*args, **kwargs)


class Owner:
    """Has methods."""

    def method(self, x: int) -> int:
        return x

    @classmethod
    def build(cls, x: int) -> tuple[str, int]:
        return cls.__name__, x


closure = with_closure()
early, partial_, in_dict = plain, functools.partial(plain, 1), {"f": plain}
bound = Owner().method


class Heard(list[Any]):
    """Notes the arguments of each call."""

    def __call__(self, original: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.append((args, kwargs))
        return original(*args, **kwargs)


CALLS: list[tuple[Any, Callable[[], Any], Any]] = [
    (plain, lambda: early(1), (1, 1, (), 2, {})),
    (plain, lambda: partial_(3, 4, z=5, a=6), (1, 3, (4,), 5, {"a": 6})),
    (plain, lambda: in_dict["f"](1), (1, 1, (), 2, {})),
    (closure, lambda: closure(4), 7),
    (closure, lambda: closure(), 3),
    (dispatched, lambda: dispatched(1), "int"),
    (dispatched, lambda: dispatched("x"), "object"),
    (wrapper, lambda: wrapper(1), (1, 1, (), 2, {})),
    (Owner.method, lambda: bound(5), 5),
    (Owner.build.__func__, lambda: Owner.build(x=5), ("Owner", 5)),  # type: ignore[attr-defined]
]


@pytest.mark.parametrize(("function", "call", "expected"), CALLS)
def test_every_call_is_heard_and_gives_what_it_gave(
    function: FunctionType, call: Callable[[], Any], expected: Any
) -> None:
    heard = Heard()
    code, attributes = function.__code__, dict(vars(function))

    with stood_in([(function, heard)]):
        assert call() == expected
        assert len(heard) == 1

    assert call() == expected
    assert len(heard) == 1
    assert function.__code__ is code
    assert vars(function) == attributes


def test_function_looks_as_ever_meanwhile() -> None:
    functions = [plain, closure, wrapper, Owner.method, dispatched]
    signatures = [inspect.signature(each) for each in functions]
    with stood_in([(each, Heard()) for each in functions]):
        assert [inspect.signature(each) for each in functions] == signatures
        assert plain.__doc__ == "Return the arguments."
        assert pickle.loads(pickle.dumps(plain)) is plain
        code = plain.__code__
        assert (code.co_name, code.co_filename) == ("plain", __file__)


def test_function_is_as_it_was_after_an_error() -> None:
    code = plain.__code__
    with pytest.raises(KeyboardInterrupt), stood_in([(plain, Heard())]):
        raise KeyboardInterrupt
    assert plain.__code__ is code

    with stood_in([(plain, Heard())]), pytest.raises(TypeError, match=r"plain\(\) missing 1"):
        plain()


def test_frames_that_stand_in_are_hidden() -> None:
    with stood_in([(dispatched, Heard())]), pytest.raises(TypeError) as caught:
        dispatched()
    frames = [entry.frame for entry in caught.traceback[1:3]]
    assert [frame.f_locals.get("__tracebackhide__") for frame in map(_raw, frames)] == [True] * 2


def _raw(frame: Any) -> Any:
    return frame.raw
