"""A GPU that is idle, or shared for nothing: on made-up tasks of which it is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from profiles import GB, MACHINE, address, make_card, make_profile, make_run
from traces import cores, cpu, ran

from sdprofile.explain.causes.every import find_causes
from sdprofile.explain.causes.found import Found
from sdprofile.model.gpu import Card
from sdprofile.model.run import Run

TASKS = [(0.0, n / 10, (n + 1) / 10) for n in range(20)]


def run_of(*cards: Card, workers: int = 1, seconds: float = 2.0, on: float = 1.0) -> Run:
    """Return a run whose workers compute all the time, so much of it on the CPU."""
    tasks = [tuple(each * seconds / 2.0 for each in task) for task in TASKS]
    trace = ran(
        tasks * workers,  # type: ignore[arg-type]
        workers=workers,
        on=[worker for worker in range(workers) for _ in TASKS],
        seconds=seconds,
        addresses=tuple(map(address, range(workers))),
        cores=tuple(replace(cores(on, seconds=seconds), worker=address(w)) for w in range(workers)),
    )
    spans = cpu(on * workers * seconds, (1 - on) * workers * seconds)
    return make_run(workers, seconds=seconds, trace=trace, spans=spans, cards=cards)


def causes(*runs: Run, cpus: int = 8, **kwargs: Any) -> tuple[Found, ...]:
    profile = make_profile(*runs, machine=replace(MACHINE, cpus=cpus), **kwargs)
    return find_causes(profile, profile.counts)


def test_a_gpu_that_waits_for_tasks_on_the_cpu_is_told() -> None:
    (cause,) = causes(run_of(make_card(10 * GB, busy=0.2)))
    assert (cause.name, round(cause.share, 3)) == ("idle GPU", 0.8)
    assert cause.fact == (
        "tasks as group0 leave gpu 0 idle, which computed for 20 % of the time only: for 80 % at"
        " least they worked on the CPU or copied"
    )
    assert cause.change == "let one task compute there while another prepares: --threads 2"
    assert cause.gain is not None
    low, high = cause.gain
    assert 1.2 < low < high == pytest.approx(2.0, rel=0.1)


def test_a_gpu_that_computes_most_of_the_time_or_is_not_known_to_do_so_is_not_idle() -> None:
    assert causes(run_of(make_card(10 * GB, busy=0.8))) == ()
    assert causes(run_of(make_card(10 * GB, busy=None))) == ()
    assert causes(run_of(make_card(busy=0.1))) == ()  # which it did not use
    assert causes(run_of(make_card(GB, busy=0.0))) == ()  # of cells before it
    assert causes(run_of(make_card(GB, busy=0.1, others=GB))) == ()


@pytest.mark.parametrize(("held", "cpus"), [(50 * GB, 8), (10 * GB, 1)])
def test_where_no_more_tasks_have_room_it_is_the_work_that_is_to_change(
    held: int, cpus: int
) -> None:
    (cause,) = causes(run_of(make_card(held, busy=0.2)), cpus=cpus)
    assert cause.gain is None
    assert cause.change == (
        "do that work once and keep it (.persist(), or write it to zarr), or on the GPU, too"
    )


def test_more_tasks_at_once_are_not_proposed_where_they_were_tried_for_nothing() -> None:
    one = run_of(make_card(10 * GB, busy=0.2))
    for seconds, gained in ((1.9, False), (1.2, True)):
        two = run_of(make_card(10 * GB, 10 * GB, busy=0.2), workers=2, seconds=seconds)
        profile = make_profile(one, two, machine=replace(MACHINE, cpus=8))
        (cause,) = find_causes(profile, profile.counts[:1])
        assert (cause.gain is not None) is gained


def test_workers_that_share_a_full_gpu_and_take_as_long_are_told() -> None:
    one = run_of(make_card(10 * GB, busy=0.9), seconds=2.0, on=0.5)
    two = run_of(make_card(10 * GB, 10 * GB, busy=0.95), workers=2, seconds=1.9, on=0.5)
    [cause] = [each for each in causes(one, two) if each.name == "shared GPU"]
    assert (cause.workers, cause.share, cause.gain) == (2, 0.95, None)
    assert cause.fact == (
        "all workers share gpu 0, which computed for 95 % of the time: 1.90 s and 20.0 GB of it,"
        " 2.00 s and 10.0 GB with 1 worker"
    )
    assert cause.change.startswith("use --workers 1; to be faster")


def test_workers_that_gain_by_it_or_have_a_gpu_each_share_none_for_nothing() -> None:
    one = run_of(make_card(10 * GB, busy=0.9), seconds=2.0)
    for two in (
        run_of(make_card(10 * GB, 10 * GB, busy=0.95), workers=2, seconds=1.2),
        run_of(make_card(10 * GB, 10 * GB, busy=0.5), workers=2, seconds=1.9),
        run_of(
            make_card(10 * GB, busy=0.95),
            make_card(0, 10 * GB, name="gpu 1", busy=0.95),
            workers=2,
            seconds=1.9,
        ),
    ):
        assert "shared GPU" not in {each.name for each in causes(one, two)}


def test_tasks_that_wait_for_a_busy_gpu_do_not_wait_for_a_lock() -> None:
    one = run_of(make_card(10 * GB, busy=0.9), seconds=2.0, on=0.0)
    two = run_of(make_card(10 * GB, 10 * GB, busy=0.95), workers=2, seconds=4.0, on=0.0)
    names = {each.name for each in causes(one, two)}
    assert "waiting" not in names
    assert "shared GPU" in names
