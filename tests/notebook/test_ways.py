"""Cells that come to the cluster in other ways than by arrays are profiled, too."""

from __future__ import annotations

import gc

import pytest
from conftest import wait_until
from distributed import Client, Scheduler
from IPython.core.interactiveshell import InteractiveShell

from sdprofile.render.text.steps import steps
from sdprofile.results.profile import Profile

OPTIONS = "--workers 1 -r 2 --quiet --out kept"

WAYS: dict[str, tuple[str, object, dict[str, int]]] = {
    "delayed with apply_ufunc": (
        """
import dask
import dask.array as da
import xarray as xr
from scipy.ndimage import gaussian_filter
image = xr.DataArray(da.ones((4, 4), chunks=(2, 4)), dims=("y", "x"))
smooth = xr.apply_ufunc(gaussian_filter, image, 1.0, dask="parallelized", output_dtypes=[float])
@dask.delayed
def rounded(values):
    return round(float(values.sum()))
rounded(smooth.data).compute()
""",
        16,
        {"gaussian_filter": 2, "rounded": 1},
    ),
    "dataframe": (
        """
import dask.dataframe as dd
import pandas as pd
frame = dd.from_pandas(pd.DataFrame({"label": [1, 2] * 4, "area": range(8)}), npartitions=2)
frame.groupby("label").area.sum().compute().tolist()
""",
        [12, 16],
        {"frompandas": 2, "chunk": 2},
    ),
    "bag": (
        """
import dask.bag
dask.bag.from_sequence(range(4), npartitions=2).map(lambda i: i * i).sum().compute()
""",
        14,
        {"sum-part": 2, "sum-aggregate": 1},
    ),
    "futures": (
        """
from distributed import as_completed, get_client, wait
futures = get_client().map(lambda i: i * i, range(4), pure=False)
wait(futures)
sorted(future.result() for future in as_completed(futures))
""",
        [0, 1, 4, 9],
        {"lambda": 4},
    ),
    "actor": (
        """
from distributed import get_client
class Counter:
    def __init__(self):
        self.n = 0
    def add(self, many):
        self.n += many
        return self.n
counter = get_client().submit(Counter, actor=True, pure=False).result()
[counter.add(2).result() for _ in range(3)]
""",
        [2, 4, 6],
        {"Counter": 1},
    ),
    "queue, variable and lock": (
        """
from distributed import Lock, Queue, Variable, get_client
queue, chosen, lock = Queue("done"), Variable("chosen"), Lock("one")
def square(i):
    with lock:
        queue.put(i * i)
client = get_client()
client.gather(client.map(square, range(3), pure=False))
chosen.set(client.submit(max, [queue.get() for _ in range(3)], pure=False))
largest = chosen.get().result()
chosen.delete()
queue.close()
largest
""",
        4,
        {"square": 3, "max": 1},
    ),
    "classes of the notebook": (
        """
import dataclasses
from distributed import get_client
@dataclasses.dataclass(frozen=True)
class Tile:
    row: int
    def next(self):
        return Tile(self.row + 1)
after = get_client().submit(Tile.next, Tile(1), pure=False).result()
after == Tile(2)
""",
        True,
        {"next": 1},
    ),
}
"""For each way a cell, its value, and how many tasks it has of some prefixes."""

FOREST = """
import numpy as np
from joblib import parallel_backend
from sklearn.ensemble import RandomForestClassifier
x = np.arange(40.0).reshape(20, 2)
with parallel_backend("dask"):
    model = RandomForestClassifier(4, random_state=0).fit(x, x[:, 0] > 20)
model.score(x, x[:, 0] > 20)
"""


STEPS = """
import dask
import dask.array as da
import spatialdata as sd
from spatialdata.models import Image2DModel
image = Image2DModel.parse(da.ones((1, 4, 4), chunks=(1, 2, 4)), dims="cyx")
twice = sd.map_raster(image, lambda block: 2 * block, blockwise=True)
@dask.delayed
def total(values):
    return float(values.sum())
total(twice.data).compute()
"""
"""A cell whose steps are of lines 6 and 7, and whose last task is of none."""


@pytest.fixture
def shell(magic_shell: InteractiveShell, client: Client) -> InteractiveShell:
    """A shell whose session has a cluster of sdprofile's, of one worker."""
    assert client.status == "running"
    return magic_shell


def run(shell: InteractiveShell, cell: str) -> Profile:
    """Run a cell, and return the profile that it keeps."""
    shell.run_cell(cell).raise_error()
    kept: Profile = shell.user_ns["kept"]
    assert {run.status for run in kept.runs} == {"ok"}
    return kept


def on_scheduler(client: Client) -> tuple[list[str], list[str]]:
    """Return the tasks and the plugins that a scheduler has."""
    return client.run_on_scheduler(_on_scheduler)  # type: ignore[no-any-return]


def _on_scheduler(dask_scheduler: Scheduler) -> tuple[list[str], list[str]]:
    return sorted(map(str, dask_scheduler.tasks)), sorted(dask_scheduler.plugins)


@pytest.mark.parametrize("way", WAYS)
def test_rows_tasks_and_value_are_right(
    shell: InteractiveShell, client: Client, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before, names = on_scheduler(client), shell.user_ns.keys() - {"kept"}
    source, value, prefixes = WAYS[way]
    kept = run(shell, f"%%sdprofile {OPTIONS}{source}")
    assert [(count.workers, len(count.runs)) for count in kept.counts] == [(1, 2)]
    assert [step.name for step in steps(kept)] == ["cell"]
    tasks = kept.tasks().set_index(["repeat", "prefix"]).tasks
    for repeat, each in enumerate(kept.runs, start=1):
        assert each.work.tasks == tasks[repeat].sum()
        assert {prefix: tasks[repeat, prefix] for prefix in prefixes} == prefixes
    assert capsys.readouterr().out == f"{value!r}\n"  # once, and nothing else
    for name in shell.user_ns.keys() - names:
        del shell.user_ns[name]
    wait_until(lambda: gc.collect() >= 0 and on_scheduler(client) == before)


@pytest.mark.parametrize(
    ("way", "scheduler"),
    [("delayed with apply_ufunc", "threads"), ("dataframe", "threads"), ("bag", "processes")],
)
def test_what_needs_no_client_runs_without_a_cluster_too(
    magic_shell: InteractiveShell, way: str, scheduler: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, value, prefixes = WAYS[way]
    kept = run(magic_shell, f"%%sdprofile {OPTIONS.replace('--workers 1', '--workers 0')}{source}")
    assert [(count.workers, len(count.runs)) for count in kept.counts] == [(0, 2)]
    assert [step.name for step in steps(kept)] == ["cell"]
    for each in kept.runs:
        assert each.work.schedulers == (scheduler,)
        # There dask may merge more of them.
        assert {part.prefix for part in each.work.spans} & prefixes.keys()
    assert capsys.readouterr().out == f"{value!r}\n"


@pytest.mark.parametrize("workers", [0, 1])
def test_steps_are_told_beside_delayed_with_workers_and_without(
    shell: InteractiveShell, workers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("import spatialdata").raise_error()  # what is not loaded has no steps
    kept = run(shell, f"%%sdprofile --workers {workers} -r 2 --quiet --out kept --no-fuse{STEPS}")
    assert [step.name for step in steps(kept)] == [
        *("cell", "Image2DModel.parse (line 6)", "map_raster (line 7)")
    ]
    parts = [(part.span, part.prefix) for part in kept.runs[1].work.spans if part.prefix]
    assert ("cell", "total") in parts
    assert "cell/map_raster (line 7)" in {span for span, _ in parts}
    assert capsys.readouterr().out == "32.0\n"


@pytest.mark.parametrize(
    ("before", "inside"), [("", "%%time\n"), ("%%time\n", ""), ("", "%%capture caught\n")]
)
def test_other_magics_may_be_inside_or_around(
    shell: InteractiveShell, before: str, inside: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("from distributed import get_client")
    kept = run(
        shell,
        f"{before}%%sdprofile {OPTIONS}\n{inside}print('printed')\n"
        "x = get_client().submit(abs, -7, pure=False).result()\nx",
    )
    assert [run.work.tasks for run in kept.runs] == [1, 1]
    assert shell.user_ns["x"] == 7
    shown = capsys.readouterr().out
    if "capture" in inside:
        assert shown == ""
        assert shell.user_ns["caught"].stdout == "printed\n"
    else:
        assert (shown.count("printed"), shown.count("7\n"), shown.count("Wall time")) == (1, 1, 1)


def test_the_report_is_captured_with_the_cell(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    loud = OPTIONS.replace("--quiet", "")
    kept = run(shell, f"%%capture caught\n%%sdprofile {loud}\nprint('printed')")
    assert kept.counts[0].workers == 1
    assert "sdprofile:" not in capsys.readouterr().out
    assert "printed" in shell.user_ns["caught"].stdout


def test_a_progress_bar_is_shown_once_and_full(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    source = """
from distributed import as_completed, get_client
from tqdm import tqdm
futures = get_client().map(abs, range(3), pure=False)
for future in tqdm(as_completed(futures), total=3, desc="tiles"):
    pass
"""
    kept = run(shell, f"%%sdprofile {OPTIONS}{source}")
    assert [run.work.tasks for run in kept.runs] == [3, 3]
    shown = capsys.readouterr().err
    assert shown.count("tiles: 100%") == 1
    assert "3/3" in shown.splitlines()[-1]


def test_scikit_learn_computes_on_the_workers_by_joblib(
    shell: InteractiveShell, client: Client
) -> None:
    # Where there is one thread in all, joblib would compute in the kernel.
    kept = run(shell, f"%%sdprofile --workers 1 --threads 2 -r 1 --quiet --out kept{FOREST}")
    [made] = kept.runs
    assert made.work.tasks == kept.tasks().tasks.sum() > 0
    assert kept.tasks().prefix.str.contains("_parallel_build_trees").all()
    assert [step.name for step in steps(kept)] == ["cell"]
    assert shell.user_ns["model"].n_estimators == 4
    wait_until(lambda: gc.collect() >= 0 and not on_scheduler(client)[0])
