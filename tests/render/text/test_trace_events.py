"""Tasks as trace events: what a viewer is to draw, by the documented format."""

from __future__ import annotations

import json
import math
import time
from array import array
from collections import defaultdict
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import Client
from profiles import GB, make_curve, make_profile, make_run
from runs import measure
from traces import HOST, cores, ran

from sdprofile.errors import SdprofileError
from sdprofile.model.trace import Fetches, Spells, Trace
from sdprofile.results.comparison import Comparison
from sdprofile.results.profile import Profile

Event = dict[str, Any]

FIELDS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "X": {"cat": str, "dur": (int, float), "tid": int, "args": dict},
    "C": {"args": dict},
    "i": {"s": str},
    "M": {"args": dict},
}
"""What each kind of event has beside `name`, `ts` and `pid`."""

NAMES = {"process_name", "process_sort_index", "thread_name", "thread_sort_index"}


def events_of(profile: Profile, folder: Path) -> list[Event]:
    """Return the events of an exported trace, which is as the format has it."""
    path = folder / "run.trace.json"
    profile.export(path)
    document = json.loads(path.read_text())
    assert document["displayTimeUnit"] in ("ms", "ns")
    events: list[Event] = document["traceEvents"]
    for event in events:
        for name, kind in {
            "name": str,
            "ts": (int, float),
            "pid": int,
            **FIELDS[event["ph"]],
        }.items():
            assert isinstance(event[name], kind), event
        if event["ph"] == "M":
            assert event["name"] in NAMES
        elif event["ph"] == "C":
            assert all(isinstance(each, int | float) for each in event["args"].values())
    ids = {event["pid"] for event in events} | {e["tid"] for e in events if e["ph"] == "X"}
    named = [e["pid"] for e in events if e["name"] == "process_name"]
    named += [e["tid"] for e in events if e["name"] == "thread_name"]
    assert sorted(named) == sorted(ids)  # each once, and no lane has the number of a process
    by_lane: defaultdict[int, list[Event]] = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            assert event["dur"] > 0
            by_lane[event["tid"]].append(event)
    for lane in by_lane.values():
        lane.sort(key=lambda event: event["ts"])
        for before, after in zip(lane, lane[1:], strict=False):
            assert before["ts"] + before["dur"] <= after["ts"]
    return events


def told(events: list[Event], kind: str = "X") -> list[tuple[str, str, str, float, float]]:
    """Return process, lane, name, begin and end of the bars, in microseconds."""
    process = {e["pid"]: e["args"]["name"] for e in events if e["name"] == "process_name"}
    lane = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    return [
        (process[e["pid"]], lane[e["tid"]], e["name"], e["ts"], e["ts"] + e["dur"])
        for e in events
        if e["ph"] == kind
    ]


def counted(events: list[Event], name: str) -> list[tuple[int, dict[str, float]]]:
    return [(e["ts"], e["args"]) for e in events if e["ph"] == "C" and e["name"] == name]


def profile_of(trace: Trace, workers: int = 1, **run: Any) -> Profile:
    return make_profile(make_run(workers, seconds=trace.seconds, trace=trace, **run))


def test_tasks_side_by_side_have_a_lane_each(tmp_path: Path) -> None:
    trace = ran([(0, 0.1, 0.5), (0, 0.2, 0.4), (0, 0.5, 0.6)], seconds=1.0, threads=2)

    assert told(events_of(profile_of(trace), tmp_path)) == [
        ("1 worker: kernel", "calls of dask", "compute", 0, 1_000_000),
        ("1 worker: worker 0", "thread 1", "group0", 100_000, 500_000),
        ("1 worker: worker 0", "thread 1", "group0", 500_000, 600_000),
        ("1 worker: worker 0", "thread 2", "group0", 200_000, 400_000),
    ]


def test_a_task_beside_one_that_left_its_thread_has_a_lane(tmp_path: Path) -> None:
    trace = ran([(0, 0.1, 0.9), (0, 0.2, 0.4)], seconds=1.0, calls=[])

    assert [each[1] for each in told(events_of(profile_of(trace), tmp_path))] == [
        "thread 1",
        "thread 2",
    ]


def test_tasks_that_overlap_by_what_clocks_differ_share_a_lane(tmp_path: Path) -> None:
    trace = ran([(0, 0.1, 0.5), (0, 0.4999, 0.6)], seconds=1.0, calls=[])

    assert [each[1:] for each in told(events_of(profile_of(trace), tmp_path))] == [
        ("thread", "group0", 100_000, 500_000),
        ("thread", "group0", 500_000, 600_000),
    ]


def test_what_had_not_ended_is_cut_off_and_what_never_began_left_out(tmp_path: Path) -> None:
    trace = ran([(0, 0.5, math.inf), (0, math.inf, math.inf)], seconds=1.0, calls=[(0.2, 9.0, 0)])

    assert [each[2:] for each in told(events_of(profile_of(trace), tmp_path))] == [
        ("wait for results", 200_000, 1_000_000),
        ("group0", 500_000, 1_000_000),
    ]


def test_fetches_spill_and_pauses_have_lanes_of_their_own(tmp_path: Path) -> None:
    trace = ran(
        [(0, 0.1, 0.2), (0, 0.5, 0.6)],
        seconds=1.0,
        workers=2,
        on=[0, 1],
        inputs={1: [0]},
        calls=[],
        reading=array("d", [0.0, 0.1]),
        writing=array("d", [0.05, 0.0]),
        fetches=Fetches(
            worker=array("i", [1, 1]),
            begun=array("d", [0.2, 0.25]),
            ended=array("d", [0.3, 0.4]),
            task=array("i", [1, 1]),
        ),
        pauses=Spells(
            worker=array("i", [0]), begun=array("d", [0.7]), ended=array("d", [math.inf])
        ),
    )

    assert told(events_of(profile_of(trace, 2), tmp_path)) == [
        ("2 workers: worker 0", "thread", "group0", 100_000, 200_000),
        ("2 workers: worker 0", "disk", "write after group0", 200_000, 250_000),
        ("2 workers: worker 0", "paused", "paused", 700_000, 1_000_000),
        ("2 workers: worker 1", "thread", "group0", 500_000, 600_000),
        ("2 workers: worker 1", "disk", "read back for group0", 400_000, 500_000),
        ("2 workers: worker 1", "fetches 1", "fetch for group0", 200_000, 300_000),
        ("2 workers: worker 1", "fetches 2", "fetch for group0", 250_000, 400_000),
    ]


def test_memory_and_cpus_are_counters(tmp_path: Path) -> None:
    trace = ran([(0, 0.1, 0.5)], seconds=2.0, cores=(cores(0.5, seconds=0.2),))
    curve = make_curve([GB, 2 * GB], seconds=2.0, source="sampler", worker=f"{HOST}:0")

    events = events_of(profile_of(trace, curves=(curve,)), tmp_path)

    assert counted(events, "memory") == [(0, {"bytes": GB}), (2_000_000, {"bytes": 2 * GB})]
    assert counted(events, "CPUs in use") == [(0, {"CPUs": 0.5}), (100_000, {"CPUs": 0.5})]


def test_what_a_worker_holds_of_a_gpu_is_a_counter(tmp_path: Path) -> None:
    trace = ran([(0, 0.1, 0.5)], seconds=2.0)
    own, whole = (
        make_curve([0, GB], seconds=2.0, source="nvml", worker=worker, measure="gpu 0")
        for worker in (f"{HOST}:0", "")
    )

    events = events_of(profile_of(trace, curves=(whole, own)), tmp_path)

    assert counted(events, "memory of gpu 0") == [(0, {"bytes": 0}), (2_000_000, {"bytes": GB})]


def test_each_worker_count_has_its_own_processes(tmp_path: Path) -> None:
    runs = [
        make_run(workers, trace=ran([(0, 0.1, 0.5)], seconds=1.0, workers=workers))
        for workers in (1, 2)
    ]

    events = events_of(make_profile(*runs), tmp_path)

    names = [e["args"]["name"] for e in events if e["name"] == "process_name"]
    assert names == [
        "1 worker: kernel",
        "1 worker: worker 0",
        "2 workers: kernel",
        "2 workers: worker 0",
    ]


def test_a_profile_without_tasks_has_no_events(tmp_path: Path) -> None:
    assert events_of(make_profile(), tmp_path) == []


def test_a_comparison_has_no_trace(tmp_path: Path) -> None:
    compared = Comparison(names=("a", "b"), before=make_profile(), after=make_profile())

    with pytest.raises(SdprofileError, match=r"ends in \.csv.*\.png or \.pdf, got"):
        compared.export(tmp_path / "x.trace.json")


def test_tasks_of_a_real_run_are_there(client: Client, tmp_path: Path) -> None:
    @dask.delayed(pure=False)
    def nap(_: int) -> None:
        time.sleep(0.02)

    run, _ = measure(lambda: dask.compute([nap(each) for each in range(10)]), client)

    events = events_of(make_profile(run), tmp_path)

    naps = [each for each in told(events) if each[2] == "nap"]
    assert len(naps) == 10
    assert all(0 <= begun < ended <= run.seconds * 1e6 + 1 for *_, begun, ended in naps)
    assert [each[2] for each in told(events) if each[1] == "calls of dask"] == ["compute"]
    assert counted(events, "memory")
