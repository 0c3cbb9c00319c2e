"""Without a name that IPython keeps to itself a cell is profiled all the same, and says so."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator

import pytest
from distributed import Client
from hidden import hide
from IPython.core.interactiveshell import InteractiveShell

from sdprofile.internals.names import Name
from sdprofile.notebook.internals import NAMES


@pytest.fixture
def hidden(request: pytest.FixtureRequest) -> Iterator[Name]:
    hide(request.param.shown)
    yield request.param
    hide("")


@pytest.fixture(scope="module")
def shell(client: Client) -> Iterator[InteractiveShell]:
    """The shell of this process, that has loaded sdprofile and has a figure's backend."""
    import matplotlib_inline.backend_inline  # noqa: F401 - as in a notebook

    shell = InteractiveShell.instance()
    before = dict(shell.user_ns)
    shell.run_line_magic("load_ext", "sdprofile")
    with pytest.MonkeyPatch.context() as patch:
        # Where doctests have left this name, IPython takes it for somebody else's.
        patch.delattr(builtins, "_", raising=False)
        yield shell
    shell.run_line_magic("unload_ext", "sdprofile")
    shell.user_ns.clear()
    shell.user_ns.update(before)


@pytest.mark.parametrize("hidden", NAMES, ids=lambda name: name.shown, indirect=True)
def test_without_one_name_a_cell_is_profiled_and_says_so(
    hidden: Name, shell: InteractiveShell
) -> None:
    done = shell.run_cell("%%sdprofile --workers 1 -r 1\nx = 1\nx + 1")
    done.raise_error()
    assert [run.status for run in done.result.runs] == ["ok"]
    [remark] = done.result.remarks
    assert re.match(rf"This \S+ \S+ has no {re.escape(hidden.shown)}: ", remark.fact)
    assert shell.user_ns["_"] is done.result
    assert "SyntaxError" in repr(shell.run_cell("%%sdprofile\nx = = 1").error_in_exec)
