"""A saved profile comes back equal, and a file that is none is refused in one line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from profiles import GB, address, make_activity, make_profile, make_run, make_store

from sdprofile.errors import SdprofileError
from sdprofile.explain.notices.every import Notice
from sdprofile.model.allocations import Allocation, Allocations
from sdprofile.model.disk import MOST_STORES, Disk, StoreReads, WorkerDisk
from sdprofile.model.failure import Failure
from sdprofile.model.machine import Machine
from sdprofile.model.memory import ClusterPeak, Curve, Thresholds, WorkerPeak
from sdprofile.model.memory_use import MemoryUse
from sdprofile.model.run import Run
from sdprofile.model.setting import Setting
from sdprofile.model.spans import SpanActivity, Work
from sdprofile.results.profile import Profile, load
from sdprofile.results.storage import save

texts = st.text(max_size=20)
amounts = st.integers(0, 2**50)
seconds = st.floats(0, 1e6)
pairs = st.tuples(texts, texts)


def few(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(elements, max_size=2).map(tuple)


def curves() -> st.SearchStrategy[Curve]:
    samples = st.lists(st.tuples(seconds, amounts), max_size=3)
    return st.builds(
        lambda source, worker, samples: Curve(
            source=source,
            worker=worker,
            seconds=tuple(time for time, _ in samples),
            nbytes=tuple(amount for _, amount in samples),
        ),
        *(texts, texts, samples),
    )


failures = st.builds(
    Failure,
    nbytes=st.none() | amounts,
    tasks=few(texts),
)
runs = st.builds(
    Run,
    setting=st.builds(
        Setting,
        workers=st.integers(1, 99),
        threads=st.integers(1, 99),
        memory_limit=st.none() | amounts,
        variables=few(pairs),
    ),
    seconds=seconds,
    memory=st.builds(
        MemoryUse,
        worker_peaks=few(st.builds(WorkerPeak, killed=st.booleans())),
        cluster_peak=st.none() | st.builds(ClusterPeak, low=amounts, high=amounts),
        curves=few(curves()),
    ),
    work=st.builds(
        Work,
        spans=few(st.builds(SpanActivity, seconds=seconds)),
        tasks=amounts,
        cpu_seconds=seconds,
    ),
    failure=st.none() | failures,
    disk=st.builds(
        Disk,
        workers=few(st.builds(WorkerDisk, read=amounts)),
        stores=few(st.builds(StoreReads, shape=few(amounts), seconds=seconds)),
    ),
)
profiles = st.builds(
    Profile,
    runs=few(runs),
    fused=st.booleans(),
    stopped=texts,
    machine=st.builds(Machine),
    decimal=st.booleans(),
    versions=few(pairs),
    allocated=st.none()
    | st.builds(
        Allocations, seconds=seconds, usual_seconds=seconds, largest=few(st.builds(Allocation))
    ),
    remarks=few(st.builds(Notice)),
)


@given(profile=profiles)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_every_profile_comes_back_equal(profile: Profile, tmp_path: Path) -> None:
    save(profile, tmp_path / "profile.json")

    assert load(tmp_path / "profile.json") == profile


def test_file_names_format_and_version_and_is_compact(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"

    save(make_profile(), path)

    document = json.loads(path.read_text())
    assert list(document) == ["format", "sdprofile", "advice", "notices", "profile"]
    assert document["format"] == 5
    assert path.read_text() == json.dumps(document, separators=(",", ":"))


def test_what_was_read_makes_a_file_grow_by_less_than_100_kb(tmp_path: Path) -> None:
    def size(*, known: bool) -> int:
        runs = []
        for workers in (1, 2, 4, 8, 16):
            disk = Disk(
                workers=tuple(
                    WorkerDisk(
                        worker=address(n), read=GB, written=GB, from_storage=GB, to_storage=GB
                    )
                    for n in range(workers)
                ),
                stores=(make_store(array=f"/data/{'a' * 80}.zarr/images/he/0"),) * MOST_STORES,
            )
            runs += [make_run(workers, disk=disk if known else Disk())] * 9
        save(make_profile(*runs), tmp_path / "profile.json")
        return (tmp_path / "profile.json").stat().st_size

    assert size(known=True) - size(known=False) < 100_000


def test_file_tells_its_readers_what_the_profile_tells(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    profile = make_profile(fused=False)

    save(profile, path)

    document = json.loads(path.read_text())
    assert document["advice"] == profile.advice != ""
    assert document["notices"] == [[each.fact, each.advice] for each in profile.notices] != []


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        ((0.0, 0.02, 0.0401), {"ticks": [0, 200, 201]}),
        ((0.0, 1 / 3), {"seconds": [0.0, 1 / 3]}),
        ((), {"ticks": []}),
    ],
)
def test_curves_are_written_as_differences(
    seconds: tuple[float, ...], written: dict[str, list[float]], tmp_path: Path
) -> None:
    path = tmp_path / "profile.json"
    nbytes = (GB, GB + 5, GB - 5)[: len(seconds)]
    curve = Curve(source="sampler", worker="one", seconds=seconds, nbytes=nbytes)
    profile = make_profile(make_run(curves=(curve,)))

    save(profile, path)

    [found] = json.loads(path.read_text())["profile"]["runs"][0]["memory"]["curves"]
    steps = [GB, 5, -10][: len(seconds)]
    assert found == {
        "source": "sampler",
        "worker": "one",
        "measure": "process",
        **written,
        "steps": steps,
    }
    assert load(path) == profile


def test_profile_of_10_000_tasks_is_small(tmp_path: Path) -> None:
    # 10,000 tasks of 5 ms, three times each on 1, 2 and 4 workers; memory that is never still.
    random = np.random.default_rng(0)

    def curve(worker: int, seconds: float) -> Curve:
        times = np.arange(0, seconds, 0.02) + random.uniform(0, 0.001, round(seconds / 0.02))
        nbytes = GB + 4096 * random.integers(0, 50_000, len(times))
        return Curve(
            source="sampler",
            worker=f"tcp://127.0.0.1:{40_000 + worker}",
            seconds=tuple(round(each, 4) for each in times.tolist()),
            nbytes=tuple(nbytes.tolist()),
        )

    runs = [
        make_run(
            workers,
            repeat=repeat,
            seconds=50 / workers,
            tasks=10_000,
            curves=tuple(curve(worker, 50 / workers) for worker in range(workers)),
            spans=tuple(make_activity("thread-cpu", 0.1, prefix=f"task{n}") for n in range(100)),
        )
        for workers in (1, 2, 4)
        for repeat in (1, 2, 3)
    ]
    path = tmp_path / "profile.json"

    save(make_profile(*runs), path)

    assert path.stat().st_size < 1_000_000
    assert len(load(path).runs[8].memory.curves[3].seconds) == 625


def test_thresholds_of_an_older_file_are_dasks_own(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    save(make_profile(make_run(), thresholds=Thresholds(pause=None)), path)
    assert load(path).thresholds == Thresholds(pause=None)
    document = json.loads(path.read_text())
    del document["profile"]["thresholds"]
    path.write_text(json.dumps(document))
    assert load(path).thresholds == Thresholds()


def test_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    save(make_profile(), "~/profile.json")

    assert (tmp_path / "profile.json").exists()
    assert load("~/profile.json") == make_profile()


def test_failed_write_keeps_the_old_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "profile.json"
    path.write_text("old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(SdprofileError, match=r"profile\.json: .* got no space left on device$"):
        save(make_profile(), path)

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_number_that_json_lacks_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text("old")

    with pytest.raises(ValueError, match="not JSON compliant"):
        save(make_profile(make_run(seconds=float("nan"))), path)

    assert path.read_text() == "old"


def test_saved_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "any").touch()

    save(make_profile(), tmp_path / "profile.json")

    rights = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(rights) == 1


def test_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "target.json")

    save(make_profile(), link)

    assert link.is_symlink()
    assert load(tmp_path / "target.json") == make_profile()


def test_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SdprofileError, match="a file that can be written, got no such file"):
        save(make_profile(), tmp_path / "missing" / "profile.json")


def test_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SdprofileError, match=r"before\.json: expected an sdprofile profile, got"):
        load(tmp_path / "before.json")


@pytest.mark.parametrize("content", [b"", b"not JSON", b"\xff", b"[" * 100_000, b'{"format": NaN}'])
def test_what_is_not_json_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    path.write_bytes(content)

    with pytest.raises(SdprofileError, match=r"before\.json: .* got what is not JSON$"):
        load(path)


@pytest.mark.parametrize("document", [1, [], {}, {"format": 1, "sdprofile": "1", "profile": 1}])
def test_other_json_is_refused(document: object, tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    path.write_text(json.dumps(document))

    with pytest.raises(SdprofileError, match=r"got other JSON$"):
        load(path)


def change(path: Path, how: Callable[[dict[str, Any]], object]) -> None:
    """Save a profile of one run, then change the document in the file."""
    save(make_profile(make_run(curve=(GB, GB)), versions=(("dask", "1"),)), path)
    document = json.loads(path.read_text())
    how(document)
    path.write_text(json.dumps(document))


def changed_run(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["profile"]["runs"][0].update(values)


def changed_in(reading: str, **values: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["profile"]["runs"][0][reading].update(values)


def changed_curve(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["profile"]["runs"][0]["memory"]["curves"][0].update(values)


def changed_profile(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["profile"].update(values)


@pytest.mark.parametrize(
    ("how", "got"),
    [
        (changed_profile(runs={}), r"dict instead of list at profile\.runs"),
        (changed_profile(runs=[3]), r"int instead of dict at profile\.runs\[0\]"),
        (changed_profile(code=None), r"NoneType instead of str at profile\.code"),
        (changed_profile(fused=1), r"int instead of bool at profile\.fused"),
        (changed_profile(versions=["ab"]), r"str instead of list at profile\.versions\[0\]"),
        (changed_profile(versions=[["a"]]), r"1 values instead of 2 at profile\.versions\[0\]"),
        (changed_run(seconds="3"), r"str instead of float at profile\.runs\[0\]\.seconds"),
        (changed_run(work=[]), r"list instead of dict at profile\.runs\[0\]\.work"),
        (changed_in("work", tasks=1.5), r"float instead of int at profile\.runs\[0\]\.work\.tasks"),
        (changed_in("work", tasks=True), r"bool instead of int at profile\.runs\[0\]\.work\.tasks"),
        (changed_in("setting", memory_limit="5GB"), r"str instead of int at .*\.memory_limit"),
        (changed_in("setting", workers=-1), "a run on -1 workers"),
        (changed_in("setting", threads=0), "workers with 0 threads"),
        (lambda document: document["profile"].pop("code"), r"nothing at profile\.code"),
        (changed_curve(steps=[1]), "a memory curve with unequal numbers of times and amounts"),
        (changed_curve(ticks=[0.5, 1]), r"other than whole numbers as ticks at .*curves\[0\]"),
        (changed_curve(steps={}), r"other than whole numbers as steps at .*curves\[0\]"),
        (changed_in("memory", curves=[7]), r"int instead of dict at .*curves\[0\]"),
    ],
)
def test_damage_is_named_with_its_place(
    how: Callable[[dict[str, Any]], object], got: str, tmp_path: Path
) -> None:
    path = tmp_path / "before.json"
    change(path, how)

    with pytest.raises(SdprofileError, match=f"expected an sdprofile profile, got {got}$"):
        load(path)


def test_number_too_large_for_a_float_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    save(make_profile(make_run(seconds=12.5)), path)
    path.write_text(path.read_text().replace("12.5", "1e999"))

    with pytest.raises(SdprofileError, match="got a number without end at"):
        load(path)


def test_newer_format_asks_for_an_update(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    change(path, lambda document: document.update(format=6, sdprofile="9.0"))

    with pytest.raises(
        SdprofileError, match=r"expected format 5, got 6, .*'9\.0' \(update sdprofile\)$"
    ):
        load(path)


@pytest.mark.parametrize("number", ["1", None, True, 0, 1.0])
def test_format_that_is_no_number_from_1_up_is_refused(number: object, tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    change(path, lambda document: document.update(format=number))

    with pytest.raises(SdprofileError, match=rf"got format {number!r}$"):
        load(path)


def test_fields_that_came_later_may_be_missing_or_unknown(tmp_path: Path) -> None:
    path = tmp_path / "before.json"

    def other_version(document: dict[str, Any]) -> None:
        del document["profile"]["runs"][0]["work"]
        del document["profile"]["runs"][0]["memory"]["swapped"]
        document["profile"]["runs"][0]["unheard_of"] = 1

    change(path, other_version)

    assert load(path).runs[0].work.spans == ()


def test_whole_number_is_read_as_seconds(tmp_path: Path) -> None:
    path = tmp_path / "before.json"
    change(path, changed_run(seconds=3))

    seconds = load(path).runs[0].seconds
    assert (seconds, type(seconds)) == (3.0, float)
