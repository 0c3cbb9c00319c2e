"""What a sweep takes beyond its runs, and where: the start, each run, each change of workers.

Bounds, of the medians: 2.0 s for the start of a cluster of its own (0.3 s where it is there),
0.15 s a run, 0.2 s a change of the number of workers.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from sdprofile import sweep
from sdprofile.cluster.lease import Lease
from sdprofile.cluster.questions import Questions
from sdprofile.measure import run
from sdprofile.measure.instrument import Instrument

CELLS = {
    "100 ms": "import time\nfrom dask import compute, delayed\n"
    "compute(*[delayed(time.sleep)(0.1) for _ in range(4)]);",
    "10 ms": "import dask\ndask.compute(*[dask.delayed(abs)(i) for i in range(4)]);",
}

taken: defaultdict[str, list[float]] = defaultdict(list)
"""Seconds of each call, by what was called."""


def watch(owner: Any, name: str, label: str = "") -> None:
    """Have the calls of a function or method timed; what it calls counts, too."""
    before: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(before)
    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return before(*args, **kwargs)
        finally:
            taken[label or name].append(time.perf_counter() - start)

    setattr(owner, name, timed)


def watch_all() -> None:
    """Have the parts of a sweep timed."""
    for kind in Instrument.__subclasses__():
        for name in ("begin", "start", "end", "read"):
            watch(kind, name, f"  {kind.__name__}.{name}")
    for name in ("ask", "ask_workers_first"):
        watch(Questions, name, f"  {name}")
    for name in ("clean_slate", "scheduler_ahead", "worker_states", "check_untouched"):
        watch(run, name, f"  {name}")
    watch(Lease, "__init__", "lease")
    watch(Lease, "__enter__", "start")
    watch(Lease, "__exit__", "give back")
    watch(Lease, "reshape", "change of workers")
    watch(Lease, "make_ready", "  make_ready")
    watch(sweep, "run_once", "run_once")
    watch(sweep.Sweep, "keep", "  keep")
    watch(sweep.Sweep, "_tell", "  tell")


def main() -> None:
    """Sweep twice, the second time on the cluster of the first, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--cell", choices=list(CELLS), default="100 ms")
    options = parser.parse_args()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "sdprofile")
    shell.ex("import spatialdata")
    watch_all()
    for name in ("cluster of its own", "cluster is there"):
        taken.clear()
        line = f"--workers {options.workers} -r {options.repeats} --memory 1GB --quiet --out found"
        start = time.perf_counter()
        shell.run_cell_magic("sdprofile", line, CELLS[options.cell])
        whole = time.perf_counter() - start
        profile = shell.user_ns["found"]
        runs = [each.seconds for each in profile.runs]
        changes = taken["change of workers"]
        around = [taken[part] for part in ("run_once", "  make_ready")]
        beyond = [sum(each) - run for run, *each in zip(runs, *around, strict=True)]
        print(f"{name}: whole {whole:.2f} s, {len(runs)} runs {sum(runs):.2f} s")
        print(f"  beyond the runs {whole - sum(runs):.2f} s, of which")
        for part in ("lease", "start", "give back"):
            print(f"    {part} {sum(taken[part]):.2f} s")
        median = statistics.median(changes)
        print(f"    changes of workers {sum(changes):.2f} s, median {median:.2f} s")
        print(f"    around each run {sum(beyond):.2f} s, median {statistics.median(beyond):.3f} s,")
        print("    of which on average")
        parts = {part: sum(each) / len(runs) for part, each in taken.items() if part[0] == " "}
        for part, seconds in sorted(parts.items(), key=lambda item: -item[1]):
            if seconds >= 0.001:
                print(f"    {part} {1000 * seconds:.0f} ms")
    shell.run_line_magic("sdcluster", "--close")


if __name__ == "__main__":
    main()
