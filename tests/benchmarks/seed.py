"""The workflow that all benchmarks share: spatialdata's map_raster twice over random chunks."""

from __future__ import annotations

CELL = """
image = sd.models.Image2DModel.parse(
    da.random.random((3, {size}, {size}), chunks=(1, 1000, 1000)), dims="cyx"
)
out = sd.map_raster(
    sd.map_raster(image, lambda x: x + 1, blockwise=True), lambda x: x + 2, blockwise=True
)
out.compute()
"""

STEADY = """
da.map_blocks(
    lambda: time.sleep(0.05) or np.zeros((1, 1)), chunks=((1,) * 60, (1,)), dtype=float
).sum().compute()
"""
"""60 tasks that sleep, 1.5 s on two workers: what is left is overhead, not the machine's noise."""

IMPORTS = (
    "import time\nimport dask.array as da\nimport numpy as np\nimport spatialdata as sd\n"
    "sd.models, sd.map_raster"
)


def cell(size: int) -> str:
    """Return the cell for images of 3 x size x size."""
    return CELL.format(size=size)
