"""A sweep whose tasks use a GPU, on real workers, against a stand-in for NVML."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from distributed import Client, get_client
from gpus import GIB, hold_on_card, make_cards, run_out
from runs import sweep_of

import sdprofile
from sdprofile.cluster.own import close_cluster
from sdprofile.model.failure import NO_GPU_MEMORY
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


def test_where_no_gpu_is_used_nothing_of_it_is_shown(folder: Path) -> None:
    profile = sdprofile.profile(lambda: sum(range(10)), workers=(1,), memory="1GB", repeats=1)
    close_cluster()
    assert isinstance(profile, Profile)
    assert "gpu" not in str(profile).lower()
    assert not [name for name in profile.to_frame().columns if "gpu" in name]
