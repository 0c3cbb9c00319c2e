"""Tasks that pass a worker's limit side by side are told, with what to tell dask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import GB, make_profile, make_run, make_task

from sdprofile.explain.notices.task_memory import held_notices, said_need
from sdprofile.model.notice import Notice
from sdprofile.model.run import Run
from sdprofile.model.tasks import Throttled

MB = 10**6


def run(
    threads: int, rise: int, *, low: int | None = None, limit: int = 4 * GB, **kwargs: object
) -> Run:
    """Return a run whose tasks took so much each; its workers have 200 MB at the start."""
    task = make_task("hold", tasks=9, rise_low=rise if low is None else low, rise_high=rise)
    return make_run(threads=threads, memory_limit=limit, task_memory=(task,), **kwargs)


def notices(*runs: Run) -> list[Notice]:
    return list(held_notices(make_profile(*runs)))


def test_what_one_thread_measured_is_told_of_several() -> None:
    killed = make_run(threads=4, memory_limit=4 * GB, status="killed")
    (notice,) = notices(run(1, 1260 * MB), killed)
    assert notice.fact == (
        "4 tasks of hold side by side take 5.04 GB, a worker of 4 threads has 4.00 GB"
    )
    assert notice.advice == (
        "Try --task-memory hold=1.4GB, which runs fewer at a time. To keep it: start the workers"
        ' with resources={"MEM": 4e9}, and call compute() under'
        ' with dask.annotate(resources={"MEM": 1.4e9}):'
    )


def test_it_is_told_once_for_a_grid() -> None:
    killed = make_run(threads=4, memory_limit=4 * GB, status="killed")
    found = make_profile(run(1, 1260 * MB), run(2, 1900 * MB), killed).notices
    assert [notice.fact for notice in found if "side by side" in notice.fact] == [
        "4 tasks of hold side by side take 5.04 GB, a worker of 4 threads has 4.00 GB"
    ]


def test_of_a_range_the_least_counts() -> None:
    assert notices(run(4, 3 * GB, low=500 * MB)) == []
    assert len(notices(run(4, 3 * GB, low=1100 * MB))) == 1


def test_what_fits_or_runs_alone_is_no_matter() -> None:
    assert notices(run(1, 5 * GB)) == []
    assert notices(run(4, 900 * MB)) == []
    assert notices(run(4, GB, limit=0)) == []


def test_what_was_held_back_is_not_told_again() -> None:
    held = Throttled(prefix="hold", nbytes=2 * GB, tasks=9)
    assert notices(run(4, 1260 * MB, throttled=(held,))) == []


def test_a_prefix_that_no_task_has_is_told_with_those_there_are() -> None:
    held = tuple(
        Throttled(prefix=name, nbytes=GB, tasks=n) for name, n in (("hold", 9), ("hodl", 0))
    )
    (notice,) = notices(run(1, GB, throttled=held))
    assert notice.fact == "--task-memory held nothing back: no task has the prefix hodl"
    assert notice.advice == "The prefixes are hold"


@given(
    st.integers(10 * MB, 10 * GB),
    st.integers(500 * MB, 20 * GB),
    st.integers(0, 400 * MB),
    st.floats(0.5, 1.0),
)
def test_as_many_as_fit_leave_room(need: int, limit: int, baseline: int, full: float) -> None:
    said = said_need(need, limit=limit, baseline=baseline, full=full)
    together = limit // said
    assert 0 < said <= limit
    assert together == 1 or together * need + baseline <= full * limit


@pytest.mark.parametrize("threads", [2, 3])
def test_said_need_leaves_as_many_as_can(threads: int) -> None:
    assert 4 * GB // said_need(threads * 300 * MB, limit=4 * GB, baseline=0, full=0.8) == 3.2 // (
        threads * 0.3
    )
