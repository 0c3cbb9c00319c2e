"""A cell that awaits something is profiled on the loop that IPython runs it on."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from distributed import Client, LocalCluster
from IPython.core.interactiveshell import InteractiveShell

import sdprofile
from sdprofile.cluster import workers
from sdprofile.errors import SdprofileError, Stopped
from sdprofile.notebook.awaiting import awaits
from sdprofile.results.profile import Profile

OPTIONS = "--workers 1 -r 1 --quiet --out kept"


@pytest.fixture
def shell(magic_shell: InteractiveShell) -> InteractiveShell:
    """A shell that knows how to interrupt itself."""
    magic_shell.user_ns.update(asyncio=asyncio, interrupt=interrupt)
    return magic_shell


def interrupt() -> None:
    """Do what Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


async def cell(shell: InteractiveShell, source: str) -> Any:
    """Run a cell as a kernel does; return its result."""
    transformed = shell.transform_cell(source)
    assert shell.should_run_async(source, transformed_cell=transformed)
    return await shell.run_cell_async(source, transformed_cell=transformed)


def run(shell: InteractiveShell, source: str) -> Any:
    """Run a cell on a loop of its own, on which nothing is left."""

    async def alone() -> Any:
        result = await cell(shell, source)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    return asyncio.run(alone())


def kept(shell: InteractiveShell) -> Profile:
    """Return the profile of the cell."""
    profile: Profile = shell.user_ns["kept"]
    return profile


@pytest.mark.usefixtures("client")
def test_names_output_and_value_are_those_of_one_run(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.user_ns["x"] = 5
    result = run(
        shell,
        f"""%%sdprofile {OPTIONS.replace("-r 1", "-r 2")}
import dask.array as da
x = x + 1
print("printed")
async def double(value):
    await asyncio.sleep(0)
    return 2 * value
async def numbers():
    yield x
async for number in numbers():
    total = da.ones(4, chunks=2).sum().compute()
async with asyncio.timeout(60):
    found = await double(x)
found, total, number""",
    )
    assert result.success
    assert [run.status for run in kept(shell).runs] == ["ok", "ok"]
    assert kept(shell).runs[0].work.tasks
    assert (shell.user_ns["x"], shell.user_ns["found"]) == (6, 12)
    shown = capsys.readouterr().out
    assert (shown.count("printed"), shown.count("(12, ")) == (1, 1)


def test_a_cell_that_awaits_runs_without_a_cluster_too(shell: InteractiveShell) -> None:
    result = run(
        shell,
        f"""%%sdprofile {OPTIONS.replace("--workers 1", "--workers 0")}
import dask.array as da
await asyncio.sleep(0)
total = da.ones(4, chunks=2).sum().compute()""",
    )
    assert result.success
    [made] = kept(shell).runs
    assert (made.workers, made.status, made.work.schedulers) == (0, "ok", ("threads",))
    assert shell.user_ns["total"] == 4


@pytest.mark.usefixtures("client")
def test_a_line_may_await(shell: InteractiveShell) -> None:
    run(shell, f"p = %sdprofile {OPTIONS} 'é', await asyncio.sleep(0, 'value')\ny = 1")
    assert kept(shell).code == "'é', await asyncio.sleep(0, 'value')"
    assert shell.user_ns["y"] == 1


@pytest.mark.usefixtures("client")
def test_an_error_points_at_the_cells_line(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "async def broken():\n    await asyncio.sleep(0)\n    raise LookupError('mine')\n"
    result = run(shell, f"%%sdprofile {OPTIONS}\n{source}await broken()")
    assert isinstance(result.error_in_exec, LookupError)
    assert [run.status for run in kept(shell).runs] == ["failed"]
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert "line 5" in shown
    assert "line 4" in shown
    assert "on_loop.py" not in shown
    assert "sweep.py" not in shown


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    "source",
    [
        # While it waits, while another task of its computes, and while it computes itself.
        "asyncio.get_running_loop().call_soon(interrupt)\nawait asyncio.sleep(600)",
        "async def other():\n    interrupt()\nawait asyncio.gather(other(), asyncio.sleep(600))",
        "await asyncio.sleep(0)\ninterrupt()\nimport time\ntime.sleep(600)",
        # Whatever the cell makes of it.
        "asyncio.get_running_loop().call_soon(interrupt)\n"
        "try:\n    await asyncio.sleep(600)\nexcept asyncio.CancelledError:\n    pass",
    ],
)
def test_an_interrupt_ends_the_cell_and_the_sweep(shell: InteractiveShell, source: str) -> None:
    result = run(shell, f"%%sdprofile {OPTIONS.replace('-r 1', '-r 5')}\n{source}")
    assert isinstance(result.error_in_exec, Stopped)
    assert len(kept(shell).runs) == 1


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("wait", ["await asyncio.sleep(600)", "import time; time.sleep(600)"])
def test_a_time_limit_ends_the_cell_only(shell: InteractiveShell, wait: str) -> None:
    source = f"await asyncio.sleep(0)\n{wait}"
    result = run(shell, f"%%sdprofile {OPTIONS} --timeout 0.2\n{source}")
    assert result.success
    assert [run.status for run in kept(shell).runs] == ["stuck"]


@pytest.mark.usefixtures("client")
def test_what_ends_a_loop_ends_the_cell_only(shell: InteractiveShell) -> None:
    result = run(shell, f"%%sdprofile {OPTIONS}\nawait asyncio.sleep(0)\nraise SystemExit")
    assert isinstance(result.error_in_exec, SystemExit)


@pytest.mark.usefixtures("client")
def test_a_cell_without_await_may_be_held_against_one(shell: InteractiveShell) -> None:
    asyncio.run(
        shell.run_cell_async(
            source := f"%%sdprofile {OPTIONS} --name old\n1 + 1",
            transformed_cell=shell.transform_cell(source),
        )
    )
    assert run(
        shell, f"%%sdprofile {OPTIONS} --name new --against old\nawait asyncio.sleep(0)"
    ).success
    with pytest.raises(SdprofileError, match="expected code without await"):
        shell.run_line_magic("sdprofile", f"{OPTIONS} --against new 1 + 1")


@pytest.mark.usefixtures("client")
def test_another_library_than_asyncio_is_refused(shell: InteractiveShell) -> None:
    made = shell.run_cell_magic("sdprofile", OPTIONS, "await asyncio.sleep(0)")
    with pytest.raises(SdprofileError, match="expected asyncio to run what is awaited"):
        made.send(None)


def test_a_cell_awaits_only_where_ipython_lets_it(shell: InteractiveShell) -> None:
    assert awaits(shell, "!true\nawait f()")
    assert awaits(shell, "[x async for x in f()]")
    assert not awaits(shell, "async def f():\n    await g()")
    assert not awaits(shell, "await = 1")
    shell.autoawait = False
    try:
        assert not awaits(shell, "await f()")
        error = shell.run_cell(f"%%sdprofile {OPTIONS}\nawait f()").error_in_exec
        assert "SyntaxError: 'await' outside function" in str(error)
    finally:
        shell.autoawait = True


@pytest.mark.parametrize(
    ("source", "awaited"),
    [
        ("%%sdprofile -r 1\nawait f()\n", "await get_ipython().run_cell_magic("),
        ("é = 'é'; x = 1\ny = %sdprofile -r 1 await f()\n", "y = await get_ipython()."),
        ("if x:\n    %sdprofile await f()\n", "    await get_ipython()."),
    ],
)
def test_the_magic_is_awaited_that_awaits(
    shell: InteractiveShell, source: str, awaited: str
) -> None:
    assert awaited in shell.transform_cell(source)


@pytest.mark.parametrize(
    "source",
    [
        "%%sdprofile -r 1\nf()\n",
        "%sdprofile --wrong await f()\n",
        "def g():\n    %sdprofile await f()\n",
        "%%time\nawait f()\n",
        "x = 'sdprofile', 'await'\n",
        "x = = 'sdprofile', 'await'\n",
    ],
)
def test_nothing_else_is_awaited(shell: InteractiveShell, source: str) -> None:
    assert "await get_ipython()" not in shell.transform_cell(source)


@pytest.mark.usefixtures("client")
def test_a_cluster_that_the_cell_awaits_is_noted(shell: InteractiveShell) -> None:
    result = run(
        shell,
        f"""%%sdprofile {OPTIONS}
import dask.array as da
from distributed import Client, LocalCluster
options = dict(n_workers=1, processes=False, dashboard_address="127.0.0.1:0", asynchronous=True)
async with LocalCluster(**options) as cluster, Client(cluster, asynchronous=True) as own:
    mean = await own.compute(da.ones(4, chunks=2).mean())
mean""",
    )
    assert result.success
    assert shell.user_ns["mean"] == 1
    [place] = kept(shell).runs[0].elsewhere
    assert (place.workers, place.graphs, place.started, place.left) == (1, 1, True, False)


def test_an_asynchronous_client_is_borrowed_by_a_cell_that_awaits(
    shell: InteractiveShell,
) -> None:
    async def session() -> None:
        with workers.fast_start():
            cluster = await LocalCluster(
                n_workers=1,
                threads_per_worker=1,
                memory_limit="700MB",
                dashboard_address="127.0.0.1:0",
                asynchronous=True,
            )
            async with cluster, Client(cluster, asynchronous=True) as client:
                shell.user_ns.update(client=client, end_worker=end_worker)
                await look(client)

    async def look(client: Client) -> None:
        await cell(
            shell,
            f"""%%sdprofile {OPTIONS.replace("--workers 1", "--workers 1,2")}
from distributed import as_completed, get_client
assert get_client() is client
found = [await each async for each in as_completed(client.map(abs, range(-9, 0), pure=False))]""",
        )
        assert [(run.status, run.work.tasks) for run in kept(shell).runs] == [("ok", 9)] * 2
        assert sorted(shell.user_ns["found"]) == list(range(1, 10))
        assert len(client.cluster.workers) == 1
        await cell(shell, f"%%sdprofile {OPTIONS}\nawait client.submit(end_worker, pure=False)")
        assert [run.status for run in kept(shell).runs] == ["killed"]
        # The worker of a task that an interrupt has left goes with it: the next need not wait.
        await cell(
            shell,
            f"%%sdprofile {OPTIONS}\n"
            "asyncio.get_running_loop().call_later(1, interrupt)\n"
            "import time\n"
            "await client.submit(time.sleep, 600, pure=False)",
        )
        assert [run.status for run in kept(shell).runs] == ["interrupted"]
        with pytest.raises(SdprofileError, match="expected a cell that awaits something"):
            shell.run_cell_magic("sdprofile", OPTIONS, "1")
        assert await client.submit(abs, -7, pure=False) == 7

    asyncio.run(session())


def end_worker() -> None:
    """End the worker in which this runs."""
    os._exit(3)


def test_a_coroutine_function_is_profiled_without_a_shell(client: Client) -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return client.submit(abs, -1, pure=False).result()

    with client.as_current():
        [made] = sdprofile.profile(work, workers=1, repeats=1).runs
    assert (made.status, made.work.tasks) == ("ok", 1)

    async def within() -> Callable[[], object]:
        with pytest.raises(SdprofileError, match="where no event loop runs"):
            sdprofile.profile(work, workers=1, repeats=1)
        return work

    asyncio.run(within())
