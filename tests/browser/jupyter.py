"""Starts a Jupyter server of its own, and drives the notebooks that are open in a page of it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat
import psutil
from conftest import wait_until
from playwright.sync_api import Browser, Locator, Page

_TOKEN = "browser-tests"  # of a server on 127.0.0.1 that lives as long as the tests of a file
_FOLDERS = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "IPYTHONDIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)
_SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},  # every output is in the page
}
_EXPOSED = {
    "jupyterlab": "--LabApp.expose_app_in_browser=True",
    "notebook": "--JupyterNotebookApp.expose_app_in_browser=True",
}
_AWAY = re.compile(r"^(?:https?|wss?)://(?!127\.0\.0\.1[:/])")
_workspaces = itertools.count()


def shut_in(page: Page) -> list[str]:
    """Refuse all that leaves this machine, and return the list to which each address is added."""
    tried: list[str] = []

    def refuse(route: Any) -> None:
        tried.append(route.request.url)
        route.abort()

    page.context.route(_AWAY, refuse)
    page.context.route_web_socket(_AWAY, lambda socket: tried.append(socket.url))
    return tried


@dataclass(frozen=True, kw_only=True)
class Server:
    """A Jupyter server that is up."""

    app: Literal["jupyterlab", "notebook"]
    url: str
    folder: Path
    """Where its notebooks are."""

    def write(self, name: str, *sources: str) -> None:
        """Write a notebook with these cells into the folder."""
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, self.folder / name)

    def read(self, name: str) -> Any:
        """Read a notebook of the folder."""
        return nbformat.read(self.folder / name, as_version=4)

    @contextlib.contextmanager
    def opened(self, browser: Browser, name: str, *, kernel: bool = True) -> Iterator[Notebook]:
        """Open a notebook in a page of its own; without a kernel only in JupyterLab.

        That nothing in it asked for anything outside of this machine is asserted at the end.
        """
        page = browser.new_page(viewport={"width": 1200, "height": 1600})
        page.set_default_timeout(240_000)  # milliseconds, on a busy machine
        tried = shut_in(page)
        try:
            if self.app == "notebook":
                page.goto(f"{self.url}/notebooks/{name}?token={_TOKEN}")
            else:
                # A workspace of its own opens nothing that another page has open.
                page.goto(f"{self.url}/lab/workspaces/w{next(_workspaces)}?token={_TOKEN}")
            notebook = Notebook(page=page)
            notebook.wait_ready(name, kernel=kernel, opens=self.app == "jupyterlab")
            page.add_style_tag(content="* {transition: none !important}")  # nothing is seen halfway
            yield notebook
        finally:
            page.context.close()
        assert tried == []


@contextlib.contextmanager
def jupyter_server(app: Literal["jupyterlab", "notebook"], folder: Path) -> Iterator[Server]:
    """Start a server that shares no setting with the user's; all that it started ends with it."""
    environment = dict(os.environ)
    for name in _FOLDERS:
        environment[name] = str(folder / name)
        (folder / name).mkdir()
    for name, setting in _SETTINGS.items():
        path = folder / "JUPYTERLAB_SETTINGS_DIR" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting))
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    port = _free_port()
    command = [
        *(sys.executable, "-m", app, "--no-browser", "--allow-root", _EXPOSED[app]),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={_TOKEN}", f"--ServerApp.root_dir={notebooks}"),
    ]
    url = f"http://127.0.0.1:{port}"
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            wait_until(lambda: process.poll() is not None or _answers(url), seconds=60)
            assert process.poll() is None, f"{app} ended at once:\n{log.read_text()}"
            yield Server(app=app, url=url, folder=notebooks)
        finally:
            family = psutil.Process(process.pid).children(recursive=True)
            process.terminate()
            process.wait(30)
    # Kernels and workers: their own shutdown takes seconds.
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api?token={_TOKEN}", timeout=5):
            return True
    except OSError:
        return False


@dataclass(frozen=True, kw_only=True)
class Notebook:
    """A notebook that is open in a page of JupyterLab or Notebook 7."""

    page: Page

    def wait_ready(self, name: str, *, kernel: bool, opens: bool) -> None:
        """Wait until the notebook is there and its kernel idle; not by what the page shows.

        Cells are in the page before they can be run, and "run all" then never ends.
        """
        self._wait_kept("window.jupyterapp?.started")
        if opens:
            # As "Open With > Notebook (no kernel)" of the list of files does.
            without = {"kernelPreference": {"shouldStart": False, "shouldReuse": False}}
            preference = {} if kernel else without
            self._wait_kept("window.jupyterapp?.restored")
            self.run("docmanager:open", path=name, factory="Notebook", **preference)
            # The folder at the left would take a third of a narrow page.
            self.page.evaluate("() => jupyterapp.shell.collapseLeft()")
        panel = "window.jupyterapp?.shell.currentWidget"
        self._wait_kept(f"{panel}?.context?.ready")
        self._wait_kept(f"{panel}?.revealed")
        if kernel:
            self._wait_kept(f"{panel}?.context?.sessionContext.ready")
            self.wait_idle()

    def _wait_kept(self, promise: str) -> None:
        """Wait until a promise is there and was kept, whatever becomes of it meanwhile.

        A page that waits for the promise itself fails where the browser lets go of it.
        """
        self.page.wait_for_function(
            f"""() => {{
              const promise = {promise};
              if (promise === undefined || window.kept === promise) return promise !== undefined;
              if (window.awaited !== promise) {{
                window.awaited = promise;
                promise.then(() => {{window.kept = promise}});
              }}
              return false;
            }}"""
        )

    def wait_idle(self) -> None:
        """Wait until the kernel is idle."""
        self.page.wait_for_function(
            "() => jupyterapp.shell.currentWidget.context.sessionContext.session?.kernel?.status"
            " === 'idle'"
        )

    def run(self, command: str, **arguments: Any) -> Any:
        """Run a command of the application, and return what it returns once it is through."""
        return self.page.evaluate(
            """async ([command, args]) => {
              const result = await jupyterapp.commands.execute(command, args);
              return typeof result === "boolean" ? result : null;
            }""",
            [command, arguments],
        )

    def start(self, command: str) -> None:
        """Start a command that takes long; `finished` waits for it."""
        self.page.evaluate(
            "command => {window.finished = jupyterapp.commands.execute(command); return null}",
            command,
        )

    def finished(self) -> Any:
        """Wait for the command that `start` started, and return what it returns."""
        return self.page.evaluate("() => window.finished")

    def select(self, cell: int) -> None:
        """Make a cell the active one, in command mode, with the focus on it."""
        self.page.evaluate(
            """async cell => {
              const notebook = jupyterapp.shell.currentWidget.content;
              notebook.activeCellIndex = cell;
              await jupyterapp.commands.execute("notebook:enter-command-mode");
              notebook.activeCell.node.focus();
            }""",
            cell,
        )

    def has_kernel(self) -> bool:
        """Tell whether a kernel belongs to the notebook."""
        return bool(
            self.page.evaluate(
                "() => !!jupyterapp.shell.currentWidget.context.sessionContext.session?.kernel"
            )
        )

    def change_theme(self, name: str) -> None:
        """Change to a theme, and wait until its style is there."""
        self.run("apputils:change-theme", theme=name)
        self.page.wait_for_function(
            """dark => {
              const colour = getComputedStyle(document.querySelector(".jp-Notebook"));
              const [red] = colour.backgroundColor.match(/\\d+/g).map(Number);
              return (red < 128) === dark && !document.getElementById("jupyterlab-splash");
            }""",
            arg="Dark" in name,
        )

    def output(self, cell: int) -> Locator:
        """Return all that a cell shows below its code."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(cell).locator(".jp-Cell-outputArea")
