"""Makes the README's pictures of a first screen, light and dark, from a real run in JupyterLab.

Run it where `tox -e browser` runs: ``.tox/browser/bin/python docs/draw_first_screen.py``.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE.parent / "tests"))

from browser.jupyter import jupyter_server  # noqa: E402 - it is no package of its own
from playwright.sync_api import sync_playwright  # noqa: E402

FIRST = "%load_ext sdprofile\nimport dask.array as da, spatialdata as sd"
CELL = """%%sdprofile --workers 1,2,4 --memory 3GB
image = sd.models.Image2DModel.parse(
    da.random.random((3, 6_000, 6_000), chunks=(1, 1000, 1000)), dims="cyx"
)
out = sd.map_raster(
    sd.map_raster(image, lambda x: x + 1, blockwise=True), lambda x: x + 2, blockwise=True
)
out.compute().shape"""
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def main() -> None:
    """Run the cell once, and take a picture in each theme."""
    chromium = shutil.which("chromium")
    folder = Path(tempfile.mkdtemp())
    with jupyter_server("jupyterlab", folder) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        server.write("first.ipynb", FIRST, CELL)
        with server.opened(browser, "first.ipynb") as notebook:
            page = notebook.page
            page.set_viewport_size({"width": 1280, "height": 1100})
            notebook.run("notebook:run-all-cells")
            page.wait_for_timeout(2000)
            for name, theme in THEMES.items():
                notebook.change_theme(theme)
                notebook.select(1)
                page.evaluate("document.querySelectorAll('.jp-CodeCell')[1].scrollIntoView()")
                page.wait_for_timeout(1500)
                cell = page.locator(".jp-CodeCell").nth(1)
                cell.screenshot(path=_HERE / "static" / f"first-screen-{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
