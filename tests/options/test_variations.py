"""What is varied is read as it is written, and named by it."""

from __future__ import annotations

import pytest

from sdprofile.errors import SdprofileError
from sdprofile.options.options import Options
from sdprofile.options.variations import named_values, variations


def test_values_are_expressions_kept_as_they_are_written() -> None:
    assert variations("chunk=500,1000") == (("chunk", ("500", "1000")),)
    assert variations("shape=(1, 500), (1, 1000)") == (("shape", ("(1, 500)", "(1, 1000)")),)
    assert variations("how='a,b',f(x, y=1)") == (("how", ("'a,b'", "f(x, y=1)")),)


def test_each_value_comes_once() -> None:
    assert variations("n=2,1,2") == (("n", ("2", "1")),)


def test_several_variables_and_what_was_read_before() -> None:
    read = variations(["a=1,2", "b=x"])
    assert read == (("a", ("1", "2")), ("b", ("x",)))
    assert variations(read) == read


@pytest.mark.parametrize("text", ["chunk", "chunk=", "chunk=1,,2", "chunk=*a", "chunk=(", "=1", ""])
def test_anything_else_is_told_in_a_line(text: str) -> None:
    with pytest.raises(SdprofileError, match="expected a variable"):
        variations(text)


def test_a_variable_comes_once() -> None:
    with pytest.raises(SdprofileError, match="expected each variable once, got n twice"):
        Options(vary=("n=1", "n=2"))  # type: ignore[arg-type] # as people write it


def test_the_option_may_come_again() -> None:
    options, rest = Options.parse('--vary a=1,2 --vary=\'b="x", "y"\' -r 1 f(a, b)')
    assert options.vary == (("a", ("1", "2")), ("b", ('"x"', '"y"')))
    assert rest == "f(a, b)"
    fragment, candidates = Options.complete("--vary a=1 --va")
    assert (fragment, candidates) == ("--va", ("--vary",))


def test_values_from_python_are_named_by_what_they_are() -> None:
    alike = object(), object()
    named = named_values({"n": (1, "1"), "x": [b"a" * 999], "same": (1, 1.0, 1)})
    assert named["n"] == {"1": 1, "'1'": "1"}
    assert list(named["same"]) == ["1", "1.0", "1 (3)"]
    (name,) = named["x"]
    assert len(name) <= 40
    assert list(named_values({"o": alike})["o"].values()) == list(alike)


@pytest.mark.parametrize("vary", [{"n": 3}, {"n": "abc"}, {"n": ()}, "n=1,2", {"no name": (1,)}])
def test_values_that_are_none_are_told_in_a_line(vary: object) -> None:
    with pytest.raises(SdprofileError, match="expected"):
        named_values(vary)  # type: ignore[arg-type] # on purpose


def test_against_takes_no_grid() -> None:
    for line in ("--vary n=1,2", "--threads 1,2", "--memory 1GB,2GB"):
        with pytest.raises(SdprofileError, match="--against: expected one --memory"):
            Options.parse(f"--against before {line}")
