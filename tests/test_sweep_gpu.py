"""A sweep whose tasks use a GPU, on real workers, against a stand-in for NVML."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path

import pytest
from conftest import wait_until
from distributed import Client, Nanny, Scheduler, SpecCluster, get_client
from gpus import (
    GIB,
    H200,
    OneForEachCard,
    Torch,
    held,
    hold_on_card,
    hold_on_own_card,
    make_cards,
    run_out,
    sees_first,
    segment,
)
from pages import Page
from runs import curves, sweep_of

import sdprofile
from sdprofile.cluster.own import close_cluster
from sdprofile.cluster.worker_states import worker_states
from sdprofile.cluster.workers import fast_start
from sdprofile.errors import SdprofileError
from sdprofile.model.failure import NO_GPU_MEMORY
from sdprofile.model.gpu import Held
from sdprofile.model.run import Run
from sdprofile.render.page.memory_view import memory_view
from sdprofile.results.profile import Profile, load


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return make_cards(monkeypatch, tmp_path)


def held_by_each(folder: Path, most: int) -> None:
    """Hold 22 GiB on each worker; on more than fit, ask for more than there is."""
    client: Client = get_client()
    workers = sorted(client.nthreads())
    task, nbytes = (hold_on_card, 22 * GIB) if len(workers) <= most else (run_out, 17 * GIB)
    tasks = [
        client.submit(task, folder, nbytes, workers=[worker], pure=False) for worker in workers
    ]
    client.gather(tasks)


def hold_unless(folder: Path, out: int) -> None:
    """Hold memory of the card for a moment, or run out of it at once."""
    run_out(folder, GIB, 0.0) if out else hold_on_card(folder, GIB, 0.5)


def test_a_sweep_goes_on_after_a_full_gpu_and_tells_what_fits(folder: Path, tmp_path: Path) -> None:
    sweep = sweep_of(
        lambda: held_by_each(folder, 2), workers="3,1,2", order="grouped", repeats=1, memory="1GB"
    )
    runs = list(sweep)
    close_cluster()
    assert {run.workers: run.status for run in runs} == {1: "ok", 2: "ok", 3: NO_GPU_MEMORY}
    profile = sweep.profile()
    (failure,) = profile.failures
    assert failure.message.startswith("RuntimeError: CUDA out of memory. Tried to allocate")
    assert "2 workers of up to 23.6 GB fit on gpu 0 (85.9 GB), 3 do not." in profile.advice
    assert any(notice.fact.startswith("3 workers: out of GPU memory") for notice in profile.notices)
    row = r"^ +3  +out of GPU memory .* 18\.3 GB +\d\d %"
    assert re.search(row, profile.to_markdown().replace("|", " "), re.MULTILINE)

    frame = profile.to_frame().set_index("workers")
    assert frame.peak_gpu_worker_bytes[[1, 2]].tolist() == [22 * GIB] * 2
    assert frame.peak_gpu_workers_bytes[2] == 44 * GIB
    assert set(frame.gpu_bytes) == {80 * GIB}
    curves = profile.memory().query("source == 'nvml' and workers == 2")
    assert set(curves.measure) == {"gpu 0"}
    assert curves.groupby("worker").bytes.max().tolist() == [44 * GIB, 22 * GIB, 22 * GIB]

    profile.save(tmp_path / "kept.json")
    assert load(tmp_path / "kept.json") == profile


def test_runs_after_one_that_ran_out_at_once_have_their_tasks(folder: Path) -> None:
    def work() -> None:
        client: Client = get_client()
        workers = sorted(client.nthreads())
        # The error has the variable `tasks`, and so the future that has the error.
        tasks = [
            client.submit(hold_unless, folder, place, workers=[worker], pure=False)
            for place, worker in enumerate(workers)
        ]
        client.gather(tasks)

    sweep = sweep_of(work, workers="2,1", order="grouped", repeats=1, memory="1GB")
    runs = list(sweep)
    close_cluster()
    assert [(run.status, run.work.tasks) for run in runs] == [(NO_GPU_MEMORY, 2), ("ok", 1)]


def test_workers_that_ran_out_are_started_anew(folder: Path) -> None:
    pids: list[set[int]] = []

    def work() -> None:
        client: Client = get_client()
        pids.append(set(client.run(hold_on_card, folder, GIB, 0.0).values()))
        if len(pids) == 1:
            client.submit(run_out, folder, GIB, 0.0, pure=False).result()

    sweep = sweep_of(work, workers="2,1", order="grouped", repeats=1, memory="1GB")
    assert len(list(sweep)) == 2
    close_cluster()
    assert not pids[0] & pids[1]


def test_what_tasks_do_comes_from_the_samplers_to_the_views(folder: Path, tmp_path: Path) -> None:
    def work() -> None:
        client: Client = get_client()
        client.gather(client.map(partial(segment, folder=folder), range(12), pure=False))

    sweep = sweep_of(work, workers="2", repeats=2, memory="1GB")
    statuses = [run.status for run in sweep]
    close_cluster()
    assert statuses == ["ok", "ok"]
    profile = sweep.profile()
    [loads] = [cause for cause in profile.causes if cause.name == "loads a model again"]
    assert loads.fact.startswith("each task of segment")
    assert "(gpus.load_model)" in loads.fact
    assert ", 3.22 GB in use by torch" in profile.advice

    frame = profile.to_frame().set_index("workers")
    assert set(frame.peak_gpu_torch_bytes) == {3 * GIB}
    assert set(frame.peak_gpu_torch_reserved_bytes) == {4 * GIB}
    assert frame.gpu_cupy_bytes.isna().all()
    assert profile.summary().peak_gpu_worker_bytes.tolist() == [4 * GIB]
    headers = Page(memory_view(profile)).rows[0]
    assert {"gpu/worker", "in torch", "of gpu"} <= set(headers)
    assert "in cupy" not in headers

    profile.save(tmp_path / "kept.json")
    assert load(tmp_path / "kept.json") == profile


def test_a_run_without_a_cluster_tells_what_the_kernel_holds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", Torch(3))

    def work() -> None:
        sys.modules["torch"] = Torch(2)  # type: ignore[assignment]
        with held(folder, pid=1, _0=GIB):
            hold_on_card(folder, 4 * GIB)

    [run] = sweep_of(work, workers="0", repeats=1)
    (card,) = run.memory.cards
    assert card.workers == (
        Held(worker="kernel", nbytes=4 * GIB, torch=2 * GIB, torch_reserved=3 * GIB),
    )
    assert (card.kernel, card.others, card.peak) == (0, GIB, 5 * GIB)
    [kernel] = [curve for curve in curves(run, "nvml", "gpu 0") if curve.worker]
    assert (kernel.worker, max(kernel.nbytes)) == ("kernel", 4 * GIB)


def test_what_the_kernel_keeps_is_given_back_before_the_workers_need_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = Torch(3)
    monkeypatch.setitem(sys.modules, "torch", torch)
    emptied: list[int] = []

    def work() -> None:
        emptied.append(torch.emptied)
        hold_on_card(folder, GIB)

    assert [run.status for run in sweep_of(work, workers="0,1", repeats=2, memory="1GB")] == [
        "ok"
    ] * 4
    close_cluster()
    assert emptied == [0, 0, 1, 1]


def test_a_gpu_that_is_full_without_a_cluster_is_a_row(folder: Path) -> None:
    sweep = sweep_of(lambda: run_out(folder, 68 * GIB), workers="0", repeats=1)
    [run] = sweep
    assert run.status == NO_GPU_MEMORY
    profile = sweep.profile()
    assert profile.advice.startswith(
        "No count finished: without a cluster it does not fit on gpu 0 (80.0 GiB): the kernel held"
        " up to 68.0 GiB when more was asked for."
    )
    assert any("the kernel held up to 68.0 GiB of gpu 0" in each.fact for each in profile.notices)


def hold_each_its_own(folder: Path) -> None:
    """Hold memory on each worker, on the card that is its own."""
    client: Client = get_client()
    tasks = [
        client.submit(hold_on_own_card, folder, GIB, workers=[state.address], pure=False)
        for state in worker_states(client)  # without those that are parked
    ]
    client.gather(tasks)


def cards_used(run: Run) -> dict[str, int]:
    """Return how many workers used each card."""
    return {card.name: len(card.workers) for card in run.memory.used_cards}


@pytest.mark.usefixtures("few_imports")
def test_a_cluster_with_a_worker_for_each_gpu_is_kept_to_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = make_cards(monkeypatch, tmp_path, H200, {**H200, "uuid": "GPU-3c4d"})
    with fast_start():
        cluster = OneForEachCard(
            2, threads_per_worker=1, memory_limit="700MB", dashboard_address="127.0.0.1:0"
        )
    with cluster, Client(cluster), fast_start():
        work = partial(hold_each_its_own, folder)
        for refused in ({"workers": "3"}, {"memory": "1GB"}, {"threads": "2"}):
            with pytest.raises(SdprofileError, match="the session's cluster"):
                list(sweep_of(work, **refused))
        cluster.scale(1)
        wait_until(lambda: len(cluster.workers) == 1)
        runs = list(sweep_of(work, repeats=1))  # as many as there are cards
        assert list(cluster.worker_spec) == [0]
    assert [run.status for run in runs] == ["ok", "ok"]
    used = {run.workers: cards_used(run) for run in runs}
    assert used == {1: {"gpu 0": 1}, 2: {"gpu 0": 1, "gpu 1": 1}}


@pytest.mark.usefixtures("few_imports")
def test_workers_that_were_made_one_by_one_are_parked_and_keep_their_gpus(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = make_cards(monkeypatch, tmp_path, H200, {**H200, "uuid": "GPU-3c4d"})
    workers = {
        card: {
            "cls": Nanny,
            "options": {"nthreads": 1, "memory_limit": "700MB", "env": sees_first(card, (0, 1))},
        }
        for card in (0, 1)
    }
    scheduler = {
        "cls": Scheduler,
        "options": {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"},
    }
    with fast_start():
        cluster = SpecCluster(workers=workers, scheduler=scheduler)
    with cluster, Client(cluster), fast_start():
        runs = list(sweep_of(partial(hold_each_its_own, folder), workers="1,2", repeats=1))
    assert [run.status for run in runs] == ["ok", "ok"]
    used = {run.workers: cards_used(run) for run in runs}
    assert used == {1: {"gpu 0": 1}, 2: {"gpu 0": 1, "gpu 1": 1}}


def test_where_no_gpu_is_used_nothing_of_it_is_shown(folder: Path) -> None:
    profile = sdprofile.profile(lambda: sum(range(10)), workers=(1,), memory="1GB", repeats=1)
    close_cluster()
    assert isinstance(profile, Profile)
    assert "gpu" not in str(profile).lower()
    assert not [name for name in profile.to_frame().columns if "gpu" in name]
