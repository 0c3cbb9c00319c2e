"""The names of a cell stand where the notebook shows them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from sdprofile.errors import SdprofileError
from sdprofile.notebook.cell import Cell
from sdprofile.variations import variations


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


@pytest.mark.parametrize(
    "source",
    [
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
