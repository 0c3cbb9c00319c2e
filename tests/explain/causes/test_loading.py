"""A model that each task loads anew: on made-up tasks and calls of which it is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from profiles import MACHINE, make_profile, make_run
from traces import call_tree, ran

from sdprofile.explain.causes.every import find_causes
from sdprofile.explain.causes.found import Found
from sdprofile.model.calls import CallTrees, Frame

OWN = Frame(name="segment", line=1)
CELLPOSE = Frame(name="__init__", module="cellpose.models", line=80)
TORCH = Frame(name="load", module="torch.serialization", line=900)
EVAL = Frame(name="eval", module="cellpose.models", line=120)
LOAD = (CELLPOSE, TORCH, EVAL)


def found(
    *seconds: float,
    loading: float,
    samples: int = 100,
    frames: tuple[Frame, ...] = LOAD,
) -> tuple[Found, ...]:
    """Return the causes of tasks that took so long, and loaded for so long together."""
    ends = [sum(seconds[: place + 1]) for place in range(len(seconds))]
    tasks = [(0.0, end - each, end) for end, each in zip(ends, seconds, strict=True)]
    total = ends[-1]
    tree = replace(
        call_tree(
            "group0",
            (0, 0, total),
            (1, 1, loading),
            (2, 2, 0.9 * loading),
            (3, 1, total - loading),
        ),
        samples=samples,
    )
    trace = ran(tasks, seconds=total, inside=CallTrees(frames=(OWN, *frames), trees=(tree,)))
    run = make_run(seconds=total, trace=trace)
    profile = make_profile(run, machine=replace(MACHINE, cpus=8))
    return find_causes(profile, profile.counts)


def test_a_model_that_each_task_loads_is_told_with_what_that_takes() -> None:
    (cause,) = found(*[1.0] * 10, loading=6.0)
    assert (cause.name, cause.share) == ("loads a model again", 0.6)
    assert cause.fact == (
        "each task of group0 loads its model anew (cellpose.models): about 600 ms of 1.00 s"
    )
    assert cause.change == (
        "load it once in each worker: w = distributed.get_worker(), and w.model = ... if not"
        ' hasattr(w, "model")'
    )
    # Of 10 s, 9 loads of 0.6 s are saved, and half of that at least.
    assert cause.gain == pytest.approx((10 / (10 - 2.7), 10 / (10 - 5.4)), rel=0.01)


def test_a_model_that_is_loaded_once_in_a_worker_is_no_such() -> None:
    names = {each.name for each in found(7.0, *[1.0] * 9, loading=6.0)}
    assert "loads a model again" not in names


def test_it_is_not_told_of_few_tasks_few_samples_or_little_time() -> None:
    assert found(5.0, loading=3.0) == ()
    assert found(*[1.0] * 10, loading=6.0, samples=9) == ()
    assert found(*[1.0] * 10, loading=0.8) == ()


def test_what_a_load_calls_is_within_it() -> None:
    load = Frame(name="load_state_dict", module="torch.nn.modules.module", line=2000)
    (cause,) = found(*[1.0] * 10, loading=5.0, frames=(load, TORCH, EVAL))
    assert "(torch.load_state_dict): about 500 ms of" in cause.fact


def test_other_calls_are_no_loads() -> None:
    other = Frame(name="load", module="numpy", line=1)
    assert found(*[1.0] * 10, loading=6.0, frames=(other, other, EVAL)) == ()
