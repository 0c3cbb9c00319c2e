"""What the tests of cells share: the shell of this process, with the magics."""

from __future__ import annotations

import linecache
import signal
import threading
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

import sdprofile
from sdprofile.notebook.on_loop import THREAD


@pytest.fixture(scope="module")
def loaded() -> Iterator[InteractiveShell]:
    """The shell, for all tests of a file."""
    shell = InteractiveShell.instance()
    sdprofile.load_ipython_extension(shell)
    yield shell
    sdprofile.unload_ipython_extension(shell)
    # Nor does it look at cells any more.
    assert "await" not in shell.transform_cell("%%sdprofile\nawait f()").partition("(")[0]


@pytest.fixture
def magic_shell(loaded: InteractiveShell) -> Iterator[InteractiveShell]:
    """The same, whose names and cells are then as before; nothing of a sweep is left here."""
    before, handler = dict(loaded.user_ns), signal.getsignal(signal.SIGINT)
    cells = set(linecache.cache)
    yield loaded
    for cell in linecache.cache.keys() - cells:
        del linecache.cache[cell]
    loaded.user_ns.clear()
    loaded.user_ns.update(before)
    assert signal.getsignal(signal.SIGINT) is handler
    assert THREAD not in [thread.name for thread in threading.enumerate()]
