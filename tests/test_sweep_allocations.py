"""A sweep that looks at what tasks allocate, in a run of its own."""

from __future__ import annotations

import time
from pathlib import Path

import dask
import numpy as np
import pytest
from distributed import Client

import sdprofile
from sdprofile import tracking
from sdprofile.cluster.lease import Lease
from sdprofile.errors import NotReachedError, SdprofileError
from sdprofile.measure.allocations import Tracked
from sdprofile.model.setting import Setting
from sdprofile.options.options import Options

MB = 10**6


def make_large() -> int:
    """Have 200 MB."""
    large = np.ones(25 * MB)
    return len(large)


def make_little() -> int:
    return len(bytes(10 * MB))


def work() -> None:
    tasks = [dask.delayed(each, pure=False)() for each in (make_large, make_little)]
    dask.compute(*tasks)


def test_lines_are_told_after_the_runs_and_come_back_from_a_file(
    client: Client, tmp_path: Path
) -> None:
    pytest.importorskip("memray")

    profile = sdprofile.profile(
        work, workers=1, repeats=1, allocations=True, save=str(tmp_path / "saved.json")
    )

    assert len(profile.runs) == 1  # it is none of them
    found = profile.allocated
    assert found is not None
    assert (found.prefix, found.workers, found.tasks) == ("make_large", 1, 1)
    assert found.usual_seconds == profile.runs[0].seconds
    row = profile.allocations().iloc[0]
    assert 200 * MB <= row["bytes"] < 201 * MB
    line = make_large.__code__.co_firstlineno + 2
    assert f"(test_sweep_allocations) line {line} > ones (numpy) line " in row["stack"]
    assert (row["function"], row["origin"]) == ("ones", "numpy")
    assert f"make_large (test_sweep_allocations) line {line} > ones" in str(profile)
    assert sdprofile.load(tmp_path / "saved.json") == profile


def test_where_memray_sees_nothing_it_is_told(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("memray")
    monkeypatch.setattr(tracking.TaskAllocations, "read", lambda self: Tracked())

    profile = sdprofile.profile(work, workers=1, repeats=1, allocations=True)

    assert profile.allocated is None
    assert profile.allocations().empty
    [notice] = [each for each in profile.notices if "--allocations" in each.fact]
    assert notice.fact.endswith("there is no memray, or it saw no task of make_large")


def test_where_tasks_allocate_next_to_nothing_it_is_told(client: Client) -> None:
    pytest.importorskip("memray")

    def little() -> None:
        dask.compute(*[dask.delayed(time.sleep, pure=False)(0.1) for _ in range(3)])

    profile = sdprofile.profile(little, workers=1, repeats=1, allocations=True)

    assert profile.allocated is None
    [notice] = [each for each in profile.notices if "--allocations" in each.fact]
    assert notice.fact.startswith("Tasks of sleep allocate next to nothing (--allocations): ")


def test_where_the_workers_do_not_come_back_it_is_told(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("memray")
    reshape = Lease.reshape
    shapes: list[Setting] = []

    def once(lease: Lease, setting: Setting) -> None:
        shapes.append(setting)
        if len(shapes) > 1:
            raise NotReachedError("only 0 of 1 workers started", advice="wait")
        reshape(lease, setting)

    monkeypatch.setattr(Lease, "reshape", once)

    profile = sdprofile.profile(work, workers=1, repeats=1, allocations=True)

    assert profile.allocated is None
    assert [run.status for run in profile.runs] == ["ok"]
    [notice] = [each for each in profile.notices if "--allocations" in each.fact]
    assert notice.fact.endswith("was not seen: only 0 of 1 workers started")


def test_an_error_of_the_run_with_it_is_raised(client: Client, tmp_path: Path) -> None:
    pytest.importorskip("memray")
    been_here = tmp_path / "been_here"

    def fail_again() -> None:
        work()
        if been_here.exists():
            raise ValueError("again")
        been_here.touch()

    with pytest.raises(ValueError, match="again"):
        sdprofile.profile(fail_again, workers=1, repeats=1, allocations=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--allocations --workers 0", "--allocations: expected --workers with a count"),
        ("--allocations --budget 1min", "--budget: expected no --allocations"),
    ],
)
def test_what_leaves_no_run_for_it_is_refused(options: str, message: str) -> None:
    with pytest.raises(SdprofileError, match=message):
        Options.parse(options)
