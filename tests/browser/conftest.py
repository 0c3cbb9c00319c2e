"""What the tests in a browser share: Debian's Chromium, a JupyterLab, and axe-core."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser.jupyter import Server, jupyter_server
from playwright.sync_api import Browser, Locator, expect, sync_playwright

_ARGUMENTS = (
    "--no-sandbox",  # root has none, as in most containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("expected chromium on PATH, got none (apt-get install chromium)", pytrace=False)
    expect.set_options(timeout=60_000)  # milliseconds, on a busy machine
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A JupyterLab."""
    with jupyter_server("jupyterlab", tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="session")
def serious_violations() -> Callable[[Locator], list[str]]:
    """Let axe-core look at an element: what it finds of impact serious or critical."""
    path = os.environ.get("AXE_CORE", "")
    if not Path(path).is_file():
        pytest.fail(
            f"AXE_CORE: expected the path of axe.min.js, got {path!r} (run tox -e browser, or get"
            " it with npm install --prefix .cache/axe --no-save axe-core)",
            pytrace=False,
        )
    script = Path(path).read_text(encoding="utf-8")

    def look(element: Locator) -> list[str]:
        element.page.evaluate(f"() => {{ if (!window.axe) {{ {script} }} }}")
        found = element.evaluate(
            """async element => {
              const {violations} = await axe.run(element, {resultTypes: ["violations"]});
              return violations
                .filter(each => ["serious", "critical"].includes(each.impact))
                .flatMap(each => each.nodes.map(
                  node => `${each.id}: ${node.failureSummary}\\n${node.html.slice(0, 200)}`));
            }"""
        )
        return list(found)

    return look
