"""IPython in a real terminal, and its scripts."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).parent.parent.parent
PROMPT = r"In \[\d+\]: $"


def plain(text: str) -> str:
    """Return terminal output without colours and cursor movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r", "", text)


@pytest.fixture(scope="module")
def ipython(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pexpect.spawn]:
    """IPython on a pseudo-terminal, its plainest prompt."""
    folder = tmp_path_factory.mktemp("ipython")
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        env={**os.environ, "IPYTHONDIR": str(folder), "COLUMNS": "90", "TERM": "xterm"},
        encoding="utf-8",
        timeout=90,
        dimensions=(40, 90),
    )
    child.expect(r"In \[1\]: ")
    yield child
    child.sendline("exit()")
    child.expect(pexpect.EOF)
    child.close()


def enter(child: pexpect.spawn, line: str) -> str:
    """Type a line and return what is shown until the next prompt."""
    child.sendline(line)
    child.expect(r"In \[\d+\]: ")
    return plain(child.before)


def test_a_terminal_shows_table_and_strips(ipython: pexpect.spawn) -> None:
    enter(ipython, "%load_ext sdprofile")
    enter(ipython, "import dask.array as da")
    shown = enter(
        ipython,
        "%sdprofile --workers 1,2 --memory 500MB -r 1 da.ones((2000, 2000)).sum().compute()",
    )
    assert "4000000.0" in shown
    report = shown[shown.rindex("Out[") :]  # the progress has a table, too, that is gone by now
    table = report[report.index("\nworkers ") :]
    assert re.search(r"^ +1 +[\d.]+ m?s", table, re.MULTILINE)
    assert "1 w│" in table
    assert "dashboard http://127.0.0.1:" in table
    assert all(len(line) <= 90 for line in table.splitlines())


def test_the_last_profile_is_shown_again_and_is_the_last_value(ipython: pexpect.spawn) -> None:
    assert "1 w│" in enter(ipython, "%sdprofile")
    assert "[1, 2]" in enter(ipython, "_.summary()['workers'].tolist()")


def test_what_workers_print_does_not_tear_the_progress(ipython: pexpect.spawn) -> None:
    enter(ipython, "noisy = da.ones(8, chunks=1).map_blocks(lambda x: print('noise') or x)")
    shown = enter(ipython, "%sdprofile --workers 1,2 --memory 500MB -r 1 noisy.sum().compute()")
    assert shown.count("noise") == 1
    assert re.search(r"workers?( \d+)?: noise \(8 times", shown)


def test_a_line_may_await(ipython: pexpect.spawn) -> None:
    enter(ipython, "import asyncio")
    shown = enter(ipython, "%sdprofile --workers 1 --memory 500MB -r 1 await asyncio.sleep(0, 7)")
    assert re.search(r"7\nOut\[\d+\]: \n", shown)  # the value, then the report
    assert "Traceback" not in shown


def test_help_shows_every_option(ipython: pexpect.spawn) -> None:
    shown = enter(ipython, "print(get_ipython().find_cell_magic('sdprofile').__doc__)")
    for option in ("--workers", "--memory", "--threads", "-r, --repeats", "--no-fuse", "--timeout"):
        assert option in shown


def test_an_interrupt_keeps_what_was_measured(ipython: pexpect.spawn) -> None:
    enter(ipython, "import time")
    enter(
        ipython,
        "slow = da.ones(2, chunks=1).map_blocks(lambda x: time.sleep(0.3) or x, dtype=float)",
    )
    ipython.sendline(
        "%sdprofile --workers 1,2 --memory 500MB -r 30 --order grouped slow.sum().compute()"
    )
    ipython.expect("run 3")
    ipython.sendintr()
    ipython.expect(r"In \[\d+\]: ")
    shown = plain(ipython.before)
    assert "sdprofile: interrupted" in shown
    assert "1 w│" in shown
    assert "Traceback" not in shown
    assert "[1]" in enter(ipython, "_.summary()['workers'].tolist()")
    assert "2.0" in enter(
        ipython, "%sdprofile --workers 1 --memory 500MB -r 1 da.ones(2, chunks=1).sum().compute()"
    )
