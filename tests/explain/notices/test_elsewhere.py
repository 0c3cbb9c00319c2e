"""Work that went elsewhere is told before the numbers, which then compare no workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from profiles import make_profile, make_run

from sdprofile.model.elsewhere import Elsewhere
from sdprofile.render.page.page import html_report
from sdprofile.render.text.export import profile_markdown
from sdprofile.render.text.report import report
from sdprofile.results.profile import Profile, load


def profile_of(*, tasks: int = 100, **kwargs: Any) -> Profile:
    place = Elsewhere(**{"scheduler": "tcp://127.0.0.1:40001", **kwargs})
    runs = [
        make_run(workers, seconds=12.0 / workers, tasks=tasks, elsewhere=(place,))
        for workers in (1, 2)
    ]
    return make_profile(*runs)


OWN = {"workers": 2, "started": True, "connected": True, "graphs": 1}


def test_times_of_another_cluster_give_neither_verdict_nor_advice() -> None:
    profile = profile_of(tasks=0, **OWN)
    assert profile.advice == ""
    assert [count.speedup for count in profile.counts] == [None, None]
    assert set(profile.summary()["verdict"].isna()) == {True}
    assert "faster" not in str(profile)


@pytest.mark.parametrize(
    ("tasks", "place", "said"),
    [
        (0, OWN, "starts a cluster of its own (tcp://127.0.0.1:40001, 2 workers): its tasks ran"),
        (9, OWN, "part of its tasks ran there"),
        (9, OWN | {"graphs": 0}, "sends no work there"),
        (9, OWN | {"left": True}, "2 such clusters are left running"),
        (0, {"workers": 1, "connected": True, "graphs": 1}, "connects to another cluster"),
        (0, {"workers": 1, "graphs": 1}, "uses a client of another cluster"),
        (0, OWN | {"scheduler": "", "graphs": 0}, "starts a cluster of its own, but sends"),
    ],
)
def test_another_cluster_is_the_first_notice(tasks: int, place: dict[str, Any], said: str) -> None:
    first, *others = profile_of(tasks=tasks, **place).notices
    assert said in first.fact
    assert first.leading
    assert not any("No task ran" in notice.fact for notice in others)


def test_schedulers_in_the_kernel_count_by_their_time() -> None:
    profile = profile_of(tasks=0, scheduler="threads", seconds=2.9)
    assert 'scheduler="threads", outside the workers, for up to 2.90 s' in profile.notices[0].fact
    assert profile.counts[1].speedup == 2.0  # it took less than half
    profile = profile_of(tasks=0, scheduler="synchronous", seconds=6.1)
    assert profile.counts[1].speedup is None
    assert profile.advice == ""
    assert (
        "an executor as scheduler" in profile_of(scheduler="executor", seconds=6.0).notices[0].fact
    )
    profile = profile_of(scheduler="threads", seconds=0.1)
    assert profile.notices == ()
    assert profile.advice


@pytest.mark.parametrize("show", [report, html_report, profile_markdown])
def test_every_report_begins_with_it(show: Any) -> None:
    shown = show(profile_of(tasks=0, **OWN))
    shown = shown[shown.rfind("</style>") + 1 :]
    assert shown.count("starts a cluster") == 1
    assert shown.index("starts a cluster") < shown.index("workers" if show is not report else "6.0")
    assert shown.index("starts a cluster") < shown.index("12.0")


def test_a_grid_says_it_too() -> None:
    place = Elsewhere(scheduler="tcp://127.0.0.1:40001", **OWN)
    profile = make_profile(
        *(make_run(1, threads=threads, tasks=0, elsewhere=(place,)) for threads in (1, 2))
    )
    assert profile.is_grid
    assert profile.notices[0].leading
    assert profile.advice == ""
    assert [count.speedup for count in profile.counts] == [None, None]


def test_it_is_kept_in_a_file_which_may_lack_it(tmp_path: Path) -> None:
    profile = profile_of(tasks=0, **OWN)
    profile.save(tmp_path / "kept.json")
    assert load(tmp_path / "kept.json") == profile
    document = json.loads((tmp_path / "kept.json").read_text())
    for run in document["profile"]["runs"]:
        del run["elsewhere"]
    (tmp_path / "old.json").write_text(json.dumps(document))
    assert load(tmp_path / "old.json").runs[0].elsewhere == ()
