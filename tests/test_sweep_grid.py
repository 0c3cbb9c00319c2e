"""Threads, limits and variables are varied for real, and each run has what its row says."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import distributed
import pytest
from distributed import Client
from runs import hold

import sdprofile
from sdprofile import progress
from sdprofile.cluster.worker_states import worker_states
from sdprofile.results.comparison import Comparison


def workers_now() -> tuple[int, int, int]:
    """Return number, threads and memory limit of the workers."""
    states = worker_states(distributed.get_client())
    (kind,) = {(state.threads, state.memory_limit) for state in states}
    return len(states), *kind


def test_each_run_has_the_workers_and_the_value_of_its_row() -> None:
    seen: list[tuple[Any, ...]] = []

    def work(chunk: int) -> None:
        seen.append((*workers_now(), chunk))
        distributed.get_client().submit(abs, -chunk, pure=False).result()

    profile = sdprofile.profile(
        work,
        workers=(1, 2),
        threads=(1, 2),
        memory="400MB",
        vary={"chunk": (5, 7)},
        repeats=1,
    )

    columns = ["workers", "threads", "memory_limit_bytes", "chunk"]
    assert [tuple(row) for row in profile.to_frame()[columns].values.tolist()] == seen
    assert len(set(seen)) == 8
    assert {limit for _, _, limit, _ in seen} == {400_000_000}
    assert len(profile.parts) == 4
    # Which is the fastest, one run of next to nothing does not tell.
    named = r"Use [12] workers?, chunk=[57], [12] threads?\b"
    assert re.match(named, profile.advice)


def test_the_smallest_limit_that_holds_is_found(client: Client) -> None:
    limits: list[int] = []

    def work() -> None:
        limits.append(workers_now()[2])
        client.submit(hold, 600, 1.0, pure=False).result()

    profile = sdprofile.profile(work, workers=1, memory=("500MB", "1GB"), repeats=1)

    assert profile.to_frame()[["memory_limit_bytes", "status"]].values.tolist() == [
        [500_000_000, "killed"],
        [1_000_000_000, "ok"],
    ]
    assert limits == [500_000_000, 1_000_000_000]
    assert "1.00 GB is the smallest limit that was enough, with 500 MB a worker was killed" in (
        profile.advice
    )
    with client.as_current():
        assert workers_now() == (1, 1, 1_000_000_000)


@pytest.mark.usefixtures("client")
def test_a_grid_that_takes_long_is_told_after_the_first_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []

    def work(seconds: float) -> None:
        said.append(capsys.readouterr().err)
        time.sleep(seconds)

    monkeypatch.setattr(progress, "LONG", 0.2)
    sdprofile.profile(work, workers=1, vary={"seconds": (0.1, 0.01)}, repeats=3)
    assert [bool(each) for each in said] == [False, True, False, False, False, False]
    assert said[1].startswith("sdprofile: 5 runs to go after the first, which took 1")
    sdprofile.profile(work, workers=1, vary={"seconds": (0.01,)}, repeats=3)
    assert not any(said[2:])


@pytest.mark.usefixtures("client")
def test_a_grid_is_kept_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "grid.json"
    profile = sdprofile.profile(abs_of, workers=1, vary={"n": (1, 2)}, repeats=1, save=str(path))
    assert profile.is_grid
    assert sdprofile.load(path) == profile


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ({"m": (1, 2)}, r"expected the arguments that the function takes, got m for \(n: "),
        ({}, "expected the arguments that the function takes, got none for"),
        ({"n": 1}, "expected several values of n, got 1"),
    ],
)
def test_a_function_that_does_not_take_what_is_varied_is_not_run(vary: Any, said: str) -> None:
    with pytest.raises(sdprofile.SdprofileError, match=f"^vary: {said}"):
        sdprofile.profile(abs_of, vary=vary)


def abs_of(n: int) -> int:
    return abs(n)


@pytest.mark.usefixtures("client")
def test_two_functions_are_compared_by_turns() -> None:
    order: list[str] = []
    compared = sdprofile.compare(
        lambda: order.append("old"), lambda: order.append("new"), workers=1, repeats=2
    )
    assert isinstance(compared, Comparison)
    assert order == ["new", "old", "old", "new"]
    assert (len(compared.before.runs), len(compared.after.runs)) == (2, 2)
    assert "by turns" in str(compared)


@pytest.mark.usefixtures("client")
def test_a_function_is_compared_with_what_was_measured_before(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    sdprofile.profile(lambda: None, workers=1, repeats=1).save(path)
    compared = sdprofile.compare(path, lambda: time.sleep(0.1), workers=1, repeats=1)
    assert compared.counts[0].verdict is not None
    assert compared.after.runs[0].seconds >= 0.1
    with pytest.raises(sdprofile.SdprofileError, match="expected a function to profile"):
        sdprofile.compare(path, path, workers=1)
    with pytest.raises(sdprofile.SdprofileError, match="expected one limit"):
        sdprofile.compare(lambda: None, lambda: None, threads=(1, 2))


def test_a_need_above_the_limit_is_refused() -> None:
    said = "^--task-memory add: expected at most the memory limit of a worker, got 2.00 GB"
    with pytest.raises(sdprofile.SdprofileError, match=said):
        sdprofile.profile(abs_of, memory="1GB", task_memory={"add": "2GB"}, vary={"n": (1,)})
