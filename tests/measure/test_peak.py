"""Peaks are the kernel's own marks: of each worker, and of the tasks of each prefix."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from distributed import Client, wait
from runs import LIMIT, MIB, hold, hold_together, measure

from sdprofile.cluster.resize import replace_all, resize
from sdprofile.cluster.worker_states import worker_states
from sdprofile.cluster.workers import fast_start
from sdprofile.model.run import Run
from sdprofile.model.tasks import PrefixMemory


def of_prefix(run: Run, prefix: str) -> PrefixMemory:
    (part,) = (part for part in run.memory.prefixes if part.prefix == prefix)
    return part


def test_a_payload_of_100_mib_raises_the_peak_by_100_mib(one_worker: Client) -> None:
    run, error = measure(lambda: one_worker.submit(hold, 100, pure=False).result(), one_worker)
    assert error is None
    assert run.status == "ok"
    assert run.peak_worker is not None
    assert run.memory.baseline is not None
    assert run.peak_worker - run.memory.baseline == pytest.approx(100 * MIB, rel=0.05)
    assert run.memory.worker_peaks[0].exact


def test_the_mark_of_an_earlier_run_does_not_count(one_worker: Client) -> None:
    high, _ = measure(lambda: one_worker.submit(hold, 200, pure=False).result(), one_worker)
    low, _ = measure(lambda: one_worker.submit(hold, 1, pure=False).result(), one_worker)
    assert high.peak_worker is not None
    assert low.peak_worker is not None
    assert high.peak_worker - low.peak_worker > 150 * MIB


@pytest.mark.quiet
def test_peak_of_the_cluster_is_bracketed(client: Client) -> None:
    with fast_start():
        resize(client, 2)
        addresses = [state.address for state in worker_states(client)]
        client.run(hold, 0)  # whose imports are no payload

        def one_after_the_other() -> None:
            for address in addresses:
                client.submit(hold, 100, workers=[address], pure=False).result()

        run, _ = measure(one_after_the_other, client, workers=2)
        resize(client, 1)
    assert len(run.memory.worker_peaks) == 2
    assert run.memory.cluster_peak is not None
    baseline = sum(peak.baseline for peak in run.memory.worker_peaks)
    assert run.memory.cluster_peak.high - baseline == pytest.approx(200 * MIB, rel=0.05)
    assert run.memory.cluster_peak.low <= run.memory.cluster_peak.high


def test_with_one_thread_the_rise_of_each_prefix_is_what_it_allocates(one_worker: Client) -> None:
    def work() -> None:
        kept = one_worker.submit(bytes, 80 * MIB, key="kept-1")
        wait(kept)
        wait(one_worker.map(hold, [50, 120, 30], key=["small-1", "large-1", "small-2"]))

    run, _ = measure(work, one_worker)
    small, large = of_prefix(run, "small"), of_prefix(run, "large")
    assert (small.tasks, large.tasks) == (2, 1)
    for part, mib in ((small, 50), (large, 120)):
        assert part.rise_low == part.rise_high == pytest.approx(mib * MIB, rel=0.05)
    assert large.peak == run.peak_worker
    assert [part.prefix for part in run.memory.prefixes][0] == "large"


def test_with_more_threads_the_rise_is_a_range_that_holds_the_truth(
    client: Client, tmp_path: Path
) -> None:
    def together(*keys: str) -> Callable[[], object]:
        folder = tmp_path / keys[0]
        folder.mkdir()
        return lambda: wait(
            client.map(hold_together, [100, 101], folder=folder, tasks=2, key=list(keys))
        )

    with fast_start():
        replace_all(client, threads=2, memory_limit=LIMIT, workers=1)
        run, _ = measure(together("same-1", "same-2"), client, threads=2)
        mixed, _ = measure(together("one-1", "other-1"), client, threads=2)
        replace_all(client, threads=1, memory_limit=LIMIT, workers=1)
    same = of_prefix(run, "same")
    assert 0.95 * 100 * MIB < same.rise_low < 1.05 * 100 * MIB
    assert same.rise_high == pytest.approx(200 * MIB, rel=0.05)
    one = of_prefix(mixed, "one")
    assert one.rise_low <= 100 * MIB <= one.rise_high + MIB


@pytest.mark.quiet
def test_a_short_spike_is_in_the_tasks_peak(one_worker: Client) -> None:
    def spike() -> None:
        hold(200)
        time.sleep(0.2)

    run, _ = measure(lambda: one_worker.submit(spike, key="spike-1").result(), one_worker)
    assert of_prefix(run, "spike").rise_high == pytest.approx(200 * MIB, rel=0.05)
