"""The names of a piece of code, what they stand for, and where they got it."""

from __future__ import annotations

import functools
import linecache
from types import CodeType

from sdprofile.spatial.scope import Scope, scope_of

SOURCE = """
image = make("one", 3)
for index in range(3):
    image = change(image, lambda block: block + offset)
def helper():
    return other["two"]
"""


def compiled(source: str) -> CodeType:
    return compile(source, "cell", "exec")


def test_names_are_looked_up_when_they_are_asked_for() -> None:
    namespace: dict[str, object] = {"offset": 1, "unused": 2}
    scope = Scope([compiled(SOURCE)], namespace)
    assert scope.values() == {"offset": 1}
    namespace |= {"other": 5, "image": 3, "helper": 4}
    assert scope.values() == {"image": 3, "helper": 4, "offset": 1, "other": 5}


def test_strings_and_lines() -> None:
    scope = Scope([compiled(SOURCE)], {})
    assert {"one", "two"} <= scope.strings
    assert [scope.line(name) for name in ("image", "index", "helper", "other")] == [4, 3, 5, None]


def test_lines_of_functions_have_their_text() -> None:
    for file, source in (("cell", SOURCE), ("earlier", "def other():\n    return 7\n")):
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, object] = {}
    exec(compile("def other():\n    return 7\n", "earlier", "exec"), namespace)
    scope = Scope([compiled(SOURCE)], namespace)
    assert scope.text("helper", 6) == 'return other["two"]'
    assert scope.text("<lambda>", 4) == "image = change(image, lambda block: block + offset)"
    assert scope.text("other", 2) == "return 7"
    assert [scope.text("helper", 99), scope.text("other", 99), scope.text("nowhere", 1)] == [""] * 3


GLOBAL = 7


def test_scope_of_a_function_has_what_it_closes_over() -> None:
    inside = 3

    def work() -> int:
        return inside + GLOBAL + missing

    scope = scope_of(work)
    assert scope is not None
    assert scope.values() == {"inside": 3, "GLOBAL": 7}
    if inside < 0:
        missing = 1


def test_what_is_not_written_in_python_has_no_scope() -> None:
    assert scope_of(functools.partial(print)) is None
    assert scope_of(dict) is None
