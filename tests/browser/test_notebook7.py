"""Notebook 7 shows what JupyterLab does: it has another page around the same parts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser.jupyter import Server, jupyter_server
from browser.looks import take_picture
from playwright.sync_api import Browser, expect

CELLS = (
    "%load_ext sdprofile\nimport dask.array as da",
    """%%sdprofile --workers 1 -r 1 --memory 700MB
da.random.random((2000, 2000), chunks=(1000, 1000)).sum().compute()""",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with jupyter_server("notebook", tmp_path_factory.mktemp("notebook7")) as server:
        yield server


def test_a_view_is_chosen_in_the_widget(server: Server, browser: Browser) -> None:
    server.write("profile.ipynb", *CELLS)
    with server.opened(browser, "profile.ipynb") as notebook:
        assert notebook.run("notebook:run-all-cells")
        widget = notebook.output(1).locator(".sdp-live")
        expect(widget.locator(".sdp-view-overview").first).to_be_visible()
        widget.get_by_role("button", name="Memory").click()
        expect(widget.locator(".sdp-view-memory").first).to_be_visible()
        expect(widget.locator(".sdp-view-overview").first).to_be_hidden()
        take_picture(notebook.page, "notebook7")
