"""What ``%load_ext sdprofile`` costs over an empty extension: at most 50 ms."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BOUND_MS = 50
TIMED = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
start = time.perf_counter()
shell.run_line_magic("load_ext", sys.argv[1])
print((time.perf_counter() - start) * 1e3)
"""


def main() -> None:
    """Measure pairs in fresh processes and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "empty_extension.py").write_text("def load_ipython_extension(shell): pass\n")

        def load(name: str) -> float:
            command = [sys.executable, "-c", TIMED, name]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
            return float(done.stdout)

        pairs = [(load("empty_extension"), load("sdprofile")) for _ in range(11)]
    empty, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"empty extension {empty:.1f} ms, sdprofile {ours:.1f} ms")
    print(
        f"median difference {statistics.median(b - a for a, b in pairs):.1f} ms (bound {BOUND_MS})"
    )


if __name__ == "__main__":
    main()
