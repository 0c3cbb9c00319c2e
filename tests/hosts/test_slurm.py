"""The workers of a SLURMCluster are swept as those of this machine are."""

from __future__ import annotations

import re
import subprocess
import threading
import time

import dask.array as da
import pytest
from conftest import wait_until
from distributed import Client
from hosts.conftest import Start
from runs import MIB, hold, sweep_of

import sdprofile
from sdprofile.cluster import resize as resizing
from sdprofile.cluster.worker_states import worker_states
from sdprofile.errors import SdprofileError
from sdprofile.notebook.cluster import session_cluster
from sdprofile.options.options import ClusterOptions, Options
from sdprofile.progress import Step
from sdprofile.subject import Subject
from sdprofile.sweep import Sweep


def jobs() -> list[str]:
    """Return the states of the jobs that are there."""
    command = ["squeue", "--noheader", "--format=%T"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_counts_are_visited_with_exactly_so_many_jobs(start: Start) -> None:
    client = start()
    seen: list[tuple[int, list[str]]] = []

    def work() -> None:
        seen.append((len(worker_states(client)), jobs()))
        da.ones((4, 100), chunks=(1, 100)).sum().compute()

    profile = sdprofile.profile(work, workers=(1, 3, 2), repeats=1)

    assert profile.to_frame()["status"].tolist() == ["ok"] * 3
    assert seen == [(n, ["RUNNING"] * n) for n in (1, 3, 2)]
    assert {run.threads for run in profile.runs} == {1}
    assert {run.memory_limit for run in profile.runs} == {worker_limit(profile)}
    assert all(peak.exact for run in profile.runs for peak in run.memory.worker_peaks)
    wait_until(lambda: not jobs())  # as before


def worker_limit(profile: sdprofile.Profile) -> int:
    """Return the limit that dask-jobqueue gives a worker of 700 MB, which it rounds in MiB."""
    limit = profile.runs[0].memory_limit
    assert limit == pytest.approx(700e6, rel=0.01)
    return int(limit or 0)


def test_memory_is_measured_in_the_jobs(start: Start) -> None:
    client = start()

    def work() -> None:
        client.gather(client.map(hold, [100] * 4, seconds=0.3, pure=False))

    sdprofile.profile(lambda: client.run(hold, 0), workers=(1,), repeats=1)
    client.cluster.scale(2)
    client.wait_for_workers(2)
    client.run(hold, 0)  # whose imports are no payload
    (run,) = sweep_of(work, workers=(2,), repeats=1)
    assert len(run.memory.worker_peaks) == 2
    for peak in run.memory.worker_peaks:
        assert peak.peak - peak.baseline == pytest.approx(100 * MIB, rel=0.25)


def test_waiting_is_told_and_ends_with_what_the_queue_says(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    steps: list[Step] = []
    options = Options(workers=(1, 4), repeats=1)
    sweep = Sweep(Subject(work=lambda: None, code=""), options, notify=steps.append)
    runs = iter(sweep)
    assert next(runs).status == "ok"
    monkeypatch.setattr(resizing, "QUEUE_TIMEOUT", 8.0)
    assert [(run.workers, run.status) for run in runs] == [(4, "stuck")]
    assert {step.way for step in steps[1:]} == {"waiting for the jobs of"}
    facts = [notice.fact for notice in sweep.profile().notices]
    # Three fit, but the last of them may not be up by then.
    said = r"only [123] of 4 workers started in 8 s; the queue says of their jobs: PENDING \(Res"
    assert any(re.search(said, fact) for fact in facts), facts


def test_a_job_that_is_cancelled_is_a_row_and_the_next_count_goes_on(start: Start) -> None:
    client = start()

    def cancel() -> None:
        time.sleep(1.0)
        subprocess.run(["scancel", "--state=RUNNING", "--user=root"], check=True)

    def work() -> None:
        if len(worker_states(client)) == 1:
            threading.Thread(target=cancel).start()
            client.submit(time.sleep, 30, pure=False).result()

    profile = sdprofile.profile(work, workers=(1, 2), repeats=1)
    assert profile.to_frame()[["workers", "status"]].values.tolist() == [[1, "killed"], [2, "ok"]]


def test_whole_jobs_are_told_before_the_first_run(start: Start) -> None:
    client = start(cores=2, processes=2, memory="1400MB")
    with pytest.raises(SdprofileError, match="expected multiples of 2, .* got 1"):
        list(sweep_of(lambda: None, workers=(1, 2)))
    (run,) = sweep_of(lambda: None, workers=(2,), repeats=1)
    assert (run.status, run.workers, len(run.memory.worker_peaks)) == ("ok", 2, 2)
    assert isinstance(client, Client)


def test_the_session_cluster_is_brought_to_whole_jobs(start: Start) -> None:
    client = start(cores=2, processes=2, memory="1400MB")
    assert session_cluster(ClusterOptions()) is client
    assert len(worker_states(client)) == 2
    with pytest.raises(SdprofileError, match="expected multiples of 2"):
        session_cluster(ClusterOptions(workers=1))


def test_other_limits_are_refused(start: Start) -> None:
    start()
    with pytest.raises(SdprofileError, match="expected one whose workers can be replaced"):
        list(sweep_of(lambda: None, workers=(1,), memory="500MB"))
