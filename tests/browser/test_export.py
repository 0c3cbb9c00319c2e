"""nbconvert's HTML of a profile, opened with the network off."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest
from browser.looks import assert_whole_report, sideways, take_picture
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Locator, Page

CELLS = (
    "%load_ext sdprofile\nimport dask.array as da",
    """%%sdprofile --workers 1,2 -r 1 --memory 700MB
da.random.random((4000, 4000), chunks=(1000, 1000)).sum().compute()""",
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after a run that kept the state of its widgets, as nbclient does."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    folder = {"metadata": {"path": str(tmp_path_factory.mktemp("export"))}}
    nbclient.NotebookClient(notebook, timeout=120, resources=folder).execute()
    return notebook


@pytest.fixture(params=["state", "no state"])
def notebook(request: pytest.FixtureRequest, executed: Any) -> Any:
    """The notebook with the state of its widgets, and without it, as JupyterLab saves it."""
    notebook = copy.deepcopy(executed)
    assert "widgets" in notebook.metadata
    if request.param == "no state":
        del notebook.metadata["widgets"]
    return notebook


@contextmanager
def exported(
    notebook: Any, browser: Browser, folder: Path, theme: str = "light"
) -> Iterator[tuple[Page, set[str]]]:
    """Open the HTML of a notebook; beside the page, the addresses that it asks for."""
    html, _ = HTMLExporter(theme=theme).from_notebook_node(notebook)
    (folder / "export.html").write_text(html, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1200, "height": 1600}, offline=True)
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    page.goto((folder / "export.html").as_uri())
    yield page, asked
    page.close()


def output(page: Page) -> Locator:
    return page.locator(".jp-Cell").nth(1).locator(".jp-Cell-outputWrapper")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_report_is_all_there(
    notebook: Any,
    browser: Browser,
    tmp_path: Path,
    serious_violations: Callable[[Locator], list[str]],
    theme: str,
) -> None:
    with exported(notebook, browser, tmp_path, theme) as (page, _):
        assert_whole_report(output(page))
        take_picture(page, f"export-{'' if 'widgets' in notebook.metadata else 'no-'}state-{theme}")
        assert serious_violations(output(page)) == []


def test_the_output_asks_for_nothing_that_nbconvert_does_not_ask_for(
    notebook: Any, browser: Browser, tmp_path: Path
) -> None:
    with exported(notebook, browser, tmp_path) as (_, asked):
        pass
    for cell in notebook.cells:
        cell.outputs = []
    with exported(notebook, browser, tmp_path) as (_, asked_without):
        pass
    assert {url for url in asked if url.startswith("http")} <= asked_without


def test_a_narrow_page_does_not_scroll_sideways(
    notebook: Any, browser: Browser, tmp_path: Path
) -> None:
    with exported(notebook, browser, tmp_path) as (page, _):
        page.set_viewport_size({"width": 600, "height": 1600})
        assert_whole_report(output(page))
        take_picture(page, "export-narrow")
        assert sideways(page, "html") <= 0
