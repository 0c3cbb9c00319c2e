"""What is imported: by ``%load_ext sdprofile`` over an empty extension, and by a first profile.

Bounds: ``%load_ext`` and ``import sdprofile`` at most 20 ms each; in a notebook a first profile at
most 1.5 s beyond what the same cell imports on a `LocalCluster` by hand.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from jupyter_client.manager import start_new_kernel

LOAD_MS, IMPORT_MS, FIRST_S = 20, 20, 1.5

LOADED = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
start = time.perf_counter()
shell.run_line_magic("load_ext", sys.argv[1])
print((time.perf_counter() - start) * 1e3)
"""
IMPORTED = """
import sys, time
start = time.perf_counter()
__import__(sys.argv[1])
print((time.perf_counter() - start) * 1e3)
"""

SESSION = "import sys, json, spatialdata, dask.array as da\n%load_ext sdprofile"
CELL = "da.ones((1000, 1000), chunks=100).sum().compute()"
PROFILED = f"%%sdprofile --workers 1,2 -r 1 --memory 1GB\n{CELL}"
BY_HAND = f"""
from distributed import Client, LocalCluster
with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
    with Client(cluster):
        {CELL}
"""
LIST = "print('modules', json.dumps(list(sys.modules)))"

TIMED = """
import importlib, json, sys, time
from IPython.core.interactiveshell import InteractiveShell
there, new = json.load(sys.stdin)
for name in there:
    try:
        importlib.import_module(name)
    except Exception:
        pass
taken = {}
for name in new:
    start = time.perf_counter()
    try:
        importlib.import_module(name)
    except Exception:
        pass
    taken[name] = time.perf_counter() - start
print(json.dumps(taken))
"""


def printed_by(code: str, *arguments: str, given: str = "", folder: str = ".") -> str:
    """Return what code prints in a process of its own."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=folder, input=given
    ).stdout


def modules_after(*cells: str) -> list[str]:
    """Return the names of the modules that a kernel has after cells, in the order of import."""
    manager, client = start_new_kernel(kernel_name="python3")
    printed: list[str] = []
    try:
        for cell in (*cells, LIST):
            reply = client.execute_interactive(
                cell,
                timeout=120,
                output_hook=lambda message: printed.append(message["content"].get("text", "")),
            )
            assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    line = next(each for each in "".join(printed).splitlines() if each.startswith("modules "))
    names: list[str] = json.loads(line.removeprefix("modules "))
    return names


def main() -> None:
    """Measure pairs in fresh processes and print the medians; then what a first profile imports."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "empty_extension.py").write_text("def load_ipython_extension(shell): pass\n")
        names = ("empty_extension", "sdprofile")
        for what, code, bound in (
            ("%load_ext", LOADED, LOAD_MS),
            ("import", IMPORTED, IMPORT_MS),
        ):
            pairs = [
                [float(printed_by(code, name, folder=folder)) for name in names] for _ in range(11)
            ]
            empty, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
            more = statistics.median(b - a for a, b in pairs)
            print(
                f"{what}: an empty module {empty:.1f} ms, sdprofile {ours:.1f} ms,"
                f" median difference {more:.1f} ms (bound {bound})"
            )
    there = modules_after(SESSION)
    by_hand = set(modules_after(SESSION, BY_HAND))
    new = [name for name in modules_after(SESSION, PROFILED) if name not in {*there, *by_hand}]
    taken: dict[str, float] = json.loads(
        printed_by(TIMED, given=json.dumps([[*there, *sorted(by_hand)], new]))
    )
    packages: Counter[str] = Counter()
    for name, seconds in taken.items():
        packages[name.partition(".")[0]] += seconds
    print(f"a first profile: {sum(taken.values()):.2f} s of imports (bound {FIRST_S}), of which")
    for name, seconds in packages.most_common(8):
        print(f"  {name} {1000 * seconds:.0f} ms")


if __name__ == "__main__":
    main()
