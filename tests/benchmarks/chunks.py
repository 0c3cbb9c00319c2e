"""The best of five chunk sizes, found from a profile of one of them: its time within 10 %.

Each cell is profiled with one size; the replay says which of the five is the fastest. Then all are
measured with ``--vary``.
"""

from __future__ import annotations

import argparse
import statistics

from IPython.core.interactiveshell import InteractiveShell

BOUND = 1.10
SIZES, PROFILED = (200, 400, 800, 1600, 3200), 800

CELLS = {
    "mean": "da.random.random((6400, 6400), chunks={chunk}).mean().compute()",
    "sort": "da.random.random((6400, 3200), chunks={chunk}).map_blocks(np.sort).std().compute()",
    "map_raster": (
        "image = sd.models.Image2DModel.parse("
        'da.random.random((2, 3200, 3200), chunks=(1, {chunk}, {chunk})), dims="cyx")\n'
        "sd.map_raster(sd.map_raster(image, lambda x: x + 1, blockwise=True),"
        " lambda x: x + 2, blockwise=True).data.mean().compute()"
    ),
}


def main() -> None:
    """Predict, measure, and print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "sdprofile")
    shell.ex("import dask.array as da, numpy as np, spatialdata as sd")
    line = f"--workers 2 --memory 3GB -r {options.repeats} --quiet --out found"
    for name, code in CELLS.items():
        shell.user_ns["chunk"] = PROFILED
        source = code.format(chunk="chunk")
        shell.run_cell_magic("sdprofile", line, source)
        frame = shell.user_ns["found"].chunk_sizes()
        told = {round(PROFILED * row.factor**0.5): row.seconds for row in frame.itertuples()}
        sizes = ",".join(map(str, SIZES))
        shell.run_cell_magic("sdprofile", f"{line} --vary chunk={sizes}", source)
        measured = {
            int(dict(count.setting.variables)["chunk"]): statistics.median(count.timing.seconds)
            for count in shell.user_ns["found"].counts
        }
        known = [size for size in SIZES if size in told]
        best, found = min(measured, key=measured.__getitem__), min(known, key=told.__getitem__)
        for size in SIZES:
            print(f"{name} {size}: said {told.get(size, float('nan')):.2f} s, {measured[size]:.2f}")
        ratio = measured[found] / measured[best]
        print(f"{name}: best {best}, found {found}, its time {ratio:.2f} x (bound {BOUND})")
    shell.run_line_magic("sdcluster", "--close")


if __name__ == "__main__":
    main()
