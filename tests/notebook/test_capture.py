"""What a cell prints is kept, but never without end."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable

import pytest
from IPython.core.interactiveshell import InteractiveShell

from sdprofile.model.printed import Printed
from sdprofile.notebook.capture import LONGEST_TEXT, captured
from sdprofile.render.text.printed import MOST


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


def test_what_holds_a_stream_from_before_is_captured_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shell = InteractiveShell.instance()
    logger = logging.getLogger("test_capture")
    handler = logging.StreamHandler()
    logger.addHandler(handler)
    stream = sys.stderr
    kept: list[Callable[[str], object]] = []
    try:
        for run in (1, 2):
            with captured(shell) as output:
                assert sys.stderr is stream
                kept.append(sys.stderr.write)
                logger.warning("record of run %d", run)
            assert capsys.readouterr() == ("", "")
        output.show(shell)
        assert capsys.readouterr().err == "record of run 2\n"
        logger.warning("after")
        kept[0]("by a function that was kept\n")
        assert capsys.readouterr().err == "after\nby a function that was kept\n"
    finally:
        logger.removeHandler(handler)


def test_a_place_warns_in_each_run_as_in_the_first() -> None:
    shell = InteractiveShell.instance()

    def warn() -> None:
        warnings.warn("once for each place", stacklevel=1)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for run in (1, 2):
            with captured(shell):
                warn()
                warn()
            assert len(seen) == run


def numbers(count: int) -> str:
    return "".join(f"{number}\n" for number in range(count))


def test_lines_of_workers_follow_each_in_its_stream(capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell.instance()
    with captured(shell) as output:
        sys.stdout.write("own\n")
        output.by_workers = [
            Printed(worker="0", stream="stdout", text="line\n" * 3),
            Printed(worker="1", stream="stderr", text=numbers(MOST + 30), cut=9),
        ]
    output.show(shell)
    shown = capsys.readouterr()
    assert shown.out == "own\nworker 0: line (3 times)\n"
    assert shown.err.startswith("worker 1: 0\nworker 1: 1\n")
    assert shown.err.endswith(
        f"worker 1: {MOST - 1}\nsdprofile: more than 30 more lines of the workers are not shown"
        " (run the cell without %%sdprofile to see all)\n"
    )
