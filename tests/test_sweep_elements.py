"""What a cell works on is listed, and chunks that cost too much are told, as measured."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import spatialdata as sd
from distributed import get_worker
from images import image

from sdprofile.options.options import Options
from sdprofile.results.profile import Profile
from sdprofile.spatial.scope import scope_of
from sdprofile.subject import Subject
from sdprofile.sweep import Sweep


def profile_of(work: Callable[[], object], **options: Any) -> Profile:
    options = {"workers": "1", "memory": "800MB", "repeats": 1} | options
    sweep = Sweep(Subject(work=work, code="", scope=scope_of(work)), Options(**options))
    for _ in sweep:
        pass
    return sweep.profile()


def facts(profile: Profile) -> str:
    return "\n".join(notice.fact for notice in profile.notices)


@pytest.mark.quiet
@pytest.mark.usefixtures("client")
def test_small_chunks_are_told_with_the_element_that_has_them() -> None:
    small, unused = image(300, 15, channels=1), image(100, 50, channels=1)

    def work() -> None:
        assert unused is not None
        small.data.mean().compute()

    profile = profile_of(work)
    assert [(each.name, each.chunk_count) for each in profile.elements] == [("small", 400)]
    [cause] = [cause for cause in profile.causes if cause.name == "small tasks"]
    assert cause.change.startswith("store or read small in chunks=(1, ")
    assert "instead of chunks=(1, 15, 15)" in cause.change
    assert cause.line in profile.answer.lines


@pytest.mark.usefixtures("client")
def test_full_resolution_that_is_not_needed_is_told() -> None:
    tree = image(400, 100, scale_factors=[2, 2], channels=1)
    made: Any = None

    def rasterized(scale: Any) -> Any:
        return sd.rasterize(
            scale,
            axes=("x", "y"),
            min_coordinate=[0, 0],
            max_coordinate=[400, 400],
            target_coordinate_system="global",
            target_unit_to_pixels=0.25,
        )

    def work() -> Any:
        made.data.sum().compute()
        return tree

    made = rasterized(tree["scale0"]["image"])
    assert "made was made from scale0 of tree" in facts(profile_of(work))
    made = rasterized(tree)
    assert "was made from" not in facts(profile_of(work))


@pytest.mark.usefixtures("client")
def test_without_steps_nothing_is_listed() -> None:
    small = image(100, 10, channels=1)
    profile = profile_of(lambda: small.data.sum().compute(), steps="off")
    assert profile.elements == ()
    assert profile.steps().empty


@pytest.mark.usefixtures("client")
def test_tasks_that_would_pass_the_limit_side_by_side_are_told() -> None:
    large = image(3500, 3500, channels=1)  # 98 MB

    def work() -> None:
        for number in range(2):  # one after the other, so what one takes is known
            large.data.map_blocks(copied, number).sum().compute()

    profile = profile_of(work, threads=3, memory="800MB")
    assert [run.status for run in profile.runs] == ["ok"]
    [notice] = [notice for notice in profile.notices if "too large" in notice.fact]
    assert " so 2 side by side pass the limit of 800 MB" in notice.fact
    assert notice.advice.startswith("Store or read large in smaller chunks than chunks=(1, 3500,")


def copied(block: Any, number: int) -> Any:
    held = [block + number + index for index in range(3)]
    return held[0] + held[1] + held[2]


@pytest.mark.usefixtures("client")
def test_what_all_threads_of_a_worker_took_is_not_taken_for_what_each_did() -> None:
    small = image(1000, 1000)  # 3 chunks of 8 MB

    def work() -> None:
        small.data.map_blocks(holding_80_mb, dtype=float, meta=np.ones(0)).sum().compute()

    profile = profile_of(work, threads=3, memory="800MB")
    most = profile.runs[0].memory.prefixes[0].rise_high
    assert 240_000_000 < most < 400_000_000
    assert 3 * most > 650_000_000  # more than a worker of 800 MB has room for
    assert "too large" not in facts(profile)
    assert "side by side" not in facts(profile)


def holding_80_mb(block: Any) -> Any:
    payload = np.ones(10_000_000)
    vars(get_worker()).setdefault("all_hold_theirs", threading.Barrier(3)).wait(timeout=60)
    return block * payload[0]


SCRIPT = """
import sys
import dask.array as da
import distributed
import sdprofile
from sdprofile.cluster.own import close_cluster, start_cluster

def without():
    return da.ones(4, chunks=2).sum().compute()

def with_steps():
    image = sd.models.Image2DModel.parse(da.ones((1, 100, 100), chunks=50), dims="cyx")
    total = sd.map_raster(image, np.negative, blockwise=True).data.sum().compute()
    known.append(distributed.get_client().run(lambda: "numba" in sys.modules))
    return total

if __name__ == "__main__":
    start_cluster(workers=1, threads=1, memory_limit=600_000_000)
    profile = sdprofile.profile(without, workers=1, repeats=1)
    print(profile.runs[0].status, profile.runs[0].steps.calls, profile.elements)
    print([name for name in ("spatialdata", "zarr") if name in sys.modules])

    import numpy as np
    import spatialdata as sd
    known = []
    before = "numba" in sys.modules
    profile = sdprofile.profile(with_steps, workers=1, repeats=2)
    print([run.status for run in profile.runs], bool(profile.runs[0].steps.calls))
    print([set(each.values()) for each in known] == 2 * [{before}], "numba" in sys.modules)
    close_cluster()
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a script prints that makes one profile before it loads spatialdata, and one after."""
    script = tmp_path_factory.mktemp("script") / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.splitlines()


def test_where_spatialdata_is_not_loaded_nothing_is_loaded_for_it(printed: list[str]) -> None:
    assert printed[:2] == ["ok () ()", "[]"]


def test_workers_get_no_import_that_only_the_steps_need(printed: list[str]) -> None:
    assert printed[2:] == ["['ok', 'ok'] True", "True True"]
