"""The whole flow from plain Python, on real workers."""

from __future__ import annotations

import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import distributed
import pytest
from distributed import Client

import sdprofile
from sdprofile import agenda, plan, repeats
from sdprofile.cluster import own
from sdprofile.cluster import resize as resizing
from sdprofile.cluster.own import close_cluster
from sdprofile.cluster.session import find_client, overridden_scheduler, shape
from sdprofile.options.options import Options
from sdprofile.progress import Step
from sdprofile.subject import Subject
from sdprofile.sweep import Sweep

MIB = 2**20


def hold(mib: int) -> int:
    payload = b"x" * (mib * MIB)
    time.sleep(2)
    return len(payload)


def test_counts_are_visited_in_order_with_exactly_so_many_workers() -> None:
    seen: list[int] = []

    def work() -> None:
        client = distributed.get_client()
        seen.append(len(client.scheduler_info(n_workers=-1)["workers"]))
        da.ones((4, 100), chunks=(1, 100)).sum().compute()

    profile = sdprofile.profile(work, workers=(2, 1, 3), memory="500MB", repeats=2)
    assert seen == [2, 1, 3, 3, 1, 2]
    assert profile.to_frame()["workers"].tolist() == seen
    assert set(profile.to_frame()["status"]) == {"ok"}
    assert (profile.to_frame()["tasks"] > 0).all()
    assert find_client() is None


def test_a_killed_count_ends_and_the_next_one_goes_on() -> None:
    def work() -> None:
        client = distributed.get_client()
        if len(client.scheduler_info(n_workers=-1)["workers"]) == 1:
            client.submit(hold, 800, key="greedy").result()
        client.submit(abs, -1, pure=False).result()

    profile = sdprofile.profile(work, workers="1,2", memory="500MB", repeats=2)
    assert profile.to_frame()[["workers", "status"]].values.tolist() == [
        [1, "killed"],
        [2, "ok"],
        [2, "ok"],
    ]
    (failure,) = profile.failures
    assert failure.tasks == ("greedy",)
    assert "greedy" in profile.notices[0].fact


def test_the_whole_result_on_one_worker_is_explained() -> None:
    def work() -> None:
        # 320 MiB, and as much once more; a worker that only has it is far from its limit.
        da.random.random((8, 5 * MIB), chunks=(1, 5 * MIB)).compute()

    profile = sdprofile.profile(work, workers=(1,), memory="700MB", repeats=1)
    (failure,) = profile.failures
    assert failure.in_finalize
    assert "puts the whole result together on one worker" in profile.notices[0].fact


def test_runs_are_kept_when_the_work_fails() -> None:
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise LookupError("third time")

    sweep = Sweep(Subject(work=work, code=""), Options(workers=(1,), memory="500MB"))
    try:
        with pytest.raises(LookupError, match="third time"):
            list(sweep)
        assert [run.status for run in sweep.profile().runs] == ["ok", "ok", "failed"]
        client = find_client()
        assert client is not None
        assert client.submit(sum, (1, 2)).result() == 3
    finally:
        close_cluster()


@pytest.mark.usefixtures("client")
def test_a_rival_takes_turns_and_the_subject_is_the_last() -> None:
    order: list[str] = []
    steps: list[Step] = []
    sweep = Sweep(
        Subject(work=lambda: order.append("new"), code="new"),
        Options(workers=(1,), repeats=2),
        rival=Subject(work=lambda: order.append("old"), code="old"),
        notify=steps.append,
    )
    list(sweep)
    assert order == ["new", "old", "old", "new"]
    rival = sweep.rival_profile()
    assert rival is not None
    assert (rival.code, [run.repeat for run in rival.runs]) == ("old", [1, 2])
    assert (sweep.profile().code, len(sweep.runs)) == ("new", 2)
    assert [step.done for step in steps] == [0, 0, 0, 1, 2, 3]
    assert len(steps[0].left) == 4


@pytest.mark.usefixtures("client")
def test_a_rival_that_fails_ends_nothing_but_itself() -> None:
    calls: list[str] = []

    def fail() -> None:
        calls.append("old")
        raise LookupError("old")

    sweep = Sweep(
        Subject(work=lambda: calls.append("new"), code=""),
        Options(workers=(1,), repeats=2),
        rival=Subject(work=fail, code=""),
    )
    list(sweep)
    assert calls == ["new", "old", "new"]
    assert [run.status for run in sweep.runs] == ["ok"] * 2
    rival = sweep.rival_profile()
    assert rival is not None
    assert [run.status for run in rival.runs] == ["failed"]


def test_each_step_is_told_before_it_is_made() -> None:
    steps: list[Step] = []
    sweep = Sweep(
        Subject(work=lambda: None, code=""),
        Options(workers=(1, 2), repeats=1, memory="500MB"),
        notify=steps.append,
    )
    try:
        list(sweep)
    finally:
        close_cluster()
    told = [(step.name, step.repeat, step.done, [s.workers for s in step.left]) for step in steps]
    assert told == [
        ("1 worker", 0, 0, [1, 2]),
        ("1 worker", 0, 0, [1, 2]),
        ("1 worker", 1, 0, [1, 2]),
        ("2 workers", 0, 1, [2]),
        ("2 workers", 1, 1, [2]),
    ]
    assert {step.repeats for step in steps} == {1}
    assert [bool(step.dashboard) for step in steps] == [False, True, True, True, True]


def test_a_worker_that_dies_ends_its_count_and_is_replaced_for_the_next() -> None:
    counts: list[int] = []

    def work() -> None:
        client = distributed.get_client()
        counts.append(len(client.scheduler_info(n_workers=-1)["workers"]))
        client.submit(os._exit if counts == [1] else abs, 4, pure=False).result()

    profile = sdprofile.profile(work, workers=(1, 2), memory="500MB", repeats=2)
    assert counts == [1, 2, 2]
    assert [run.status for run in profile.runs] == ["killed", "ok", "ok"]
    assert profile.runs[0].seconds < 10  # dask's own patience ends after four deaths
    assert "1 worker: a worker exited with status 4 after" in profile.notices[0].fact


def test_a_task_that_goes_on_does_not_hold_up_the_next_count() -> None:
    def work() -> None:
        client = distributed.get_client()
        if len(client.scheduler_info(n_workers=-1)["workers"]) == 1:
            client.submit(time.sleep, 30, pure=False).result()
        client.submit(abs, -1, pure=False).result()

    profile = sdprofile.profile(work, workers=(1, 2), memory="500MB", repeats=1, timeout=1.0)
    assert [run.status for run in profile.runs] == ["stuck", "ok"]


def test_the_environment_is_as_before(user_client: Client) -> None:
    before = dict(os.environ)
    sdprofile.profile(lambda: None, workers=(1,), repeats=1)
    assert shape(user_client).workers == 2
    assert dict(os.environ) == before


def test_results_that_are_held_are_told(user_client: Client) -> None:
    held = user_client.submit(abs, -7)
    profile = sdprofile.profile(lambda: None, workers=(2,), repeats=1)
    assert profile.remarks[0].fact.startswith("The workers hold 1 result of earlier cells")
    assert held.result() == 7


def test_a_borrowed_client_is_used_and_given_back(user_client: Client) -> None:
    before = shape(user_client)
    profile = sdprofile.profile(
        lambda: da.ones(4, chunks=1).sum().compute(), workers=1, memory="600MB", repeats=1
    )
    assert profile.to_frame()["memory_limit_bytes"].tolist() == [600_000_000]
    assert shape(user_client) == before
    assert distributed.default_client() is user_client


def test_a_scheduler_of_the_session_is_overridden_and_told_first(user_client: Client) -> None:
    def work() -> None:
        da.ones(4, chunks=1).sum().compute()

    schedulers = {
        'scheduler="synchronous"': "synchronous",
        "ThreadPoolExecutor": ThreadPoolExecutor(1),
    }
    for said, scheduler in schedulers.items():
        with dask.config.set(scheduler=scheduler):
            profile = sdprofile.profile(work, workers=2, repeats=1)
            assert dask.config.get("scheduler") is scheduler
        assert said in str(profile).splitlines()[0]
        assert profile.runs[0].work.tasks > 0
        assert profile.runs[0].elsewhere == ()
    usual = sdprofile.profile(work, workers=2, repeats=1)
    assert not any(notice.leading for notice in usual.notices)


def test_settings_that_lead_to_the_profiled_workers_are_not_overridden(user_client: Client) -> None:
    with Client(user_client.scheduler.address, set_as_default=False) as same:
        for scheduler in (None, "distributed", user_client, same, user_client.get):
            with dask.config.set(scheduler=scheduler):
                assert overridden_scheduler(user_client) == ""
    with dask.config.set(scheduler=user_client):
        assert overridden_scheduler(None).startswith("scheduler=a client of tcp://")


def test_report_is_written_for_each_count(tmp_path: Path) -> None:
    sdprofile.profile(
        lambda: da.ones(4, chunks=1).sum().compute(),
        workers=(1, 2),
        memory="500MB",
        repeats=1,
        report=str(tmp_path / "report.html"),
    )
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["report-1-worker.html", "report-2-workers.html"]
    for name in names:
        assert "Dask Performance Report" in (tmp_path / name).read_text()


@pytest.mark.usefixtures("client")
def test_a_profile_is_in_its_file_after_every_run(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    seen: list[tuple[int, str]] = []

    def work() -> None:
        if path.exists():
            kept = sdprofile.load(path)
            seen.append((len(kept.runs), kept.stopped))
            if len(kept.runs) == 2:
                raise LookupError("mine")

    with pytest.raises(LookupError):
        sdprofile.profile(work, workers=1, repeats=5, save=str(path))
    assert [runs for runs, _ in seen] == [1, 2]
    assert all("not finished" in stopped for _, stopped in seen)
    kept = sdprofile.load(path)
    assert [run.status for run in kept.runs] == ["ok", "ok", "failed"]
    assert kept.stopped == "LookupError: mine"
    whole = sdprofile.profile(abs_of_one, workers=1, repeats=1, save=str(path))
    assert sdprofile.load(path) == whole
    assert whole.stopped == ""


@pytest.mark.usefixtures("client")
def test_profiles_and_files_are_compared_in_plain_python(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    profile = sdprofile.profile(abs_of_one, workers=1, repeats=1, save=str(path))
    found = sdprofile.compare(path, profile, names=("old", "new"))
    assert found.names == ("old", "new")
    assert found.before == found.after == profile
    assert [change.verdict and change.verdict.ratio for change in found.counts] == [1.0]


@pytest.mark.usefixtures("client")
def test_what_does_not_fit_into_a_budget_is_left_out_and_told(tmp_path: Path) -> None:
    path = tmp_path / "budget.json"
    profile = sdprofile.profile(abs_of_one, workers=1, budget="1ms", save=str(path))
    assert len(profile.runs) == profile.repeats == 1
    facts = [notice.fact for notice in profile.notices]
    assert "2 runs with 1 worker did not fit into --budget 1 s" in facts
    assert sdprofile.load(path) == profile


def abs_of_one() -> int:
    return abs(-1)


@pytest.mark.usefixtures("client")
def test_a_file_that_cannot_be_written_any_more_costs_no_run(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    def work() -> None:
        if folder.exists():
            folder.rmdir()

    profile = sdprofile.profile(work, workers=1, repeats=2, save=str(folder / "kept.json"))
    assert [run.status for run in profile.runs] == ["ok", "ok"]
    [notice] = [notice for notice in profile.notices if "not saved" in notice.fact]
    assert "no such file or directory" in notice.fact


@pytest.mark.parametrize("option", ["report", "save"])
@pytest.mark.parametrize("path", ["no-such-folder/report.html", "."])
def test_a_file_that_cannot_be_written_is_refused_before_the_first_run(
    path: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    calls: list[Any] = []
    kwargs: Any = {option: path}
    with pytest.raises(sdprofile.SdprofileError, match=f"^--{option}: expected a file"):
        sdprofile.profile(lambda: calls.append(1), memory="500MB", **kwargs)
    assert not calls
    assert os.listdir(tmp_path) == []


def test_workers_that_never_start_are_a_row_and_the_next_count_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own, "CLOSE_TIMEOUT", 2.0)
    give_up, patience = resizing._wrong_number, resizing.START_TIMEOUT

    def give_up_once(*what: Any) -> Exception:
        monkeypatch.setattr(resizing, "START_TIMEOUT", patience)
        return give_up(*what)

    monkeypatch.setattr(resizing, "_wrong_number", give_up_once)
    close_cluster()
    calls: list[int] = []

    def work() -> None:
        client = distributed.get_client()
        client.submit(abs, -1, pure=False).result()
        calls.append(1)
        if len(calls) == 1:  # workers that are asked for from now on wait in their preload
            client.cluster.new_spec["options"]["preload"] = ["import time; time.sleep(600)"]
            monkeypatch.setattr(resizing, "START_TIMEOUT", 1.0)

    profile = sdprofile.profile(work, workers=(1, 2, 3), memory="500MB", repeats=1)

    assert [run.status for run in profile.runs] == ["ok", "stuck", "ok"]
    facts = [notice.fact for notice in profile.notices]
    assert any("2 workers: only 1 of 2 workers started in 1 s" in fact for fact in facts)
    assert any("another one started" in fact for fact in facts)
    assert find_client() is None


def test_without_a_number_there_are_more_runs_while_a_verdict_is_open(
    user_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (plan, repeats, agenda):
        monkeypatch.setattr(module, "REPEATS", (1, 2))
    monkeypatch.setattr(repeats, "_WITHIN", math.inf)

    def work() -> None:
        user_client.submit(abs, -1, pure=False).result()

    profile = sdprofile.profile(work, workers=(1, 2))
    assert profile.repeats == 2
    assert sorted((run.workers, run.repeat) for run in profile.runs) == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    ]
    assert len(sdprofile.profile(work, workers=1, repeats=1).runs) == 1
