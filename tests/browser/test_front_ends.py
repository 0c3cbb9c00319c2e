"""What runs notebooks and cells without a page shows the report, too, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

SCRIPT = """\
# %%
# %load_ext sdprofile
# %%
import dask.array as da
# %%
# %%sdprofile --workers 0,1 --memory 500MB -r 1 --out found
da.ones((400, 400), chunks=(100, 400)).sum().compute()
# %%
len(found.runs)
"""
CELLS = [
    "%load_ext sdprofile",
    "import dask.array as da",
    "%%sdprofile --workers 0,1 --memory 500MB -r 1 --out found\n"
    "da.ones((400, 400), chunks=(100, 400)).sum().compute()",
    "len(found.runs)",
]
MARIMO = """\
import marimo

app = marimo.App()


@app.cell
def _():
    import dask.array as da
    import sdprofile
    return da, sdprofile


@app.cell
def _(da, sdprofile):
    def work():
        da.ones((400, 400), chunks=(100, 400)).sum().compute()

    sdprofile.profile(work, workers=(0, 1), memory="500MB", repeats=1)
    return
"""


def run(folder: Path, *command: str) -> str:
    """Run a Python module's command in a folder, and return what it prints."""
    mark = {"SDPROFILE_TEST": uuid.uuid4().hex}  # by which all that it starts is known
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | mark,
    )
    assert done.returncode == 0, done.stderr
    left = [each for each in psutil.process_iter() if _is_marked(each, mark)]
    assert not psutil.wait_procs(left, timeout=20)[1]
    return done.stdout


def _is_marked(process: psutil.Process, mark: dict[str, str]) -> bool:
    try:
        return mark.items() <= process.environ().items()
    except psutil.Error:
        return False


def outputs(path: Path) -> list[dict[str, Any]]:
    """Return what the cells of a saved notebook show, by MIME type."""
    cells = nbformat.read(path, as_version=4).cells
    assert not any(out.output_type == "error" for cell in cells for out in cell.get("outputs", []))
    return [dict(out.get("data", {})) for cell in cells for out in cell.get("outputs", [])]


def check(path: Path) -> None:
    shown = outputs(path)
    assert shown[-1]["text/plain"] == "2"
    pages = [each["text/html"] for each in shown if "sdp-answer" in each.get("text/html", "")]
    assert len(pages) == 1
    assert any("application/vnd.jupyter.widget-view+json" in each for each in shown)
    assert any(each.get("text/plain", "").startswith("=> ") for each in shown)


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "before.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def test_papermill(notebook: Path) -> None:
    run(notebook.parent, "papermill", notebook.name, "after.ipynb", "--no-progress-bar")
    check(notebook.parent / "after.ipynb")


def test_jupyter_execute(notebook: Path) -> None:
    run(notebook.parent, "jupyter", "execute", notebook.name, "--output=after.ipynb")
    check(notebook.parent / "after.ipynb")


def test_a_script_with_cells_by_jupytext(tmp_path: Path) -> None:
    (tmp_path / "cells.py").write_text(SCRIPT)
    run(
        tmp_path,
        "jupytext",
        "--set-kernel",
        "python3",
        "--to",
        "ipynb",
        "--execute",
        "cells.py",
        "--output",
        "after.ipynb",
    )
    check(tmp_path / "after.ipynb")


def test_marimo_shows_a_profile(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(MARIMO)
    run(tmp_path, "marimo", "export", "html", "app.py", "-o", "app.html")
    page = (tmp_path / "app.html").read_text()
    assert json.dumps('<div class="sdp-answer"')[1:-1].replace("<", "\\u003C") in page


def test_ipython_with_a_command(tmp_path: Path) -> None:
    code = (
        "import dask.array as da; shell = get_ipython();"
        "shell.run_line_magic('load_ext', 'sdprofile');"
        "shell.run_line_magic('sdprofile', '--workers 0,1 --memory 500MB -r 1"
        " da.ones(400, chunks=100).sum().compute()')"
    )
    shown = run(tmp_path, "IPython", "--no-banner", "--colors=NoColor", "-c", code)
    assert "=> " in shown
    assert "none" in shown
