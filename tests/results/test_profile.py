"""A profile sums its runs up and gives them as data frames."""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from profiles import GB, make_card, make_curve, make_profile, make_run, make_store, make_task
from traces import call_tree, make_trace

from sdprofile.explain.verdict import verdict_of
from sdprofile.model.calls import CallTrees, Frame
from sdprofile.model.circumstances import Circumstances
from sdprofile.model.disk import Disk, WorkerDisk
from sdprofile.model.memory import ClusterPeak, WorkerPeak
from sdprofile.model.run import CountSummary
from sdprofile.model.spans import SpanActivity
from sdprofile.model.steps import LineTime
from sdprofile.model.tasks import PrefixMemory
from sdprofile.model.trace import Calls
from sdprofile.results.profile import Profile, load

RUN_COLUMNS = [
    "workers",
    "threads",
    "memory_limit_bytes",
    "repeat",
    "status",
    "seconds",
    "tasks",
    "peak_worker_bytes",
    "peak_cluster_low_bytes",
    "peak_cluster_high_bytes",
    "baseline_bytes",
    "peak_children_bytes",
    "peak_kernel_bytes",
    "spilled_bytes",
    "transferred_bytes",
    "read_bytes",
    "written_bytes",
    "cpu_seconds",
    "kernel_cpu_seconds",
]


def only_count(profile: Profile) -> CountSummary:
    [count] = profile.counts
    return count


def test_counts_ascend_whatever_the_order_of_the_runs() -> None:
    profile = make_profile(make_run(4), make_run(1), make_run(2))

    assert [count.workers for count in profile.counts] == [1, 2, 4]


def test_repeats_of_a_count_are_one_summary_in_their_order() -> None:
    profile = make_profile(make_run(seconds=3.0, repeat=1), make_run(seconds=2.0, repeat=2))

    timing = only_count(profile).timing
    assert timing is not None
    assert timing.seconds == (3.0, 2.0)


def test_speedup_is_against_the_smallest_count_that_finished() -> None:
    killed, base, faster = make_profile(
        make_run(1, seconds=3.0, status="killed"),
        make_run(2, seconds=12.0),
        make_run(4, seconds=8.0),
    ).counts

    assert (killed.speedup, base.speedup, faster.speedup) == (None, 1.0, 1.5)
    assert (killed.efficiency, base.efficiency, faster.efficiency) == (None, 1.0, 0.75)


def test_nothing_that_finished_means_no_speedup() -> None:
    count = only_count(make_profile(make_run(1, status="killed")))

    assert (count.timing, count.speedup) == (None, None)


def test_time_leaves_out_runs_that_did_not_end_well() -> None:
    count = only_count(
        make_profile(make_run(seconds=10.0), make_run(seconds=2.0, repeat=2, status="killed"))
    )

    assert count.timing is not None
    assert count.timing.seconds == (10.0,)
    assert count.status == "killed"


def test_failure_of_a_count_is_its_first() -> None:
    first = make_run(repeat=1, seconds=1.0, status="killed")
    second = make_run(repeat=2, seconds=2.0, status="failed")

    profile = make_profile(first, second)

    assert only_count(profile).failure is first.failure
    assert [(each.status, each.repeat, each.seconds) for each in profile.failures] == [
        ("killed", 1, 1.0),
        ("failed", 2, 2.0),
    ]


def test_failures_tell_which_runs_they_ended() -> None:
    profile = make_profile(make_run(1), make_run(2, repeat=3, seconds=4.0, status="killed"))

    [failure] = profile.failures

    assert (failure.workers, failure.repeat, failure.seconds) == (2, 3, 4.0)
    assert (failure.memory_limit, failure.nbytes) == (5 * GB, 49 * GB // 10)


def test_peak_is_the_highest_of_all_repeats() -> None:
    profile = make_profile(make_run(peak=2 * GB), make_run(repeat=2, peak=3 * GB))

    assert only_count(profile).peak_worker == 3 * GB


def test_peak_of_a_run_is_of_its_fullest_worker() -> None:
    peaks = (
        WorkerPeak(worker="a", baseline=10, peak=300),
        WorkerPeak(worker="b", baseline=20, peak=200),
    )

    run = make_run(2, worker_peaks=peaks)

    assert (run.peak_worker, run.memory.baseline) == (300, 20)


def test_limit_fraction_is_of_one_workers_limit() -> None:
    count = only_count(make_profile(make_run(4, peak=4 * GB, memory_limit=5 * GB)))

    assert count.limit_fraction == 0.8


@pytest.mark.parametrize("unknown", [{"peak": None}, {"memory_limit": None}])
def test_no_limit_fraction_without_peak_or_limit(unknown: dict[str, None]) -> None:
    assert only_count(make_profile(make_run(**unknown))).limit_fraction is None


def test_frame_has_columns_of_gpus_where_a_run_used_one() -> None:
    cards = (make_card(GB, 3 * GB, held=4 * GB, peak=5 * GB), make_card(name="gpu 1"))
    frame = make_profile(make_run(2, cards=cards), make_run(4)).to_frame()

    assert list(frame.columns) == [
        *RUN_COLUMNS,
        "peak_gpu_worker_bytes",
        "peak_gpu_torch_bytes",
        "peak_gpu_torch_reserved_bytes",
        "gpu_cupy_bytes",
        "peak_gpu_workers_bytes",
        "peak_gpu_bytes",
        "gpu_bytes",
        "gpu_busy",
    ]
    told = [3 * GB, pd.NA, pd.NA, pd.NA, 4 * GB, 5 * GB, 80 * GB, 0.5]
    assert frame.iloc[0, -8:].tolist() == told
    assert frame.iloc[1, -8:].isna().all()
    assert list(make_profile(make_run(2, cards=(make_card(),))).to_frame().columns) == RUN_COLUMNS


def test_summary_has_columns_of_gpus_where_a_run_used_one() -> None:
    cards = (make_card(GB, 3 * GB, peak=20 * GB),)
    summary = make_profile(make_run(2, cards=cards), make_run(4)).summary()

    assert list(summary.columns[-3:]) == ["peak_gpu_worker_bytes", "gpu_fraction", "gpu_busy"]
    assert summary.iloc[0, -3:].tolist() == [3 * GB, 0.25, 0.5]
    assert summary.iloc[1, -3:].isna().all()


def test_frame_has_a_row_per_run() -> None:
    run = make_run(
        2,
        threads=3,
        seconds=1.5,
        peak=GB,
        spilled=7,
        transferred=8,
        disk=Disk(
            workers=tuple(
                WorkerDisk(worker=worker, read=read, written=1, from_storage=0, to_storage=0)
                for worker, read in (("a", 10), ("b", 15), ("c", 5))
            )
        ),
        cpu_seconds=2.5,
        worker_peaks=(WorkerPeak(worker="a", baseline=GB // 5, peak=GB, children=6),),
        circumstances=Circumstances(kernel_cpu_seconds=3.5, kernel_peak=9 * GB),
        cluster_peak=ClusterPeak(low=GB, high=2 * GB),
    )

    frame = make_profile(run, make_run(4)).to_frame()

    assert list(frame.columns) == RUN_COLUMNS
    assert list(frame["workers"]) == [2, 4]
    assert list(frame.iloc[0]) == [
        *(2, 3, 5 * GB, 1, "ok", 1.5, 100, GB, GB, 2 * GB, GB // 5),
        *(6, 9 * GB, 7, 8, 30, 3, 2.5, 3.5),
    ]


def test_bytes_that_are_not_known_are_missing_and_the_rest_stay_whole() -> None:
    frame = make_profile(make_run(1, peak=None), make_run(2, peak=GB)).to_frame()

    assert frame["peak_worker_bytes"].isna().tolist() == [True, False]
    assert {str(frame[name].dtype) for name in RUN_COLUMNS if name.endswith("_bytes")} == {"Int64"}
    assert str(frame["seconds"].dtype) == "float64"
    assert str(frame["workers"].dtype) == "int64"


def test_summary_has_a_row_per_count() -> None:
    profile = make_profile(
        make_run(1, seconds=10.0, peak=4 * GB),
        make_run(1, seconds=14.0, repeat=2, peak=3 * GB),
        make_run(2, seconds=6.0),
    )

    summary = profile.summary()

    first = summary.iloc[0].to_dict()
    assert first.pop("std_seconds") == pytest.approx(8**0.5)
    assert pd.isna([first.pop("serial_fraction"), first.pop("verdict")]).all()
    assert first == {
        "workers": 1,
        "status": "ok",
        "runs": 2,
        "median_seconds": 12.0,
        "mean_seconds": 12.0,
        "min_seconds": 10.0,
        "speedup": 1.0,
        "efficiency": 1.0,
        "peak_worker_bytes": 4 * GB,
        "peak_cluster_low_bytes": 4 * GB,
        "peak_cluster_high_bytes": 4 * GB,
        "memory_limit_bytes": 5 * GB,
        "limit_fraction": 0.8,
    }


def test_summary_compares_with_the_smallest_count_that_finished() -> None:
    profile = make_profile(make_run(1, seconds=12.0), make_run(4, seconds=6.0))

    summary = profile.summary()

    assert " ".join(summary.columns) == (
        "workers status runs median_seconds mean_seconds std_seconds min_seconds speedup efficiency"
        " serial_fraction verdict peak_worker_bytes peak_cluster_low_bytes peak_cluster_high_bytes"
        " memory_limit_bytes limit_fraction"
    )
    assert summary["serial_fraction"].tolist()[1] == pytest.approx(1 / 3)
    assert summary["verdict"].tolist()[1] == "cannot tell with 1 repeat"


def test_verdict_is_on_all_runs_that_ended_well() -> None:
    runs = [make_run(n, seconds=10 / n + r / 10, repeat=r) for r in (1, 2, 3, 4) for n in (1, 2)]

    base, other = make_profile(*runs, make_run(2, seconds=90, repeat=5, status="stuck")).counts

    assert verdict_of(base) is None
    verdict = verdict_of(other)
    assert verdict is not None
    assert (verdict.word, verdict.runs) == ("faster", 4)


def test_time_of_zero_has_no_verdict() -> None:
    _, count = make_profile(make_run(1, seconds=1.0), make_run(2, seconds=0.0)).counts

    assert (verdict_of(count), count.serial_fraction) == (None, None)


def test_bracket_of_a_count_is_the_highest_of_all_repeats() -> None:
    count = only_count(
        make_profile(
            make_run(2, cluster_peak=ClusterPeak(low=3, high=9)),
            make_run(2, repeat=2, cluster_peak=ClusterPeak(low=5, high=8)),
        )
    )

    assert count.cluster_peak == ClusterPeak(low=5, high=9)
    assert only_count(make_profile(make_run(peak=None))).cluster_peak is None


def test_summary_of_a_count_that_never_finished_lacks_times_but_not_the_peak() -> None:
    killed = make_run(1, status="killed", peak=GB)

    row = make_profile(killed, make_run(2)).summary().iloc[0]

    assert (row["status"], row["runs"], row["peak_worker_bytes"]) == ("killed", 0, GB)
    assert row[["median_seconds", "speedup", "serial_fraction", "verdict"]].isna().all()


def test_memory_has_a_row_per_sample() -> None:
    curve = make_curve([1, 2], seconds=5.0, worker="tcp://w")

    frame = make_profile(make_run(2, repeat=3, curves=(curve,))).memory()

    assert list(frame.columns) == [
        "workers",
        "repeat",
        "source",
        "worker",
        "measure",
        "seconds",
        "bytes",
    ]
    assert frame.to_numpy().tolist() == [
        [2, 3, "dask", "tcp://w", "process", 0.0, 1],
        [2, 3, "dask", "tcp://w", "process", 5.0, 2],
    ]
    assert str(frame["bytes"].dtype) == "Int64"


def test_spans_have_a_row_per_activity() -> None:
    activity = SpanActivity(span="cell", activity="disk-read", seconds=1.5, nbytes=80)

    frame = make_profile(make_run(2, spans=(activity,))).spans()

    columns = "workers repeat span context prefix activity seconds bytes"
    assert list(frame.columns) == columns.split()
    assert frame.to_numpy().tolist() == [[2, 1, "cell", "execute", "", "disk-read", 1.5, 80]]


def test_tasks_have_a_row_per_prefix_with_time_and_memory() -> None:
    parts = (
        SpanActivity(span="cell", prefix="load", activity="thread-cpu", seconds=1.0, nbytes=0),
        SpanActivity(span="cell/in", prefix="load", activity="disk-read", seconds=0.5, nbytes=80),
        SpanActivity(span="cell", prefix="sum", activity="executor", seconds=0.25, nbytes=0),
        SpanActivity(span="cell", context="get-data", activity="network", seconds=9.0, nbytes=80),
    )
    memory = PrefixMemory(prefix="load", tasks=3, peak=50, rise_low=20, rise_high=40)

    frame = make_profile(make_run(2, spans=parts, task_memory=(memory,))).tasks()

    load, total = frame.to_dict("records")
    assert load == {
        "workers": 2,
        "repeat": 1,
        "prefix": "load",
        "tasks": 3,
        "seconds": 1.5,
        "cpu_seconds": 1.0,
        "peak_worker_bytes": 50,
        "rise_low_bytes": 20,
        "rise_high_bytes": 40,
    }
    assert (total["prefix"], total["seconds"], total["cpu_seconds"]) == ("sum", 0.25, 0.0)
    assert pd.isna(total["peak_worker_bytes"])


def test_calls_have_a_row_each_with_their_share_of_the_tasks() -> None:
    inside = CallTrees(
        frames=(
            Frame(name="f", file="<dynamic-code>", line=3),
            Frame(name="sort", module="numpy", line=9),
        ),
        trees=(call_tree("add", (0, 0, 4.0), (1, 1, 3.0)),),
    )
    trace = replace(make_trace([1.0]), inside=inside)

    frame = make_profile(make_run(2, trace=trace), make_run(4)).calls()

    assert " ".join(frame.columns) == (
        "workers repeat of depth function origin module file line seconds own_seconds"
        " waiting_seconds share samples"
    )
    assert frame.to_numpy().tolist() == [
        [2, 1, "add", 0, "f", "own", "", "<dynamic-code>", 3, 4.0, 1.0, 0.0, 1.0, 10],
        [2, 1, "add", 1, "sort", "numpy", "numpy", "", 9, 3.0, 3.0, 0.0, 0.75, 10],
    ]


def test_disk_and_stores_have_a_row_for_each_worker_and_array() -> None:
    disk = Disk(
        workers=(WorkerDisk(worker="a", read=4, written=3, from_storage=2, to_storage=1),),
        stores=(make_store(),),
    )
    profile = make_profile(make_run(2, disk=disk), make_run(4))

    frame = profile.disk()
    assert " ".join(frame.columns) == (
        "workers repeat worker read_bytes written_bytes from_storage_bytes to_storage_bytes"
    )
    assert frame.to_numpy().tolist() == [[2, 1, "a", 4, 3, 2, 1]]
    [row] = profile.stores().to_dict("records")
    assert row == {
        "workers": 2,
        "repeat": 1,
        "array": "/data/sample.zarr/images/he/0",
        "prefix": "add",
        "shape": (4096, 4096),
        "chunks": (1024, 1024),
        "pieces": (512, 512),
        "needed": 16,
        "reads": 64,
        "amplification": 4.0,
        "cut": 4.0,
        "needed_bytes": 16 * 2**20,
        "bytes": 64 * 2**20,
        "seconds": 2.0,
    }


def test_lines_have_a_row_each_and_one_for_the_rest_of_the_run() -> None:
    trace = make_trace([1.0, 3.0])  # 4 s
    calls = Calls(
        begun=array("d", [0.0]),
        ended=array("d", [3.5]),
        sends=array("b", [2]),
        line=array("i", [2]),
    )
    run = make_run(
        seconds=4.0,
        trace=replace(trace, calls=calls),
        lines=(LineTime(line=2, text="x.compute()", seconds=0.0),),
        task_memory=(make_task("group0", rise_high=9),),
    )

    frame = make_profile(run, make_run(4)).lines()

    assert " ".join(frame.columns) == (
        "workers repeat line function code seconds own_seconds thread_seconds tasks held_bytes"
        " rise_bytes"
    )
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    assert rows == [
        [1, 1, 2, "", "x.compute()", 3.5, 0.0, 4.0, 2, 2_000_000, 9],
        [1, 1, 0, "", "", 0.5, 0.5, 0.0, 0, 0, None],
    ]


@pytest.mark.parametrize(
    "table",
    ["to_frame", "summary", "memory", "spans", "tasks", "lines", "calls", "disk", "stores"],
)
def test_tables_of_an_empty_profile_are_empty_and_keep_their_columns(table: str) -> None:
    frame = getattr(make_profile(empty=True), table)()

    assert len(frame) == 0
    assert "workers" in frame.columns


def test_save_writes_what_load_reads(tmp_path: Path) -> None:
    profile = make_profile()

    profile.save(tmp_path / "profile.json")

    assert load(tmp_path / "profile.json") == profile
