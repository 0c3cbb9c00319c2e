"""Imports point one way, and loading the extension stays cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sdprofile

SOURCE = Path(sdprofile.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield every module that a file imports when it runs, also inside of functions."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize(
    ("where", "never"),
    [
        ("model", ("dask", "distributed", "IPython", "sdprofile.cluster", "sdprofile.measure")),
        ("model", ("sdprofile.notebook", "sdprofile.sweep", "sdprofile.plan")),
        ("render", ("distributed", "dask", "IPython", "sdprofile.measure", "sdprofile.cluster")),
        ("cluster", ("IPython", "matplotlib", "sdprofile.measure", "sdprofile.render")),
        ("measure", ("IPython", "matplotlib", "sdprofile.render", "sdprofile.notebook")),
        ("extras", ("IPython", "sdprofile.notebook", "sdprofile.render")),
        ("sweep.py", ("IPython", "matplotlib", "sdprofile.render", "sdprofile.notebook")),
        ("plan.py", ("distributed", "IPython", "sdprofile.cluster", "sdprofile.measure")),
        ("options.py", ("distributed", "IPython", "sdprofile.model")),
    ],
)
def test_imports_point_one_way(where: str, never: tuple[str, ...]) -> None:
    files = [path for path in FILES if path.relative_to(SOURCE).parts[0] == where]
    assert files
    for path in files:
        for module in imported(path):
            for name in never:
                assert not f"{module}.".startswith(f"{name}."), f"{path} imports {module}"


def test_only_the_notebook_folder_imports_ipython() -> None:
    for path in FILES:
        if path.relative_to(SOURCE).parts[0] != "notebook":
            assert not any(module.partition(".")[0] == "IPython" for module in imported(path)), path


def test_modules_stay_under_300_lines() -> None:
    for path in FILES:
        assert len(path.read_text().splitlines()) < 300, path


@pytest.mark.parametrize("name", ["sdprofile", "sdcluster"])
def test_loading_imports_nothing_heavy(name: str) -> None:
    code = f"""
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "sdprofile")
loaded = {{module.partition(".")[0] for module in set(sys.modules) - before}}
assert shell.find_line_magic({name!r}), "no magic"
print(*sorted(loaded - {{"sdprofile", "IPython"}} - set(sys.stdlib_module_names)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


def test_plain_python_gets_by_without_ipython() -> None:
    code = """
import sys, sdprofile
sdprofile.profile, sdprofile.load, sdprofile.Profile
assert "IPython" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_public_name_is_there() -> None:
    for name in sdprofile.__all__:
        assert getattr(sdprofile, name).__doc__
