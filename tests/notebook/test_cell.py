"""The names of a cell stand where the notebook shows them."""

from __future__ import annotations

import pickle
import re
import traceback
from collections.abc import Callable, Iterator

import cloudpickle
import pytest
from IPython.core.interactiveshell import InteractiveShell

from sdprofile.errors import SdprofileError
from sdprofile.notebook.cell import Cell, InvalidCellError
from sdprofile.options.variations import variations


@pytest.mark.parametrize(("first_line", "line"), [("%%sdprofile", 3), (None, 2)])
def test_a_syntax_error_is_the_cells_line_and_no_frame(first_line: str | None, line: int) -> None:
    with pytest.raises(InvalidCellError) as caught:
        Cell(InteractiveShell.instance(), "x = 1\ny = = 2", first_line=first_line)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(caught.value._render_traceback_()))
    assert "y = = 2" in shown
    assert f"line {line}" in shown
    assert shown.rstrip().endswith("SyntaxError: invalid syntax")
    assert ".py" not in shown


@pytest.mark.parametrize("source", ["", " \n", "# no code", "\n# no\n# code\n"])
def test_a_cell_without_code_says_where_to_write_it(source: str) -> None:
    with pytest.raises(SdprofileError, match="got an empty cell .write it below"):
        Cell(InteractiveShell.instance(), source, first_line="%%sdprofile")


def lines_of(error: BaseException) -> list[tuple[str, str]]:
    return [(each.name, each.line or "") for each in traceback.extract_tb(error.__traceback__)]


def error_from_a_worker(call: Callable[[], object]) -> BaseException:
    """Return what a function raises when it has been pickled, as an error of a task is."""
    try:
        pickle.loads(cloudpickle.dumps(call))()
    except (ArithmeticError, LookupError) as error:
        return error
    raise AssertionError("it has not raised")


def test_an_error_of_a_task_shows_the_lines_of_the_session(shell: InteractiveShell) -> None:
    shell.run_cell("def old():\n    raise KeyError('old')\nkept = (lambda: [][1],)")
    cell = Cell(shell, "def new():\n    1 / 0\n\nnew", first_line="%%sdprofile")
    with cell.fresh():
        new = cell.run()
    for call, last in (
        (new, ("new", "1 / 0")),
        (shell.user_ns["old"], ("old", "raise KeyError('old')")),
        (shell.user_ns["kept"][0], ("<lambda>", "kept = (lambda: [][1],)")),
    ):
        error = error_from_a_worker(call)
        assert lines_of(error)[-1] == (last[0], "")
        assert lines_of(cell.own_traceback(error))[-1] == last


def test_a_line_is_not_shown_where_it_may_be_of_several_cells(shell: InteractiveShell) -> None:
    shell.run_cell("one = (lambda: [][5],)")
    shell.run_cell("two = (lambda: {}[5],)")
    cell = Cell(shell, "1", first_line="%%sdprofile")
    error = error_from_a_worker(shell.user_ns["one"][0])
    assert lines_of(cell.own_traceback(error))[-1] == ("<lambda>", "")


def test_lines_are_those_of_the_notebook_and_values_those_of_the_last_run() -> None:
    shell = InteractiveShell.instance()
    shell.user_ns["before"] = 4
    cell = Cell(shell, "\nmade = before + 1\n!true\nmade\n", first_line="%%sdprofile")
    with cell.fresh():
        assert cell.run() == 5
    assert {"made": 5, "before": 4}.items() <= cell.scope.values().items()
    assert (cell.scope.line("made"), cell.scope.line("before")) == (3, None)


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """The shell of this process, whose names are then as before."""
    shell = InteractiveShell.instance()
    before = dict(shell.user_ns)
    yield shell
    shell.user_ns.clear()
    shell.user_ns.update(before)


def varied_values(cell: Cell, name: str) -> list[object]:
    """Return what the cell gives with each value of a variable."""
    found = []
    for text in cell.subject.values[name]:
        with cell.fresh():
            found.append(cell.subject.work_with(((name, text),))())
    cell.show()
    return found


@pytest.mark.parametrize(
    "source",
    ["n * factor", "n = 5\nn * factor", "n: int = 5\nn * factor", "n\nf = lambda: n * factor\nf()"],
)
def test_a_variable_has_each_value_and_then_the_one_before(
    shell: InteractiveShell, source: str
) -> None:
    shell.user_ns.update(factor=10, n="before")
    cell = Cell(shell, source, first_line="%%sdprofile", vary=variations("n=1,factor,3"))
    assert varied_values(cell, "n") == [10, 100, 30]
    assert shell.user_ns["n"] == "before"
    del shell.user_ns["n"]
    cell = Cell(shell, source, first_line="%%sdprofile", vary=variations("n=1"))
    varied_values(cell, "n")
    assert "n" not in shell.user_ns


def test_a_value_that_the_cell_changes_starts_anew(shell: InteractiveShell) -> None:
    cell = Cell(shell, "n += 1\nn", first_line="%%sdprofile", vary=variations("n=1,5"))
    assert varied_values(cell, "n") == [2, 6]


def test_a_function_of_the_session_may_name_the_variable(shell: InteractiveShell) -> None:
    shell.run_cell("def f():\n    return chunk + 1")
    cell = Cell(shell, "f()", first_line="%%sdprofile", vary=variations("chunk=1,2"))
    assert varied_values(cell, "chunk") == [2, 3]


def test_names_bound_in_functions_are_their_own(shell: InteractiveShell) -> None:
    source = "def f(n):\n    n = 9\n    return n\n[n for n in (7,)]\nn"
    cell = Cell(shell, source, first_line="%%sdprofile", vary=variations("n=1,2"))
    assert varied_values(cell, "n") == [1, 2]


def test_names_bound_in_async_functions_are_their_own(shell: InteractiveShell) -> None:
    source = "async def f(n):\n    n = 9\n    n = 8\nn"
    cell = Cell(shell, source, first_line="%%sdprofile", vary=variations("n=1,2"))
    assert varied_values(cell, "n") == [1, 2]


def test_a_function_within_a_function_may_name_the_variable(shell: InteractiveShell) -> None:
    shell.run_cell("def f():\n    def g():\n        return chunk\n    return g()")
    cell = Cell(shell, "f()", first_line="%%sdprofile", vary=variations("chunk=1,2"))
    assert varied_values(cell, "chunk") == [1, 2]


@pytest.mark.parametrize(
    "source",
    [
        "async def n():\n    pass",
        "async def f():\n    global n\n    n = 1",
        "def f():\n    global n\n    n = 1",
        "[n := 1 for _ in 'a']",
        "{(n := 1): 2 for _ in 'a'}",
        "try:\n    pass\nexcept ValueError as n:\n    pass",
        "match 1:\n    case n:\n        pass",
        "match [1]:\n    case [*n]:\n        pass",
        "match {}:\n    case {**n}:\n        pass",
        "for n in (1, 2):\n    pass",
        "n = 1\nn = 2",
        "n = m = 1",
        "n, m = 1, 2",
        "if True:\n    n = 1",
        "import numpy as n",
        "def n():\n    pass",
        "class n:\n    pass",
        "with open('x') as n:\n    pass",
        "(n := 3)",
        "del n",
    ],
)
def test_a_cell_that_sets_the_variable_otherwise_is_told_so(
    shell: InteractiveShell, source: str
) -> None:
    with pytest.raises(SdprofileError, match="^--vary n: expected a cell that sets n once"):
        Cell(shell, source, first_line="%%sdprofile", vary=variations("n=1,2"))


@pytest.mark.parametrize(
    ("source", "text", "said"),
    [
        ("chunk", "chnk=1", "--vary chnk: expected a variable that the cell uses"),
        ("n", "n=1,nowhere", r"--vary n: expected values, got nowhere: NameError.*in quotes"),
        ("n", "n=1/0", "--vary n: expected values, got 1/0: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_varied_is_a_line(
    shell: InteractiveShell, source: str, text: str, said: str
) -> None:
    with pytest.raises(SdprofileError, match=said):
        Cell(shell, source, first_line="%%sdprofile", vary=variations(text))
