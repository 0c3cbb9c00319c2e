"""Cell time under the magic over the same cell by hand on the same cluster: at most 1.03."""

from __future__ import annotations

import argparse
import gc
import time

from IPython.core.interactiveshell import InteractiveShell
from pairs import median_ratio, timed
from seed import IMPORTS, STEADY, cell

BOUND = 1.03

PAUSE = 1.0
"""Seconds of rest before each. A process that has freed its memory a moment ago gets it back faster
than one that has been idle, and the magic is idle between its runs, while it reads its instruments.
"""


def main() -> None:
    """Measure pairs, the order changing from pair to pair, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--size", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--steady", action="store_true", help="tasks that sleep instead")
    options = parser.parse_args()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "sdprofile")
    shell.ex(IMPORTS)
    client = shell.run_line_magic("sdcluster", f"--workers {options.workers} --memory 3GB")
    source = STEADY if options.steady else cell(options.size)

    def by_hand() -> float:
        gc.collect()
        time.sleep(PAUSE)
        return timed(source, shell.user_ns)

    def by_magic() -> float:
        time.sleep(PAUSE)
        line = f"--workers {options.workers} --memory 3GB -r 1 --quiet --out found"
        shell.run_cell_magic("sdprofile", line, source.strip() + ";\n")
        return float(shell.user_ns["found"].runs[0].seconds)

    by_hand()  # both start with warm workers
    by_magic()
    ratio = median_ratio(by_hand, by_magic, pairs=options.pairs)
    client.close()
    shell.run_line_magic("sdcluster", "--close")
    print(f"median ratio {ratio:.3f} (bound {BOUND})")


if __name__ == "__main__":
    main()
