"""The example notebooks run, offline, and still teach what they say; each was saved as it ran."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

EXAMPLES = Path(__file__).parents[2] / "examples"

LESSONS = {
    "gaussian_filter": "before.runs[0].work.tasks > 3 * after.runs[0].work.tasks"
    " and 'write the store of image (line 2) in chunks' in told(before)",
    # Writing labels computes which there are, from spatialdata 0.8 on.
    "nuclei_segmentation": "re.search('map_raster .line 4. is computed [23]', told(before))"
    " and 'is computed' not in told(after)",
    "plain_dask": "'is computed 6 times' in told(before) and 'is computed' not in told(after)"
    " and before.runs[0].workers == 0 and np.allclose(shares, 1 - np.array(thresholds), atol=1e-3)",
    "points_by_shapes": "'aggregate (line 3)' in set(before.steps().step.str.removeprefix('cell/'))"
    " and all(before.steps().eval('kernel_seconds > thread_seconds')[1:])"
    " and 'aggregate' not in str(after) and np.isclose(total, again)",
    "pyramid_and_zarr": "'in line 4 give pyramid chunks' in told(before)"
    " and 'give pyramid ' not in told(after)",
    "rasterize_affine": "turned(before) > turned(after)"
    " and 'transform (line 3) into rasterize (line 4)' in told(before)",
}
"""What each notebook found out and put right, as an expression about its two profiles."""

TILES = re.compile(r"\b([345]), \1\b")
"""How often a notebook lays its picture side by side and below itself."""

HELPERS = """
import re
import numpy as np
def told(profile):
    notices = (notice.fact + notice.advice for notice in profile.notices)
    return "".join([profile.advice, *notices]).lower()
def turned(profile):
    return profile.tasks().query("prefix.str.startswith('affine')").tasks.sum()
"""


def saved() -> list[Path]:
    return sorted(EXAMPLES.glob("*.ipynb"))


def code_cells(path: Path) -> list[Any]:
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_each_notebook_has_its_lesson() -> None:
    assert {path.stem for path in saved()} == {*LESSONS, "understanding_dask"}


@pytest.mark.parametrize("path", saved(), ids=lambda path: path.stem)
def test_notebook_was_saved_as_it_ran(path: Path) -> None:
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [each for each in outputs if each.output_type == "error"]
    assert not [each for each in outputs if each.get("name") == "stderr"]
    for cell in cells:
        if cell.source.startswith("%%sdprofile"):
            shown = [str(output.get("data", {}).get("text/plain")) for output in cell.outputs]
            assert any("peak/worker" in text for text in shown)


@pytest.fixture(scope="module")
def one_kernel() -> Iterator[nbclient.NotebookClient]:
    """Return a client of a kernel in which one notebook is run after another."""
    manager, kernel = start_new_kernel()
    client = nbclient.NotebookClient(nbformat.v4.new_notebook(), km=manager, timeout=250)
    client.kc = kernel
    yield client
    kernel.stop_channels()
    manager.shutdown_kernel()


@pytest.mark.cluster
@pytest.mark.parametrize("name", LESSONS)
def test_notebook_runs_and_teaches_what_it_says(
    one_kernel: nbclient.NotebookClient, name: str
) -> None:
    cells = code_cells(EXAMPLES / f"{name}.ipynb")
    # The next notebook takes the cluster over.
    sources = [
        shortened(cell.source) for cell in cells if not cell.source.startswith("%sdcluster --close")
    ]
    one_kernel.nb = nbformat.v4.new_notebook()
    run(one_kernel, "%reset -f", *sources)
    assert run(one_kernel, f"{HELPERS}\nprint(bool({LESSONS[name]}))") == "True"


def shortened(source: str) -> str:
    """Return a cell with one run on one worker, of fewer tiles: it tells as much."""
    one_worker = re.sub(r"(--workers (?:0,)?1),2\b", r"\1", TILES.sub("2, 2", source))
    return re.sub(r"--repeats \d+", "--repeats 1", one_worker)


def run(client: nbclient.NotebookClient, *sources: str) -> str:
    """Run cells, and return what the last one printed."""
    for source in sources:
        cell = nbformat.v4.new_code_cell(source)
        client.nb.cells.append(cell)
        client.execute_cell(cell, len(client.nb.cells) - 1)
    return "".join(output.get("text", "") for output in cell.outputs).strip()
