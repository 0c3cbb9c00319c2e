"""The names of a cell stand where the notebook shows them."""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

from sdprofile.notebook.cell import Cell


def test_lines_are_those_of_the_notebook_and_values_those_of_the_last_run() -> None:
    shell = InteractiveShell.instance()
    shell.user_ns["before"] = 4
    cell = Cell(shell, "\nmade = before + 1\n!true\nmade\n", first_line="%%sdprofile")
    with cell.fresh():
        assert cell.run() == 5
    assert {"made": 5, "before": 4}.items() <= cell.scope.values().items()
    assert (cell.scope.line("made"), cell.scope.line("before")) == (3, None)
