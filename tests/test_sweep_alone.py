"""A sweep with a row without a cluster."""

from __future__ import annotations

import os
from pathlib import Path

import dask
import dask.array as da
import pytest
from dask import delayed
from dask.threaded import get as get_in_threads
from distributed import Client, get_client
from runs import sweep_of

import sdprofile
from sdprofile.cluster import own
from sdprofile.cluster.own import close_cluster, started_client
from sdprofile.options.options import Options
from sdprofile.progress import Step
from sdprofile.subject import Subject
from sdprofile.sweep import Sweep


def total() -> float:
    return float(da.ones((4, 100), chunks=(1, 100)).sum().compute())


def test_no_cluster_is_started_for_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def start() -> None:
        raise AssertionError

    monkeypatch.setattr(own, "start_imports", start)
    profile = sdprofile.profile(total, workers=(0,), repeats=2)
    assert [run.workers for run in profile.runs] == [0, 0]
    assert [run.status for run in profile.runs] == ["ok", "ok"]
    assert all(run.work.tasks for run in profile.runs)
    assert profile.answer.headline.startswith("No cluster: ")


def test_it_comes_first_and_beside_the_counts(tmp_path: Path) -> None:
    told: list[Step] = []
    subject = Subject(work=total, code="total()")
    path = tmp_path / "profile.json"
    options = Options(workers=(1, 0), memory="500MB", repeats=2, save=str(path))
    sweep = Sweep(subject, options, notify=told.append)
    try:
        for _ in sweep:
            pass
    finally:
        close_cluster()
    assert [run.workers for run in sweep.runs] == [0, 0, 1, 1]
    names = [step.name for step in told if step.repeat]
    assert names == ["no cluster", "no cluster", "1 worker", "1 worker"]
    assert [len(step.left) for step in told if step.repeat] == [4, 3, 2, 1]
    profile = sdprofile.load(path)
    assert profile.counts == sweep.profile().counts
    frame = profile.to_frame()
    assert frame["workers"].tolist() == [0, 0, 1, 1]
    assert frame["memory_limit_bytes"].isna().tolist() == [True, True, False, False]
    shares = profile.account().groupby("workers")["share"].sum()
    assert shares.tolist() == pytest.approx([1.0, 1.0])


def test_what_needs_a_client_fails_there_only() -> None:
    def work() -> None:
        get_client().submit(abs, -1, pure=False).result()

    profile = sdprofile.profile(work, workers=(0, 1), memory="500MB", repeats=1)
    assert [(run.workers, run.status) for run in profile.runs] == [(0, "failed"), (1, "ok")]
    assert any("Without a cluster the cell failed" in each.fact for each in profile.notices)


def end_process() -> None:
    os._exit(3)


def test_a_process_that_dies_is_a_row_and_the_sweep_goes_on() -> None:
    def work() -> None:
        if dask.config.get("scheduler", None) == "processes":
            delayed(end_process)().compute()

    profile = sdprofile.profile(
        work, workers=(0, 1), memory="500MB", scheduler="processes", repeats=1
    )
    assert [(run.setting.label, run.status) for run in profile.runs] == [
        *(("processes", "failed"), ("1", "ok"))
    ]
    [notice] = [each for each in profile.notices if each.fact.startswith("Without a cluster the")]
    assert "A process in the process pool was terminated abruptly" in notice.fact
    assert notice.advice == "Leave --scheduler processes out to see whether it is that"


def test_alone_an_error_is_the_cells() -> None:
    with pytest.raises(ZeroDivisionError):
        sdprofile.profile(lambda: 1 / 0, workers=(0,))


def test_the_sessions_client_stays_the_default(user_client: Client) -> None:
    seen: list[object] = []

    def work() -> None:
        seen.append(dask.base.get_scheduler(cls=da.Array))

    profile = sdprofile.profile(work, workers=(0, 1), repeats=1)
    assert [run.workers for run in profile.runs] == [0, 1]
    assert seen[0] is get_in_threads
    assert seen[1] == user_client.get
    assert Client.current() is user_client
    assert started_client() is None


def test_by_default_it_is_there_without_a_client_only(user_client: Client) -> None:
    with user_client.as_current():
        sweep = sweep_of(total, repeats=1)
        for run in sweep:
            assert run.workers > 0


@pytest.mark.parametrize("scheduler", ["threads", "processes", "synchronous"])
def test_a_scheduler_that_is_named_is_that_of_the_row(scheduler: str, tmp_path: Path) -> None:
    with dask.config.set(scheduler="sync"):  # what the session has set gives way
        profile = sdprofile.profile(
            total, workers=(0,), scheduler=scheduler, repeats=1, save=str(tmp_path / "kept.json")
        )
        assert dask.config.get("scheduler") == "sync"
    [run] = profile.runs
    assert (run.status, run.work.schedulers, run.setting.label) == ("ok", (scheduler,), scheduler)
    assert profile.answer.headline.startswith(f"No cluster ({scheduler}): ")
    assert profile.to_frame().scheduler.tolist() == [scheduler]
    read = sdprofile.load(tmp_path / "kept.json")
    assert [each.setting for each in read.runs] == [run.setting]
    assert read.runs[0].work.schedulers == (scheduler,)


def test_a_scheduler_of_the_session_is_overridden_on_workers_only() -> None:
    with dask.config.set(scheduler="sync"):
        alone = sdprofile.profile(total, workers=(0,), repeats=1)
        both = sdprofile.profile(total, workers=(0, 1), memory="500MB", repeats=1)
    assert not any("dask.config" in notice.fact for notice in alone.notices)
    assert [run.work.schedulers for run in both.runs] == [("synchronous",), ()]
    assert [each.fact for each in both.notices if each.leading] == [
        'dask.config has scheduler="sync", which keeps work off the workers: it was overridden for'
        " the runs on workers"
    ]


def test_a_cell_that_asks_for_another_scheduler_is_told() -> None:
    profile = sdprofile.profile(
        lambda: da.ones(10, chunks=5).sum().compute(scheduler="synchronous"),
        workers=(0,),
        scheduler="threads",
        repeats=1,
    )
    assert [each.fact for each in profile.notices if each.leading] == [
        "Without a cluster the cell asked for synchronous itself, in place of --scheduler threads"
    ]


def test_each_value_of_a_variable_has_a_row_without_a_cluster() -> None:
    made: list[int] = []

    def work(n: int) -> None:
        made.append(n)
        da.ones((n, 100), chunks=(1, 100)).sum().compute()

    profile = sdprofile.profile(
        work, workers=(0, 1), vary={"n": (2, 3)}, memory="500MB", repeats=1, steps="off"
    )
    settings = [(run.workers, run.setting.variables) for run in profile.runs]
    assert settings == [(w, (("n", n),)) for w in (0, 1) for n in ("2", "3")]
    assert {run.status for run in profile.runs} == {"ok"}
    assert made == [2, 3, 2, 3]
    assert [[count.setting.label for count in part.counts] for part in profile.parts] == [
        ["none", "1"],
        ["none", "1"],
    ]
    assert profile.chosen is not None
    assert "none" in str(profile)
    assert profile._repr_mimebundle_()["text/html"].count(">none<") >= 2
    assert [profile.varied.name_kind(count.setting) for count in profile.counts] == [
        *("n=2", "n=2", "n=3", "n=3")
    ]
    [of_workers] = [each for each in profile.varied.axes if each.name == "workers"]
    [of_n] = [each for each in profile.varied.axes if each.is_variable]
    settings = [count.setting for count in profile.counts]
    named = {profile.varied.name_but(of_n, each) for each in settings}
    assert named == {"no cluster", "1 worker"}
    assert {profile.varied.name_but(of_workers, each) for each in settings} == {"n=2", "n=3"}


def test_schedulers_are_held_against_each_other_by_varying_them() -> None:
    def work(how: str) -> None:
        da.ones((4, 100), chunks=(1, 100)).sum().compute(scheduler=how)

    profile = sdprofile.profile(
        work, workers=(0,), vary={"how": ("threads", "synchronous")}, repeats=1
    )
    assert profile.to_frame().scheduler.tolist() == ["threads", "synchronous"]
    assert profile.answer.headline.startswith("Use no cluster, how=")
