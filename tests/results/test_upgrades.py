"""What older sdprofiles wrote is read as they measured it.

The files of `data/formats` were written by the last version that wrote each format: a cell that is
killed for memory with one worker and ends well with three. Beside each are the tables that the same
version gave; of memory over time the number of samples of each curve and their sums.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sdprofile.errors import SdprofileError
from sdprofile.results.profile import Profile, load
from sdprofile.results.storage import FORMAT, save
from sdprofile.results.upgrades import STEPS

FILES = Path(__file__).parents[1] / "data" / "formats"
OLDER = range(1, FORMAT)
CURVE = ["workers", "repeat", "source", "worker", "measure"]


def tables(profile: Profile) -> dict[str, pd.DataFrame]:
    curves = profile.memory().groupby(CURVE, sort=False)
    return {
        "to_frame": profile.to_frame(),
        "memory": curves.agg(
            samples=("bytes", "size"), seconds=("seconds", "sum"), bytes=("bytes", "sum")
        ).reset_index(),
        "spans": profile.spans(),
        "steps": profile.steps(),
        "tasks": profile.tasks(),
    }


@pytest.mark.parametrize("number", OLDER)
def test_an_older_file_is_read_as_it_was_measured(number: int) -> None:
    expected = json.loads((FILES / f"format{number}.tables.json").read_text())
    profile = load(FILES / f"format{number}.json")

    failures = expected.pop("failures")
    for name, found in tables(profile).items():
        table = expected.pop(name)
        then = pd.DataFrame(table["data"], columns=table["columns"])
        now = found[table["columns"]]  # columns may have come since
        pd.testing.assert_frame_equal(now, then, check_dtype=False, rtol=1e-12)
    assert expected == {}
    assert [
        [
            *(each.workers, each.repeat, each.status, each.seconds, each.message, each.advice),
            *(each.worker, each.nbytes, each.memory_limit, list(each.tasks)),
        ]
        for each in profile.failures
    ] == failures


@pytest.mark.parametrize("number", OLDER)
def test_what_no_table_has_is_read_from_an_older_file_too(number: int) -> None:
    document = json.loads((FILES / f"format{number}.json").read_text())
    assert document["format"] == number
    written: dict[str, Any] = document["profile"]
    profile = load(FILES / f"format{number}.json")

    assert profile.code == written["code"]
    assert vars(profile.machine) == written["machine"]
    assert [list(each) for each in profile.versions] == written["versions"]
    assert (profile.predictions is not None) == (number == 4)
    assert profile.predictions is None or not profile.predictions.measured  # from themselves
    for run, old in zip(profile.runs, written["runs"], strict=True):
        assert [vars(each) for each in run.throttled] == old.get("held", [])
        assert [(each.span, list(each.fused)) for each in run.steps.calls] == [
            (each["span"], each["merged"]) for each in old["steps"]
        ]
        assert [each.name for each in run.data.elements] == [
            each["name"] for each in old["elements"]
        ]
        assert run.memory.swapped == old["circumstances"]["swapped"]
        assert run.transfers.gathered == old["circumstances"].get("gathered")
        assert run.circumstances.pauses == old["circumstances"]["pauses"]
        assert [vars(peak) for peak in run.memory.worker_peaks] == old["worker_peaks"]


@pytest.mark.parametrize("number", OLDER)
def test_an_older_file_is_written_in_the_newest_format(number: int, tmp_path: Path) -> None:
    profile = load(FILES / f"format{number}.json")

    save(profile, tmp_path / "new.json")

    assert json.loads((tmp_path / "new.json").read_text())["format"] == FORMAT == 1 + len(STEPS)
    assert load(tmp_path / "new.json") == profile
    assert "killed" in str(profile)


def test_a_run_that_failed_without_a_word_has_failed_still(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    document = json.loads((FILES / "format4.json").read_text())
    document["profile"]["runs"][0]["failure"] = None
    path.write_text(json.dumps(document))

    assert load(path).runs[0].status == "killed"


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        ({"spans": 3}, r"int instead of list at profile\.runs\[0\]\.work\.spans"),
        ({"curves": [{"nbytes": 1}]}, r"other than whole numbers as steps at .*curves\[0\]"),
        ({"curves": 7}, r"int instead of list at .*curves"),
        ({"circumstances": 7}, r"int instead of dict at .*circumstances"),
        ({"failure": 7}, r"int instead of dict at .*failure"),
        ({"workers": "3"}, r"str instead of int at .*setting\.workers"),
    ],
)
def test_damage_of_an_older_file_is_named_with_its_place(
    damage: dict[str, Any], place: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.json"
    document = json.loads((FILES / "format1.json").read_text())
    document["profile"]["runs"][0].update(damage)
    path.write_text(json.dumps(document))

    with pytest.raises(SdprofileError, match=rf"old\.json: .* got {place}"):
        load(path)
