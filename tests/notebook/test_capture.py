"""What a cell prints is kept, but never without end."""

from __future__ import annotations

import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from sdprofile.notebook.capture import LONGEST_TEXT, captured


@pytest.mark.parametrize("more", [0, 1, 2_000_000])
def test_text_is_cut_and_the_cut_is_told(more: int, capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell.instance()
    with captured(shell) as output:
        for _ in range(LONGEST_TEXT // 100):
            sys.stdout.write("x" * 100)
        sys.stdout.write("y" * more)
    output.show(shell)

    shown = capsys.readouterr()
    assert shown.out == "x" * LONGEST_TEXT
    told = f"of {LONGEST_TEXT + more:,} characters that the cell printed, the first 1,000,000"
    assert (told in shown.err) is (more > 0)
