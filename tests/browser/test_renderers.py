"""The widget as others' front ends draw it: the package of VS Code, and that of web pages."""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from browser.jupyter import shut_in
from ipywidgets.embed import embed_data
from playwright.sync_api import Browser, Page, expect
from profiles import GB, make_profile, make_run
from traces import ran

from sdprofile.render.page.widget import timing_widget

PAGES = {
    # What embeds widgets into web pages, and what front ends of their own build on.
    "html-manager": """
<script src="node_modules/@jupyter-widgets/html-manager/dist/embed.js"></script>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
<body><div><script type="application/vnd.jupyter.widget-view+json">{view}</script></div>
""",
    # The renderer of VS Code's notebooks, with a kernel that never answers.
    "vscode": """
<body><div id="here"></div>
<script type="module">
import {{activate}} from "./node_modules/@vscode/jupyter-ipywidgets8/dist/ipywidgets.js";
const defined = {{}};
window.define = (name, make) => {{defined[name] = typeof make === "function" ? make() : make}};
window.define.amd = {{}};
window.requirejs = window.require = (names, use) => use(...names.map(name => defined[name]));
const signal = {{connect() {{}}}};
const kernel = {{
  id: "kernel", status: "idle", registerCommTarget() {{}},
  statusChanged: signal, iopubMessage: signal, connectionStatusChanged: signal,
  requestCommInfo: async () => ({{content: {{comms: {{}}}}}}),
}};
activate();
window.vscIPyWidgets8.load();
const here = document.getElementById("here");
const loader = {{widgetsRegisteredInRequireJs: new Set()}};
const manager = new window.vscIPyWidgets.WidgetManager(kernel, here, loader, () => {{}});
const models = await manager.set_state({state});
const model = models.find(each => each.model_id === {view}.model_id);
await manager.display_view(null, await manager.create_view(model, {{}}), {{node: here}});
</script>
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the packages are, and pages with a widget."""
    packages = Path(os.environ.get("RENDERERS", ""))
    if not (packages / "@vscode").is_dir():
        pytest.fail(
            f"RENDERERS: expected a folder node_modules, got {str(packages)!r} (run tox -e browser,"
            " or npm install @jupyter-widgets/html-manager @vscode/jupyter-ipywidgets8)",
            pytrace=False,
        )
    (tmp_path / "node_modules").symlink_to(packages)
    runs = [
        make_run(workers, curve=(GB, 2 * GB), trace=ran([(0.0, 0.0, 10.0)], seconds=10.0))
        for workers in (1, 2)
    ]
    data = embed_data(views=[timing_widget(make_profile(*runs, repeats=1), uid="u1")])
    state, view = (
        json.dumps(each).replace("</", "<\\/")
        for each in (data["manager_state"], data["view_specs"][0])
    )
    for name, page in PAGES.items():
        text = f"<!doctype html><meta charset=utf-8>{page.format(state=state, view=view)}"
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def page(browser: Browser, folder: Path) -> Iterator[tuple[Page, str]]:
    """A page, and the address of the pages."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page = browser.new_page()
        tried = shut_in(page)
        yield page, f"http://127.0.0.1:{server.server_port}"
        page.close()
        server.shutdown()
        thread.join()
    assert tried == []


@pytest.mark.parametrize("name", list(PAGES))
def test_views_are_chosen_without_a_kernel(name: str, page: tuple[Page, str]) -> None:
    shown, address = page
    shown.goto(f"{address}/{name}.html")
    expect(shown.locator(".sdp-answer")).to_be_visible()
    overview, memory = shown.locator(".sdp-view-overview"), shown.locator(".sdp-view-memory")
    expect(overview.first).to_be_visible()
    expect(memory).to_be_hidden()
    shown.locator(".sdp-views button", has_text="Memory").click()
    expect(memory).to_be_visible()
    expect(overview.first).to_be_hidden()
