"""What the workers hold of GPUs is sampled, against a stand-in for NVML: no card is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from conftest import end, wait_until
from distributed import Client, LocalCluster
from gpus import FOLDER, GIB, H200, Torch, held, hold_in_child, hold_on_card, make_cards
from runs import curves, measure

import sdprofile
from sdprofile.cluster.resize import resize
from sdprofile.cluster.workers import fast_start
from sdprofile.measure import gpu, sampling
from sdprofile.measure.gpu import Visible, all_hosts, read_cards, sampler_arguments
from sdprofile.measure.gpu_libraries import OwnCounts
from sdprofile.measure.memory import start_samplers, stop_samplers
from sdprofile.model.gpu import Cards, Held

MIG = {
    **H200,
    "mig": [
        {"name": "NVIDIA H200 MIG 3g.71gb", "uuid": "MIG-5c", "total": 40 * GIB},
        {"name": "NVIDIA H200 MIG 3g.71gb", "uuid": "MIG-6d", "total": 40 * GIB},
    ],
}
ANY = Visible(cards=None, by_bus=False)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    return make_cards(monkeypatch, tmp_path)


def sampled(pids: list[int], **options: Any) -> Cards:
    """Return what is sampled of processes once they have had time for a look."""
    samplers = start_samplers(pids)
    _, samples = stop_samplers(samplers)
    workers = [f"worker {index}" for index in range(len(pids))]
    visible = options.pop("visible", [ANY] * len(pids))
    return read_cards(samples, workers, visible, began=0.0, seconds=1e12)


def test_each_worker_has_a_curve_of_what_it_holds_and_the_card_one(
    client: Client, folder: Path
) -> None:
    with fast_start():
        resize(client, 2)
        workers = sorted(client.nthreads())

        def work() -> None:
            tasks = [
                client.submit(hold_on_card, folder, nbytes, workers=[worker], pure=False)
                for worker, nbytes in zip(workers, (3 * GIB, 5 * GIB), strict=True)
            ]
            client.gather(tasks)

        run, error = measure(work, client, workers=2)
        resize(client, 1)
    assert error is None
    (card,) = run.memory.cards
    assert (card.name, card.model, card.nbytes) == ("gpu 0", "NVIDIA H200", 80 * GIB)
    assert {each.worker: each.nbytes for each in card.workers} == dict(
        zip(workers, (3 * GIB, 5 * GIB), strict=True)
    )
    assert (card.baseline, card.held, card.peak) == (0, 8 * GIB, 8 * GIB)
    assert (card.kernel, card.others) == (0, 0)
    found = {curve.worker: curve for curve in curves(run, "nvml", "gpu 0")}
    assert set(found) == {"", *workers}
    assert max(found[workers[1]].nbytes) == 5 * GIB
    assert found[""].seconds[0] == 0
    assert found[""].nbytes[0] == 0
    assert found[""].seconds[-1] <= run.seconds
    # What the system tells of the processes is as ever.
    assert len(curves(run, "sampler")) == 2
    assert run.memory.children == 0


PRELOADED = "from sdprofile.measure import gpu; gpu._DEVICES = ('/',)"


@pytest.mark.parametrize("nanny", ["--nanny", "--no-nanny"])
def test_workers_that_others_started_are_read_where_they_are(folder: Path, nanny: str) -> None:
    places = (FOLDER.parent, FOLDER, Path(sdprofile.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places))}
    options = ["--nthreads", "1", "--no-dashboard", nanny]
    preload = ["--preload-nanny" if nanny == "--nanny" else "--preload", PRELOADED]
    with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster:
        address = cluster.scheduler_address
        worker = subprocess.Popen(
            [sys.executable, "-m", "dask", "worker", address, *options, *preload],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        try:
            with Client(address) as client:
                client.wait_for_workers(1, timeout=60)
                run, error = measure(
                    lambda: client.submit(hold_on_card, folder, GIB, pure=False).result(), client
                )
        finally:
            end(worker)
    assert error is None
    (card,) = run.memory.cards
    assert [each.nbytes for each in card.workers] == [GIB]
    assert (card.kernel, card.others) == (0, 0)
    assert run.memory.children == 0  # what reads the card is none of the worker's


def test_child_processes_count_with_their_worker(one_worker: Client, folder: Path) -> None:
    run, _ = measure(
        lambda: one_worker.submit(hold_in_child, folder, 2 * GIB, pure=False).result(), one_worker
    )
    (card,) = run.memory.cards
    assert [each.nbytes for each in card.workers] == [2 * GIB]
    assert card.others == 0


def test_a_cell_that_uses_no_card_has_no_curve_of_one(one_worker: Client, folder: Path) -> None:
    run, _ = measure(lambda: one_worker.submit(os.getpid, pure=False).result(), one_worker)
    assert [card.name for card in run.memory.cards] == ["gpu 0"]
    assert run.memory.used_cards == ()
    assert curves(run, "nvml", "gpu 0") == []


def test_without_a_card_or_its_module_nothing_more_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gpu, "find_spec", lambda name: None)
    assert sampler_arguments() is None  # there is no device, and the module is not looked for
    monkeypatch.setattr(gpu, "_DEVICES", (str(tmp_path),))
    assert sampler_arguments() is None
    samplers = start_samplers([os.getpid()])
    assert len(samplers) == 1
    assert stop_samplers(samplers)[1] == b""


def test_a_driver_that_is_not_there_is_no_card(folder: Path) -> None:
    (folder / "cards.json").unlink()
    assert sampled([os.getpid()]) == Cards()


def test_the_module_is_found_as_a_file_and_as_a_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gpu, "_DEVICES", (str(tmp_path),))
    (tmp_path / "package" / "pynvml").mkdir(parents=True)
    (tmp_path / "package" / "pynvml" / "__init__.py").touch()
    for place in (FOLDER, tmp_path / "package"):
        with monkeypatch.context() as patch:
            patch.syspath_prepend(place)
            patch.delitem(sys.modules, "pynvml", raising=False)
            assert (sampler_arguments() or "").split(os.pathsep)[0] == str(place)


def test_what_the_kernel_and_others_hold_is_told_apart(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        with (
            held(folder, _0=GIB),
            held(folder, pid=worker.pid, _0=2 * GIB),
            held(folder, pid=1, _0=4 * GIB),
        ):
            cards = sampled([worker.pid])
        worker.communicate(b"\n")
    (card,) = cards.cards
    assert (card.kernel, card.held, card.others) == (GIB, 2 * GIB, 4 * GIB)
    assert (card.baseline, card.peak, card.left) == (7 * GIB, 7 * GIB, 75 * GIB)
    assert card.workers == (Held(worker="worker 0", nbytes=2 * GIB),)
    assert card.busy == 0.5


@pytest.mark.parametrize("why", ["hidden", "old"])
def test_what_is_in_use_is_known_where_the_driver_does_not_tell_by_whom(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, why: str
) -> None:
    folder = make_cards(monkeypatch, tmp_path, {**H200, why: True})
    samplers = start_samplers([os.getpid()])
    with held(folder, _0=3 * GIB):
        wait_until(lambda: str(3 * GIB) in Path(samplers[1][0]).read_text())
    _, samples = stop_samplers(samplers)
    cards = read_cards(samples, ["a"], [ANY], began=0.0, seconds=1e12)
    (card,) = cards.cards
    assert (card.baseline, card.peak, card.held, card.others) == (0, 3 * GIB, 0, 0)
    assert card.is_untold
    assert card.is_used
    assert [curve.worker for curve in cards.curves] == [""]


def test_the_parts_of_a_divided_card_are_cards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = make_cards(monkeypatch, tmp_path, H200, MIG)
    with held(folder, _1_1=3 * GIB):
        cards = sampled([os.getpid()])
    assert [card.name for card in cards.cards] == ["gpu 0", "gpu 1 mig 0", "gpu 1 mig 1"]
    assert [card.nbytes for card in cards.cards] == [80 * GIB, 40 * GIB, 40 * GIB]
    assert [card.most for card in cards.cards] == [0, 0, 3 * GIB]
    assert [card.busy for card in cards.cards] == [0.5, None, None]
    assert cards.cards[2].model == "NVIDIA H200 MIG 3g.71gb"


def test_cards_that_no_worker_may_see_are_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = make_cards(monkeypatch, tmp_path, H200, H200, H200)
    with held(folder, _1=GIB):
        cards = sampled([os.getpid()], visible=[Visible(cards="1,2", by_bus=False)])
    assert [card.name for card in cards.cards] == ["gpu 1", "gpu 2"]


ALIKE = [("gpu 0", "A", "GPU-aa"), ("gpu 1", "A", "GPU-ab"), ("gpu 2", "A", "GPU-c")]
UNLIKE = [("gpu 0", "A", "GPU-aa"), ("gpu 1", "B", "GPU-ab"), ("gpu 2", "A", "GPU-c")]
PARTS = [("gpu 0 mig 0", "A", "MIG-1"), ("gpu 0 mig 1", "A", "MIG-2"), ("gpu 1", "A", "GPU-c")]


@pytest.mark.parametrize(
    ("setting", "cards", "by_bus", "found"),
    [
        (None, ALIKE, False, {0, 1, 2}),
        ("", ALIKE, False, set()),
        ("-1", ALIKE, False, set()),
        ("NoDevFiles", ALIKE, False, set()),
        ("1", ALIKE, False, {1}),
        ("2, 0", ALIKE, False, {0, 2}),
        ("1,7,2", ALIKE, False, {1}),
        ("GPU-ab", ALIKE, False, {1}),
        ("GPU-c,GPU-aa", UNLIKE, False, {0, 2}),
        ("1", UNLIKE, False, {0, 1, 2}),
        ("1", UNLIKE, True, {1}),
        ("MIG-2", PARTS, False, {1}),
        ("0", PARTS, False, {0, 1}),
        ("1", PARTS, False, {2}),
    ],
)
def test_which_cards_cuda_shows_is_read_as_cuda_reads_it(
    setting: str | None, cards: list[tuple[str, str, str]], by_bus: bool, found: set[int]
) -> None:
    assert Visible(cards=setting, by_bus=by_bus).among(cards) == found


def test_a_worker_tells_what_its_environment_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    assert Visible.here() == ANY
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,0")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert Visible.here() == Visible(cards="1,0", by_bus=True)


def written(*records: str) -> bytes:
    """Return what the sampler writes of one card and two workers."""
    return "\n".join(['[["gpu 0", "A", "GPU-a", 100]]', *records, "[9.9, [[0"]).encode()


def test_what_is_held_at_the_end_of_a_run_between_two_samples_is_seen() -> None:
    samples = written("[1.0, [[0, 0, 0, 0, 0, 0]]]", "[1.02, [[10, 0, 0, 0, 10, 0]]]")
    (card,) = read_cards(samples, ["a", "b"], [ANY, ANY], began=1.005, seconds=0.01).cards
    assert card.workers == (Held(worker="a", nbytes=10),)


def test_samples_are_cut_to_the_run_and_a_line_that_is_not_whole_is_left_out() -> None:
    samples = written(
        "[1.0, [[10, 90, 0, 10, 0, 0]]]",
        "[2.0, [[20, null, 0, 10, 10, 0]]]",
        "[3.0, [[60, 40, 0, 20, 10, 30]]]",
        "[4.0, [[50, null, 0, 20, 0, 30]]]",
        "[5.0, [[99, 100, 9, 90, 0, 0]]]",
    )
    cards = read_cards(samples, ["a", "b"], [ANY, ANY], began=1.5, seconds=2.0)
    (card,) = cards.cards
    assert (card.baseline, card.peak, card.held, card.others) == (10, 60, 40, 20)
    assert card.busy == pytest.approx(0.65)  # of what was looked at
    assert [(each.worker, each.seconds, each.nbytes) for each in cards.curves] == [
        ("", (0.0, 0.5, 1.5, 2.0), (10, 20, 60, 50)),
        ("a", (0.0, 0.5, 1.5, 2.0), (0, 10, 10, 0)),
        ("b", (0.0, 0.5, 1.5, 2.0), (0, 0, 30, 30)),
    ]


def test_nothing_is_said_of_the_use_in_a_short_run() -> None:
    samples = written("[1.0, [[10, 90, 0, 0, 10, 0]]]", "[1.1, [[10, 90, 0, 0, 10, 0]]]")
    (card,) = read_cards(samples, ["a", "b"], [ANY, ANY], began=1.0, seconds=0.5).cards
    assert card.busy is None


def test_cards_of_several_hosts_are_named_by_them() -> None:
    samples = written("[1.0, [[10, 90, 0, 0, 10, 0]]]")
    cards = read_cards(samples, ["a", "b"], [ANY, ANY], began=1.0, seconds=0.5)
    assert all_hosts({"10.0.0.1": cards, "10.0.0.2": Cards()}) == cards
    both = all_hosts({"10.0.0.1": cards, "10.0.0.2": cards})
    assert [card.name for card in both.cards] == ["gpu 0 of 10.0.0.1", "gpu 0 of 10.0.0.2"]
    assert both.curves[-1].measure == "gpu 0 of 10.0.0.2"


def use_torch(folder: Path) -> None:
    """Hold 4 GiB of a card, of which torch has 3 in use."""
    sys.modules["torch"] = Torch(3)  # type: ignore[assignment]
    hold_on_card(folder, 4 * GIB)


def test_what_torch_had_in_use_of_the_one_card_stands_beside_what_is_held(
    one_worker: Client, folder: Path
) -> None:
    def work() -> None:
        one_worker.submit(use_torch, folder, pure=False).result()

    run, _ = measure(work, one_worker)
    one_worker.run(lambda: sys.modules.pop("torch"))
    ((held_by_one,),) = [card.workers for card in run.memory.cards]
    assert (held_by_one.nbytes, held_by_one.torch) == (4 * GIB, 3 * GIB)
    assert (held_by_one.torch_reserved, held_by_one.cupy) == (4 * GIB, None)


def test_what_libraries_have_of_several_cards_is_not_told_of_one() -> None:
    samples = b"\n".join(
        [
            b'[["gpu 0", "A", "GPU-a", 100], ["gpu 1", "A", "GPU-b", 100]]',
            b"[1.0, [[30, 9, 0, 0, 10, 20], [5, 9, 0, 0, 0, 5]]]\n",
        ]
    )
    own = {"a": OwnCounts(torch=7, torch_reserved=8, cupy=1), "b": OwnCounts(torch=9)}
    first, second = read_cards(
        samples, ["a", "b"], [ANY, ANY], began=1.0, seconds=0.5, own=own
    ).cards
    assert first.workers == (
        Held(worker="a", nbytes=10, torch=7, torch_reserved=8, cupy=1),
        Held(worker="b", nbytes=20),
    )
    assert (first.torch, first.torch_reserved, first.cupy) == (7, 8, 1)
    assert second.workers == (Held(worker="b", nbytes=5),)


def test_what_a_process_had_started_before_is_not_its_own_where_told_so(folder: Path) -> None:
    waits = [sys.executable, "-I", "-S", "-c", "input()"]
    with (
        subprocess.Popen(waits, stdin=subprocess.PIPE) as before,
        subprocess.Popen(waits, stdin=subprocess.PIPE) as since,
    ):
        with (
            held(folder, _0=GIB),
            held(folder, pid=before.pid, _0=2 * GIB),
            held(folder, pid=since.pid, _0=4 * GIB),
        ):
            samplers = start_samplers([os.getpid()], without=[before.pid])
            _, samples = stop_samplers(samplers)
        for each in (before, since):
            each.communicate(b"\n")
    (card,) = read_cards(samples, ["kernel"], [ANY], began=0.0, seconds=1e12).cards
    assert card.workers == (Held(worker="kernel", nbytes=5 * GIB),)
    assert (card.kernel, card.others) == (0, 2 * GIB)


def test_neither_process_nor_file_is_left(
    one_worker: Client, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "made").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "made"))
    seen: list[str] = []
    measure(lambda: seen.extend(os.listdir(tmp_path / "made")), one_worker)
    assert len([name for name in seen if name.endswith(".samples")]) == 2
    assert os.listdir(tmp_path / "made") == []


def test_sampling_ends_with_what_is_sampled(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as sleeper:
        samplers = start_samplers([sleeper.pid])
        sleeper.communicate(b"\n")
    wait_until(lambda: all(sampling.read_resident(pid) < 0 for _, pid in samplers))
    assert stop_samplers(samplers)[1]
