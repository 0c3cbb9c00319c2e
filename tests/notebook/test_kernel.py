"""A real kernel runs a notebook once; each test looks at what one of its cells shows."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.manager import start_new_kernel

CELLS = {
    "log": """import logging, re
class Tracebacks(logging.Handler):
    def emit(self, record):
        # Of a restart that a cell asks for and that fails, as dask's may, the cell gets the error.
        if record.exc_info and not re.search("restart|did not shut down", record.getMessage()):
            logged.append(self.format(record))
logged, heard = [], []
import distributed
for name in ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio"):
    logging.getLogger(name).addHandler(Tracebacks(logging.ERROR))""",
    "load": "%load_ext sdprofile\nimport dask.array as da\nx = 5",
    "profile": """%%sdprofile --workers 1,2 --memory 600MB -r 2 --out kept
from IPython.display import display, HTML
x = x + 1
print("printed before")
display(HTML("<b>between</b>"))
print("printed after")
!echo from "the" shell
total = da.ones((2000, 2000), chunks=(1000, 1000)).sum().compute()
total""",
    "names": """frame = kept.to_frame()
print(x, total, kept is _, frame.workers.tolist(), frame.status.tolist())""",
    "again": "%sdprofile",
    "line": "p = %sdprofile --workers 1 -r 1 --memory 600MB -- {'a': 1, **{}}; 'no-expansion'",
    "silent value": "%%sdprofile --workers 1 -r 1\n'not shown';",
    "quiet": "%%sdprofile --workers 1 -r 1 --quiet\n1 + 1",
    "raises": "%%sdprofile --workers 1\n\n\ndef broken():\n    raise LookupError('mine')\nbroken()",
    "syntax": "%%sdprofile --workers 1\nx = = 1",
    "syntax of a line": "%sdprofile --workers 1 x = = 1",
    "task": """%%sdprofile --workers 1 -r 1 --quiet
def in_a_task(block):
    raise ValueError("mine")
da.ones(4, chunks=2).map_blocks(in_a_task, dtype=float).compute()""",
    "empty": "%%sdprofile --workers 1\n\n",
    "empty line": "%sdprofile --workers 1",
    "spaces": "%%sdprofile --workers 1 2 4\n1",
    "scheduler": """import dask
with dask.config.set(scheduler="threads"):
    run = get_ipython().run_cell_magic
    display(run("sdprofile", "--workers 1 -r 1", "da.ones(4).sum().compute()"))
    print(dask.config.get("scheduler"))""",
    "await": "%%sdprofile --workers 1 -r 1 --quiet\nimport asyncio\nprint('awaiting')\n"
    "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nawait asyncio.sleep(0, x)",
    "option": "%%sdprofile --wrokers 1\n1",
    "leftover": "%%sdprofile --workers 1 x = 2\n1",
    "unit": "%%sdprofile --workers 1 --memory 5XB\n1",
    "too much": "%%sdprofile --workers 1,4 --memory 900TB --out kept\n1",
    "kept": "print(len(kept.runs))",
    "named": "%%sdprofile --workers 1 -r 2 --memory 600MB --name old --quiet\nx = sum(range(9999))",
    "against": """%%sdprofile --workers 1 -r 2 --memory 600MB --against old --name new
x = sum(range(99999))
x""",
    "against what": "print(x, kept.counts[0].workers)",
    "against nothing": "%sdprofile --workers 1 --against nowhere.json x = 3",
    "compared": "kept.save('kept.json')\n%sdcompare old kept.json",
    "compared with nothing": "%sdcompare old nowhere.json",
    "compared with one": "%sdcompare old",
    "grid": "%%sdprofile --workers 1 -r 1 --memory 600MB --vary x=1,[2]\nprint(x)\nx",
    "after grid": "print(x, len(_.parts), _.to_frame().x.tolist())",
    "nested": "%%sdprofile --workers 1\n%sdprofile --workers 1 1",
    "figure": """%%sdprofile --workers 1 -r 2
%matplotlib inline
import matplotlib.pyplot as plt
plt.plot([1, 2]);""",
    "killed": """%%sdprofile --workers 1,2 --memory 600MB -r 1
import os
import time
def hold(mib):
    payload = b"x" * (mib * 2**20)
    time.sleep(2)
    return len(payload)
client = distributed.get_client()
if len(client.scheduler_info(n_workers=-1)["workers"]) == 1:
    client.submit(hold, 900, pure=False).result()
client.submit(abs, 1, pure=False).result()""",
    "prints": """import logging, warnings
handler = logging.StreamHandler()
logging.getLogger("pipeline").addHandler(handler)
def segment(tile, block_info=None):
    print("segmenting tile", block_info[0]["chunk-location"])
    logging.getLogger("segment").warning("a bright tile")
    return tile
tiles = da.ones((4, 4), chunks=1)""",
    "printed": """%%sdprofile --workers 1,2 --memory 600MB -r 1
print("started")
logging.getLogger("pipeline").warning("tiles: %d", tiles.npartitions)
warnings.warn("be careful")
tiles.map_blocks(segment, meta=tiles._meta).sum().compute()""",
    "printed after": "logging.getLogger('pipeline').warning('after')",
    "defines": """import time
def computes(array):
    time.sleep(0.3)
    return array.sum().compute()
one = da.ones(1)._meta
def slowly(block):
    time.sleep(0.3)
    return block""",
    "calls": """%%sdprofile --workers 1 -r 1 --memory 600MB --quiet --out by_line

totals = [
    computes(da.ones((4, 4), chunks=2)) for _ in range(2)]
da.ones(4, chunks=4).map_blocks(slowly, meta=one).compute();""",
    "lines": """for use in by_line.lines().itertuples():
    print(use.function, use.line, use.tasks > 0, use.seconds > 0.2, use.code, sep="|")
""",
    "cluster": "client = %sdcluster\nprint(client is distributed.default_client())",
    "close": "%sdcluster --close\nimport psutil\n"
    "print([p for p in psutil.Process().children() if 'resource_tracker' not in str(p.cmdline())])",
    "close again": "%sdcluster --close",
    "borrow": """from distributed import LocalCluster
each = {"threads_per_worker": 1, "memory_limit": "600MB"}
cluster = LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0", **each)
mine = cluster.get_client()
mine.subscribe_topic("all", heard.append)
def do_workflow():
    return da.ones(4, chunks=2).sum().compute()""",
    # Workers that are spawned from here on make no imports before they are needed.
    "few imports": "from sdprofile.cluster import prepare\nprepare.imported_here = tuple",
    "borrowed": "%%sdprofile --workers 2 -r 1\ndo_workflow()",
    "borrowed and killed": """%%sdprofile --workers 1 -r 1
mine.submit(hold, 900, pure=False).result()""",
    "borrowed and restarted": """%%sdprofile --workers 1 -r 1
mine.restart(timeout=30)
do_workflow()""",
    "given back": """info = mine.scheduler_info(n_workers=-1)["workers"]
print(len(info), {w["memory_limit"] for w in info.values()}, mine.status)
children = psutil.Process().children(recursive=True)
print(any("forkserver" in " ".join(each.cmdline()) for each in children))
mine.log_event("all", "last")""",
    "heard": """import time
for _ in range(6000):
    if any(message == "last" for _, message in heard):
        break
    time.sleep(0.01)
print(len(heard) > 1, heard[-1][1])
mine.unsubscribe_topic("all")  # or dask logs what it cannot send to a client that closes""",
    "close what was borrowed": "mine.close(); cluster.close()",
    "unload": "%unload_ext sdprofile",
    "gone": "%sdprofile",
    "logged": "print(*logged, sep='\\n')",
}


Kernel = tuple[KernelManager, BlockingKernelClient]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    manager, client = start_new_kernel(
        kernel_name="python3", cwd=str(tmp_path_factory.mktemp("notebook"))
    )
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def cells(kernel: Kernel) -> dict[str, Any]:
    """Run all cells in one kernel; a cell that fails does not end it."""
    # Here, for in some environments jsonschema's formats come with it, which take 2.5 s to import.
    import nbclient
    import nbformat

    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()],
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
    )
    manager, client = kernel
    runner = nbclient.NotebookClient(notebook, km=manager, timeout=300, allow_errors=True)
    runner.kc = client
    runner.execute()
    return dict(zip(CELLS, notebook.cells, strict=True))


def text_of(cell: Any) -> str:
    """Return the plain text of all outputs, in order."""
    parts = []
    for output in cell.outputs:
        if output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "error":
            parts.append("\n".join(output.traceback))
        else:
            parts.append(output.data.get("text/plain", ""))
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(parts))


def test_output_is_shown_once_and_in_order(cells: dict[str, Any]) -> None:
    shown = text_of(cells["profile"])
    words = ("printed before", "HTML", "printed after", "from the shell", "4000000")
    order = [shown.index(word) for word in words]
    assert order == sorted(order)
    assert shown.count("printed before") == shown.count("from the shell") == 1


def test_lines_are_those_of_the_notebook_with_the_functions_that_they_call(
    cells: dict[str, Any],
) -> None:
    rows = [line.split("|") for line in text_of(cells["lines"]).splitlines()]
    told = {(function, line): rest for function, line, *rest in rows}
    # A look at the kernel may have met the line on which the statement begins.
    assert told.pop(("", "3"), ["False", "False", "totals = ["])[0] == "False"
    of_cell = "computes(da.ones((4, 4), chunks=2)) for _ in range(2)]"
    assert told["", "4"] == ["True", "True", of_cell]
    of_cell = "da.ones(4, chunks=4).map_blocks(slowly, meta=one).compute();"
    assert told["", "5"] == ["True", "True", of_cell]
    sleeps, computes = "time.sleep(0.3)", "return array.sum().compute()"
    assert told["computes", "3"] == ["False", "True", sleeps]
    assert told["computes", "4"][::2] == ["True", computes]
    assert told["slowly", "7"] == ["False", "False", sleeps]  # within a task
    assert told["", "0"][0] == "False"
    assert len(told) == 6
    assert list(told) == sorted(told, key=lambda place: (place[0], place[1] == "0", place[1]))


def test_names_stay_and_each_run_starts_from_the_same(cells: dict[str, Any]) -> None:
    assert text_of(cells["names"]).split("\n")[0] == (
        "6 4000000.0 True [1, 2, 2, 1] ['ok', 'ok', 'ok', 'ok']"
    )


def test_result_is_a_table_and_an_image(cells: dict[str, Any]) -> None:
    for name in ("profile", "again"):
        data = [o.data for o in cells[name].outputs if o.output_type == "display_data"]
        tables = [d["text/html"] for d in data if "<table" in d.get("text/html", "")]
        images = [base64.b64decode(d["image/png"]) for d in data if "image/png" in d]
        assert len(tables) == len(images) == 1
        assert images[0].startswith(b"\x89PNG")


def test_progress_is_gone_at_the_end(cells: dict[str, Any]) -> None:
    for output in cells["profile"].outputs:
        if output.output_type == "display_data":
            assert "<progress" not in output.data.get("text/html", "")


def test_a_line_is_taken_as_it_is_written(cells: dict[str, Any]) -> None:
    assert "no-expansion" in text_of(cells["line"])


def test_a_semicolon_hides_the_value_and_not_the_profile(cells: dict[str, Any]) -> None:
    shown = text_of(cells["silent value"])
    assert "not shown" not in shown
    assert "The cell took" in shown


def test_no_task_is_told(cells: dict[str, Any]) -> None:
    assert "No task ran on the workers" in text_of(cells["silent value"])


def test_quiet_shows_the_cells_own_value_only(cells: dict[str, Any]) -> None:
    assert text_of(cells["quiet"]).strip() == "2"


def test_a_cells_error_points_at_the_notebooks_line(cells: dict[str, Any]) -> None:
    shown = text_of(cells["raises"])
    assert "LookupError: mine" in shown
    assert "line 6" in shown  # of the cell, the magic's line being the first
    assert "line 5" in shown
    assert "sweep.py" not in shown
    assert "The cell took" not in shown


def test_a_syntax_error_points_at_the_notebooks_line(cells: dict[str, Any]) -> None:
    shown = text_of(cells["syntax"])
    assert "SyntaxError" in shown
    assert "line 2" in shown
    assert ".py" not in shown
    of_a_line = text_of(cells["syntax of a line"])
    assert "line 1" in of_a_line
    assert ".py" not in of_a_line


def test_an_error_of_a_task_shows_the_line_of_its_function(cells: dict[str, Any]) -> None:
    shown = text_of(cells["task"])
    assert "in in_a_task()" in shown
    assert re.search(r'-> 3 +raise ValueError\("mine"\)', shown)
    assert "Could not get source" not in shown


def test_a_scheduler_that_is_overridden_is_told_before_the_numbers(cells: dict[str, Any]) -> None:
    reports = [o.data for o in cells["scheduler"].outputs if o.output_type == "display_data"]
    shown = [data["text/html"] for data in reports if "<table" in data.get("text/html", "")]
    assert shown
    for html in shown:
        page = unescape(html)
        assert page.index('scheduler="threads"') < page.index("<table")
    text = next(d["text/plain"] for d in reports if "workers " in d.get("text/plain", ""))
    assert text.startswith('! dask.config has scheduler="threads"')
    assert text_of(cells["scheduler"]).rstrip().endswith("threads")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "empty",
            "sdprofile: expected some code to run, got an empty cell (write it below the"
            " line of %%sdprofile)",
        ),
        (
            "empty line",
            "sdprofile: %sdprofile: expected a statement after the options, got none"
            " (%%sdprofile is the one for a whole cell)",
        ),
        (
            "spaces",
            "sdprofile: expected only options on the first line, got '2 4' (write values without"
            " spaces between: 1,2,4)",
        ),
        ("option", "sdprofile: unknown option '--wrokers' (did you mean --workers?)"),
        ("leftover", "sdprofile: expected only options on the first line, got 'x = 2'"),
        ("unit", "sdprofile: --memory: expected an amount like 5GB or 4.5GiB, got '5XB'"),
        (
            "compared with nothing",
            "sdprofile: %sdcompare: expected the name, the variable or the file of a profile, got"
            " 'nowhere.json' (names here: old, new; variables: kept, p)",
        ),
        (
            "against nothing",
            "sdprofile: --against: expected the name, the variable or the file of a profile, got"
            " 'nowhere.json' (names here: old, new; variables: kept, p)",
        ),
        (
            "compared with one",
            "sdprofile: %sdcompare: expected two names, variables or files of profiles, got 1"
            " (names here: old, new; variables: kept, p)",
        ),
        ("close again", "sdprofile: %sdcluster --close: expected a running cluster, got none"),
    ],
)
def test_a_mistake_is_one_clear_line(cells: dict[str, Any], name: str, line: str) -> None:
    assert text_of(cells[name]) == line


def test_a_cell_that_awaits_shows_its_output_and_value_once(cells: dict[str, Any]) -> None:
    printed, figure, value = filter(None, text_of(cells["await"]).splitlines())
    assert (printed, figure[:12], value) == ("awaiting", "<Figure size", "6")


def test_more_memory_than_the_machine_has_is_refused_in_one_line(cells: dict[str, Any]) -> None:
    shown = text_of(cells["too much"])
    assert re.match(
        r"sdprofile: --memory: expected at most .* for each of 4 workers, got 900", shown
    )
    assert "\n" not in shown


def test_a_mistake_keeps_the_profile_before(cells: dict[str, Any]) -> None:
    assert text_of(cells["kept"]).strip() == "4"


def test_a_profile_inside_a_profile_is_refused(cells: dict[str, Any]) -> None:
    assert text_of(cells["nested"]).strip() == (
        "sdprofile: expected one profile at a time, got another one inside a cell"
    )


def test_old_code_is_run_again_and_held_against_the_new(cells: dict[str, Any]) -> None:
    shown = text_of(cells["against"])
    assert "old against new, run by turns" in shown
    assert shown.index("old against new") < shown.index(str(sum(range(99999))))
    assert shown.index("peak/worker") < shown.index("The cell took")  # the one, and the other
    # The names are those of the new code, whichever ran last.
    assert text_of(cells["against what"]).split()[0] == str(sum(range(99999)))


def test_profiles_are_compared_by_name_and_file(cells: dict[str, Any]) -> None:
    widget, output, picture = cells["compared"].outputs
    assert "application/vnd.jupyter.widget-view+json" in widget.data
    assert base64.b64decode(picture.data["image/png"]).startswith(b"\x89PNG")
    text = output.data["text/plain"]
    assert text.startswith("=> kept.json ")
    assert "\n\nold against kept.json, measured 20" in text
    assert "2 workers only in the second" in text
    assert "cannot tell with 2 repeats" in " ".join(text.split())
    assert "<table" in output.data["text/html"]


def test_a_figure_is_shown_once(cells: dict[str, Any]) -> None:
    outputs = [o for o in cells["figure"].outputs if o.output_type == "display_data"]
    figures = [o for o in outputs if "Figure size" in o.data.get("text/plain", "")]
    assert len(figures) == 1
    assert "error" not in {output.output_type for output in cells["figure"].outputs}
    assert "2 repeats" in text_of(cells["figure"])


def test_a_killed_count_is_a_row_and_the_sweep_goes_on(cells: dict[str, Any]) -> None:
    shown = text_of(cells["killed"])
    assert "killed" in shown
    assert "in hold-" in " ".join(shown.split())
    assert "where with 1 a worker was killed" in shown
    assert all(output.output_type != "error" for output in cells["killed"].outputs)


def test_what_is_printed_and_logged_here_and_by_workers_is_shown_once(
    cells: dict[str, Any],
) -> None:
    shown = text_of(cells["printed"])
    for line in ("started", "tiles: 16", "UserWarning: be careful"):
        assert shown.count(line) == 1, line
    tiles = re.findall(r"^worker \d+: segmenting tile \((\d), (\d)\)$", shown, re.MULTILINE)
    assert sorted(tiles) == [(row, column) for row in "0123" for column in "0123"]
    assert len(re.findall(r"^workers?.*: a bright tile \(16 times.*\)$", shown, re.MULTILINE)) == 1
    assert (shown.count("segmenting"), shown.count("a bright tile")) == (16, 1)
    assert text_of(cells["printed after"]) == "after\n"


def test_the_cluster_is_the_sessions_default_once_asked_for(cells: dict[str, Any]) -> None:
    shown = text_of(cells["cluster"])
    assert "dashboard: http://127.0.0.1:" in shown
    assert "True" in shown


def test_nothing_is_left_after_closing(cells: dict[str, Any]) -> None:
    assert text_of(cells["close"]).strip() == "[]"


def test_a_borrowed_cluster_is_given_back(cells: dict[str, Any]) -> None:
    shown = text_of(cells["borrowed"])
    assert "600" in shown or "572" in shown  # its own limit, which nobody asked to change
    back, forked = text_of(cells["given back"]).splitlines()
    assert back == "1 {600000000} running"
    assert forked == "False"  # its workers are spawned, as dask does it


def test_the_users_own_handler_of_an_event_stays(cells: dict[str, Any]) -> None:
    assert text_of(cells["heard"]).startswith("True last")


def test_no_traceback_is_shown_or_logged_but_of_what_a_cell_raised(cells: dict[str, Any]) -> None:
    assert text_of(cells["logged"]).strip() == ""
    for name in ("borrowed and killed", "borrowed and restarted"):
        assert "killed" in text_of(cells[name])
    for cell in cells.values():
        if not cell.source.startswith("%"):
            continue  # closing a cluster oneself, dask may print some
        streams = [output.text for output in cell.outputs if output.output_type == "stream"]
        assert "Traceback" not in "".join(streams)


def test_unloading_takes_the_magics_away(cells: dict[str, Any]) -> None:
    assert "not found" in text_of(cells["gone"])


def test_export_keeps_table_and_image(cells: dict[str, Any], tmp_path: Path) -> None:
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.v4.new_notebook(cells=[cells["profile"]])
    html, _ = HTMLExporter().from_notebook_node(notebook)
    assert "data:image/png" in html
    assert re.search(r"<th[^>]*>\s*workers", html)


def test_a_grid_is_a_widget_with_a_report_and_a_picture_to_stand_in_for_it(
    cells: dict[str, Any],
) -> None:
    widget, report, picture, stream, value = cells["grid"].outputs[-5:]
    assert (stream.text, value.data["text/plain"]) == ("[2]\n", "[2]")
    assert "application/vnd.jupyter.widget-view+json" in widget.data
    assert "profile.parts[1] (x=[2])" in report.data["text/html"]
    assert "workers    x" in report.data["text/plain"]
    assert base64.b64decode(picture.data["image/png"]).startswith(b"\x89PNG")
    told = text_of(cells["after grid"]).split(maxsplit=1)
    assert told == [told[0], "2 [1, '[2]']\n"]
    assert told[0] == text_of(cells["against what"]).split()[0]


def is_running(process: psutil.Process) -> bool:
    """Whether a process does something; one that has ended may wait to be taken note of."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.usefixtures("cells")
def test_a_cell_that_exits_shows_its_profile_and_leaves_no_worker(kernel: Kernel) -> None:
    manager, client = kernel
    shown: list[str] = []
    client.execute_interactive("%load_ext sdprofile\n%sdcluster --memory 600MB", timeout=60)
    pid = manager.provisioner.pid  # type: ignore[union-attr] # the local provisioner's
    started = psutil.Process(pid).children(recursive=True)
    client.execute_interactive(
        "%%sdprofile --workers 1 -r 1\nexit()",
        timeout=60,
        output_hook=lambda m: shown.append(m["content"].get("data", {}).get("text/plain", "")),
    )
    end = time.monotonic() + 60
    while any(map(is_running, started)) and time.monotonic() < end:
        time.sleep(0.1)
    assert started
    assert not any(map(is_running, started))
    assert not manager.is_alive()
    assert any("The cell took" in text for text in shown)
