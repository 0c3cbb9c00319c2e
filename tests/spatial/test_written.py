"""Lines as the user wrote them: what IPython has made of them is turned back."""

from __future__ import annotations

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from sdprofile.spatial.written import as_written


@pytest.mark.parametrize(
    "line",
    [
        "%time drive(1)",
        "%matplotlib",
        "!echo hi",
        "!echo 'é' \"{x}\"",
        "names = !ls",
        "took = %timeit -o f('x')",
        "x = f(1)",
        "get_ipython().user_ns",
        "get_ipython().run_line_magic(name, rest)",
        "if get_ipython().user_ns:",
    ],
)
def test_a_line_is_shown_as_it_was_written(line: str) -> None:
    made = TransformerManager().transform_cell(line).rstrip("\n")
    assert as_written(made) == line


def test_a_cell_magic_is_shown_by_its_first_line() -> None:
    made = TransformerManager().transform_cell("%%capture out\nx = 1\n").strip()
    assert as_written(made) == "%%capture out"
