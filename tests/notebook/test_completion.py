"""Tab offers a magic's options where they may stand, and elsewhere what IPython offers."""

from __future__ import annotations

import builtins
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pexpect
import pytest
from conftest import wait_until
from IPython.core import completer
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from traitlets.config import Config

from sdprofile.notebook.completion import register_completion

PROFILE = [
    *(
        "--workers",
        "--scheduler",
        "--oversubscribe",
        "--memory",
        "--threads",
        "--vary",
        "--task-memory",
    ),
    *("--predict", "--repeats", "--budget", "--on", "--order"),
    *(
        "--timeout",
        "--compute",
        "--steps",
        "--no-fuse",
        "--allocations",
        "--secure",
        "--report",
        "--save",
    ),
    *("--name", "--against", "--out", "--quiet"),
]
CLUSTER = ["--workers", "--oversubscribe", "--memory", "--threads", "--secure", "--close"]

# Text up to the cursor; what is offered, in order; what it replaces.
OFFERED = [
    ("%%sdprofile ", PROFILE, ""),
    ("%%sdprofile -", PROFILE, "-"),
    ("%%sdprofile --", PROFILE, "--"),
    ("%%sdprofile -r 2 --re", ["--report"], "--re"),
    ("%%sdprofile --order ", ["rounds", "grouped"], ""),
    ("%%sdprofile --order=", ["rounds", "grouped"], ""),
    ("%%sdprofile --order ro", ["rounds"], "ro"),
    ("%%sdprofile --workers=1,2 --order=gr", ["grouped"], "gr"),
    ("%%sdprofile --compute=", ["discard", "persist"], ""),
    ("%%sdprofile --scheduler ", ["threads", "processes", "synchronous"], ""),
    ("%%sdprofile --compute p", ["persist"], "p"),
    ("\n  %%sdprofile --q", ["--quiet"], "--q"),
    ("x = 1\n%sdprofile --q", ["--quiet"], "--q"),
    ("if True:\n    p = %sdprofile --q", ["--quiet"], "--q"),
    ("%sdcluster ", CLUSTER, ""),
    ("client = %sdcluster --c", ["--close"], "--c"),
]


def ours(shell: InteractiveShell) -> list[Any]:
    """Return the matchers of a shell that are sdprofile's."""
    return [m for m in shell.Completer.custom_matchers if "sdprofile" in m.matcher_identifier]


def completions(shell: InteractiveShell, text: str) -> list[tuple[str, str]]:
    """Return what a shell offers at the end of a text, and what each would replace."""
    with completer.provisionalcompleter():
        found = list(shell.Completer.completions(text, len(text)))
    assert all(one.end == len(text) for one in found)
    return [(one.text, text[one.start :]) for one in found]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    """A shell in this process that has loaded sdprofile."""
    with pytest.MonkeyPatch.context() as patch:
        # What a shell changes for the whole process.
        patch.setitem(sys.modules, "__main__", sys.modules["__main__"])
        for where, name in [(builtins, "__IPYTHON__"), (builtins, "display")]:
            patch.setattr(where, name, None, raising=False)
        for name in ("ps1", "ps2", "ps3"):
            patch.setattr(sys, name, "", raising=False)
        shell = InteractiveShell(
            config=Config(HistoryManager={"enabled": False}),
            ipython_dir=str(tmp_path_factory.mktemp("ipython")),
        )
        shell.run_line_magic("load_ext", "sdprofile")
        yield shell


@pytest.fixture(params=[True, False], ids=["jedi", "no jedi"])
def jedi(request: pytest.FixtureRequest, shell: InteractiveShell) -> bool:
    """Whether the shell asks jedi as well."""
    shell.Completer.use_jedi = request.param
    return request.param


@pytest.mark.usefixtures("jedi")
@pytest.mark.parametrize(("text", "candidates", "fragment"), OFFERED)
def test_options_and_values_are_offered_alone(
    shell: InteractiveShell, text: str, candidates: list[str], fragment: str
) -> None:
    assert completions(shell, text) == [(candidate, fragment) for candidate in candidates]


@pytest.mark.usefixtures("jedi")
def test_what_follows_the_cursor_does_not_matter(shell: InteractiveShell) -> None:
    text = "%%sdprofile --wor --quiet\nx = 1"
    with completer.provisionalcompleter():
        found = list(shell.Completer.completions(text, len("%%sdprofile --wor")))
    assert [(one.text, one.start, one.end) for one in found] == [("--workers", 12, 17)]


@pytest.mark.usefixtures("jedi")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%sdprof", "%%sdprofile"),
        ("%%sdprofile --workers 1\nprin", "print"),
        ("%sdprofile -- prin", "print"),
        ("%%sdprofile --report kep", "kept.html"),
        ("%%sdprofile --quiet --report ./kep", "./kept.html"),
        ("%sdprofile --workers 1 open('kep", "kept.html"),
        ("%%time\nprin", "print"),
        ("x = 1\n%%sdprofile --order ", None),
        ("print('%sdprofile --", None),
        ("%sdprofiles --", None),
        ("%%sdprofile --workers ", None),
        ("%%sdprofile --order=x", None),
    ],
)
def test_elsewhere_ipython_offers_what_it_always_does(
    shell: InteractiveShell,
    text: str,
    expected: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "kept.html").touch()
    monkeypatch.chdir(tmp_path)
    found = completions(shell, text)
    monkeypatch.setattr(shell.Completer, "custom_matchers", [])
    assert found == completions(shell, text)
    assert expected is None or expected in [text for text, _ in found]


@pytest.mark.usefixtures("jedi")
@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("%%sdprofile --against ", ""),
        ("%%sdprofile --against=fi", "fi"),
        ("%sdcompare ", ""),
        ("%sdcompare other fi", "fi"),
        ("c = %sdcompare ", ""),
    ],
)
def test_names_of_profiles_are_offered_beside_variables(
    shell: InteractiveShell, text: str, fragment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    magics = shell.magics_manager.registry["SdprofileMagics"]
    monkeypatch.setattr(magics.known, "named", {"first": None, "first try": None})
    monkeypatch.setitem(shell.user_ns, "first_variable", 1)
    found = completions(shell, text)
    offered = [one for one in found if one[0] in ("first", "'first try'")]
    assert offered == [("first", fragment), *([] if fragment else [("'first try'", "")])]
    monkeypatch.setattr(shell.Completer, "custom_matchers", [])
    assert {one for one, _ in completions(shell, text)} <= {one for one, _ in found}


def test_loading_again_registers_once_and_unloading_takes_it_away(shell: InteractiveShell) -> None:
    shell.run_line_magic("reload_ext", "sdprofile")
    register_completion(shell)
    assert len(ours(shell)) == 1
    shell.run_line_magic("unload_ext", "sdprofile")
    assert ours(shell) == []
    shell.run_line_magic("load_ext", "sdprofile")
    assert len(ours(shell)) == 1


def test_an_ipython_without_matchers_only_lacks_completion(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bare in (SimpleNamespace(), SimpleNamespace(Completer=None)):
        register_completion(bare)  # type: ignore[arg-type]
    monkeypatch.delattr(completer, "context_matcher")
    shell.run_line_magic("reload_ext", "sdprofile")
    assert ours(shell) == []
    assert shell.find_cell_magic("sdprofile")
    monkeypatch.undo()
    register_completion(shell)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingKernelClient]:
    """A real kernel that has loaded sdprofile."""
    folder = str(tmp_path_factory.mktemp("kernel"))
    manager, client = start_new_kernel(env={**os.environ, "IPYTHONDIR": folder}, cwd=folder)
    client.execute("%load_ext sdprofile", reply=True, timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("use_jedi", [True, False])
def test_a_kernel_answers_a_frontend(kernel: BlockingKernelClient, use_jedi: bool) -> None:
    kernel.execute(f"%config Completer.use_jedi = {use_jedi}", reply=True, timeout=60)
    for text, candidates, fragment in OFFERED:
        reply = kernel.complete(f"{text}\n1 + 1", len(text), reply=True, timeout=60)["content"]
        assert reply["matches"] == candidates
        assert text[reply["cursor_start"] :] == fragment
        assert reply["cursor_end"] == len(text)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pexpect.spawn]:
    """IPython on a pseudo-terminal, with its menu of completions, which has loaded sdprofile."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=NoColor"],
        env={
            **os.environ,
            "IPYTHONDIR": str(tmp_path_factory.mktemp("ipython")),
            "PROMPT_TOOLKIT_NO_CPR": "1",  # nobody answers where the cursor is
            "TERM": "xterm",
        },
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 140),
    )
    until_shown(child, "In [1]:")
    child.send("%load_ext sdprofile\r")
    until_shown(child, "In [2]:")
    yield child
    type_anew(child, "exit()\r")
    child.expect(pexpect.EOF)
    child.close()


def until_shown(child: pexpect.spawn, *words: str) -> None:
    """Read what a terminal shows until all words are in it, whatever the cursor does between."""
    seen = ""

    def all_seen() -> bool:
        nonlocal seen
        try:
            seen += child.read_nonblocking(65536, timeout=0.1)
        except pexpect.TIMEOUT:
            return False
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]", "", seen)
        return all(word in plain for word in words)

    wait_until(all_seen, seconds=60)


def type_anew(child: pexpect.spawn, keys: str) -> None:
    """Type at a new prompt: of one that is in use, a terminal draws only what differs."""
    child.send(f"\x15\r{keys}")  # Ctrl-U empties the line


def test_a_terminal_offers_options(terminal: pexpect.spawn) -> None:
    type_anew(terminal, "%%sdprofile --\t")
    until_shown(terminal, *PROFILE)


def test_a_terminal_offers_the_values_of_an_option(terminal: pexpect.spawn) -> None:
    type_anew(terminal, "%%sdprofile --order \t")
    until_shown(terminal, "rounds", "grouped")


def test_a_terminal_completes_what_it_then_runs(terminal: pexpect.spawn) -> None:
    type_anew(terminal, "%sdcluster --cl\t")
    until_shown(terminal, "--close")
    terminal.send("\r")
    until_shown(terminal, "%sdcluster --close: expected a running cluster, got none")
