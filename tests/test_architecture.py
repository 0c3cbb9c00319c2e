"""Imports point one way, and loading the extension stays cheap."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sdprofile
from sdprofile.cluster.missing import NAMES
from sdprofile.internals.python import CODE
from sdprofile.notebook.internals import NAMES as OF_IPYTHON

ROOT = Path(__file__).parents[1]
SOURCE = Path(sdprofile.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
MODULES = {".".join(path.relative_to(SOURCE).with_suffix("").parts): path for path in FILES}

GROUND = {"errors", "interrupts", "output_files", "units"}
"""What stands on nothing, and everything may stand on."""

BELOW = {
    "model": set(),
    "internals": {"model"},
    "options": set(),
    "spatial": {"model"},
    "plan": {"model", "options"},
    "order": {"model", "plan"},
    "progress": {"model"},
    "subject": {"model", "spatial"},
    "replay": {"model"},
    "explain": {"model", "replay"},
    "repeats": {"explain", "model", "order", "plan"},
    "agenda": {"model", "options", "order", "plan", "progress"},
    "render": {"explain", "model", "progress"},
    "results": {"explain", "model", "render"},
    "cluster": {"internals", "model", "options", "plan"},
    "measure": {"cluster", "internals", "model", "plan", "replay", "spatial"},
    "tracking": {"cluster", "measure", "model", "progress", "subject"},
}
"""For each room below the sweep, what it may import beside itself and the ground."""

TOPS = ("sweep", "plain", "script", "notebook", "__init__", "__main__")
"""What stands on all rooms; each may import those before it only."""

PARTS_OF_RENDER = ("curves", "grid_lines", "palette", "text", "plots", "page")
"""Each may import those before it only."""


@functools.cache
def names_of(path: Path) -> tuple[str, ...]:
    """Return everything that a file imports, also inside of functions and for types only."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names += (module, *(f"{module}.{alias.name}" for alias in node.names))
    return tuple(names)


@functools.cache  # not made where the file is only imported: it takes a second
def arrows() -> dict[str, set[str]]:
    """Return, for each module of ours, those that it imports."""
    return {
        name: {
            module.removeprefix("sdprofile.")
            for module in names_of(path)
            if module.removeprefix("sdprofile.") in MODULES and module.startswith("sdprofile.")
        }
        for name, path in MODULES.items()
    }


def room(module: str) -> str:
    return module.partition(".")[0]


def test_no_import_points_against_the_order() -> None:
    for name, targets in arrows().items():
        here = room(name)
        if here in TOPS:
            allowed = set(TOPS[: TOPS.index(here)]) | BELOW.keys() | GROUND
        else:
            allowed = BELOW.get(here, set()) | GROUND
        for target in targets:
            assert room(target) in allowed | {here}, f"{name} imports {target}"


def test_every_module_has_a_place_in_the_order() -> None:
    assert {room(name) for name in MODULES} == GROUND | BELOW.keys() | set(TOPS)


def test_no_room_stands_on_one_that_stands_on_it() -> None:
    below = {name: set(others) for name, others in BELOW.items()}
    while below:
        lowest = {name for name, others in below.items() if not others & below.keys()}
        assert lowest, f"a circle among {sorted(below)}"
        below = {name: others for name, others in below.items() if name not in lowest}


def test_text_plots_and_page_of_render_point_one_way() -> None:
    for name, targets in arrows().items():
        if room(name) == "render" and "." in name and name != "render.__init__":
            here = PARTS_OF_RENDER.index(name.split(".")[1])
            for target in targets:
                if room(target) == "render":
                    there = PARTS_OF_RENDER.index(target.split(".")[1])
                    assert there <= here, f"{name} -> {target}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {name: set(targets) for name, targets in arrows().items()}
    while left:
        free = {name for name, targets in left.items() if not targets & left.keys()}
        assert free, f"a circle among {sorted(left)}"
        left = {name: targets for name, targets in left.items() if name not in free}


@pytest.mark.parametrize(
    ("rooms", "never"),
    [
        (("model", "explain", "replay", "render", "results"), ("dask", "distributed")),
        (("options", "plan", "order", "progress"), ("distributed", "matplotlib")),
        (("model", "explain", "replay", "cluster", "measure", "spatial", "sweep"), ("matplotlib",)),
    ],
)
def test_a_room_does_without_what_is_not_its_business(
    rooms: tuple[str, ...], never: tuple[str, ...]
) -> None:
    for name, path in MODULES.items():
        if room(name) in rooms:
            found = {module.partition(".")[0] for module in names_of(path)}
            assert not found & set(never), name


def test_only_the_notebook_folder_imports_ipython() -> None:
    for name, path in MODULES.items():
        if room(name) not in ("notebook", "__init__"):  # the latter for the type of a shell only
            assert not any(module.partition(".")[0] == "IPython" for module in names_of(path)), name


PRIVATE_PAGES = ("internals.", "notebook.internals")
"""How the names of the modules begin that may name what libraries keep to themselves."""

PYTHONS_OWN = {"_exit", "_getframe", "_current_frames"}
"""What Python documents in spite of the underscore: of `os`, and of `sys`."""


def kept_by_libraries(path: Path, listed: set[str]) -> list[str]:
    """Return where a file names what a library keeps to itself.

    Parameters
    ----------
    path
        The file.
    listed
        Names without an underscore that are not documented.
    """
    tree = ast.parse(path.read_text())
    own = {
        name
        for node in ast.walk(tree)
        for name in (
            *([node.name] if isinstance(node, ast.ClassDef | ast.FunctionDef) else ()),
            *([node.id] if isinstance(node, ast.Name) else ()),
            *([node.attr] if isinstance(node, ast.Attribute) and is_own(node.value) else ()),
        )
    }
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Attribute):
            names = [] if is_own(node.value) else [node.attr]
            if isinstance(node.ctx, ast.Store | ast.Del) and node.attr == "__code__":
                found.append(f"{path.name}:{node.lineno}: {node.attr} is set")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if called in ("getattr", "setattr", "hasattr", "delattr", "attrgetter"):
                names = [
                    each.value
                    for each in node.args
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                ]
        elif isinstance(node, ast.ImportFrom) and room(node.module or "") != "sdprofile":
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [part for alias in node.names for part in alias.name.split(".")]
        for name in names:
            private = name.startswith("_") and not (name.startswith("__") and name.endswith("__"))
            if name in listed or (private and name not in own | PYTHONS_OWN):
                found.append(f"{path.name}:{node.lineno}: {name}")
    return found


def is_own(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


LISTED = {each.name for each in (*NAMES, *OF_IPYTHON) if not each.common and each is not CODE}
"""What libraries keep to themselves; what is set of a function's code is looked for by itself."""


def test_only_the_seam_names_what_libraries_keep_to_themselves() -> None:
    for name, path in MODULES.items():
        if not name.startswith(PRIVATE_PAGES):
            assert not kept_by_libraries(path, LISTED), name


def test_a_private_name_outside_of_the_seam_is_found(tmp_path: Path) -> None:
    file = tmp_path / "leaky.py"
    file.write_text("""
from dask._task_spec import Alias
from distributed.core import _expects_comm, rpc
import multiprocessing.forkserver

def leak(client, cluster, function, self):
    self._mine = client._graph_to_futures  # the second is theirs
    getattr(cluster, "worker_spec")
    cluster.worker_spec[0]._lock.locked()
    function.__code__ = leak.__code__
    return multiprocessing.forkserver._forkserver, self._mine, __name__
""")
    assert set(kept_by_libraries(file, LISTED)) == {
        "leaky.py:2: _task_spec",
        "leaky.py:2: Alias",
        "leaky.py:3: _expects_comm",
        "leaky.py:3: rpc",
        "leaky.py:7: _graph_to_futures",
        "leaky.py:8: worker_spec",
        "leaky.py:9: worker_spec",
        "leaky.py:9: _lock",
        "leaky.py:10: __code__ is set",
        "leaky.py:11: _forkserver",
    }


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


def test_the_picture_of_the_rooms_is_as_the_code_is() -> None:
    script = ROOT / "docs" / "draw_architecture.py"
    subprocess.run([sys.executable, script, "--check"], check=True, timeout=60)


def test_every_file_that_the_walk_for_strangers_names_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Where to look")[2]
    named = re.findall(r"`((?:\w+/)*\w+\.py)`", table)
    assert len(named) > 20
    # A bare name in a row is of the folder before it.
    there = {str(path.relative_to(SOURCE)) for path in FILES} | {path.name for path in FILES}
    assert not [name for name in named if name not in there]
