"""Imports point one way, and loading the extension stays cheap."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sdprofile

ROOT = Path(__file__).parents[1]
SOURCE = Path(sdprofile.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
MODULES = {".".join(path.relative_to(SOURCE).with_suffix("").parts): path for path in FILES}

GROUND = {"errors", "interrupts", "output_files", "units"}
"""What stands on nothing, and everything may stand on."""

BELOW = {
    "model": set(),
    "options": set(),
    "spatial": {"model"},
    "plan": {"model", "options"},
    "order": {"model", "plan"},
    "progress": {"model"},
    "subject": {"model", "spatial"},
    "replay": {"model"},
    "explain": {"model", "replay"},
    "render": {"explain", "model", "progress"},
    "results": {"explain", "model", "render"},
    "cluster": {"model", "options", "plan"},
    "measure": {"cluster", "model", "plan", "replay", "spatial"},
}
"""For each room below the sweep, what it may import beside itself and the ground."""

TOPS = ("sweep", "plain", "notebook", "__init__")
"""What stands on all rooms; each may import those before it only."""

PARTS_OF_RENDER = ("curves", "palette", "text", "plots", "page")
"""Each may import those before it only."""


def names_of(path: Path) -> Iterator[str]:
    """Yield everything that a file imports, also inside of functions and for types only."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


ARROWS = {
    name: {
        module.removeprefix("sdprofile.")
        for module in names_of(path)
        if module.removeprefix("sdprofile.") in MODULES and module.startswith("sdprofile.")
    }
    for name, path in MODULES.items()
}
"""For each module of ours, those that it imports."""


def room(module: str) -> str:
    return module.partition(".")[0]


def test_no_import_points_against_the_order() -> None:
    for name, targets in ARROWS.items():
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
    for name, targets in ARROWS.items():
        if room(name) == "render" and "." in name and name != "render.__init__":
            here = PARTS_OF_RENDER.index(name.split(".")[1])
            for target in targets:
                if room(target) == "render":
                    there = PARTS_OF_RENDER.index(target.split(".")[1])
                    assert there <= here, f"{name} -> {target}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {name: set(targets) for name, targets in ARROWS.items()}
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
