"""Chunks that are read more often than needed, and what is said of them."""

from __future__ import annotations

from typing import Any

import pytest
from profiles import make_element, make_profile, make_run, make_store
from traces import ran

from sdprofile.explain.causes.found import Found
from sdprofile.explain.causes.reading import reads_again
from sdprofile.explain.causes.seen import Seen
from sdprofile.explain.notices.elements import element_notices
from sdprofile.model.disk import Disk, StoreReads
from sdprofile.model.steps import Recomputed


def seen_with(*stores: StoreReads, workers: int = 2, **kwargs: Any) -> Seen:
    trace = ran([(0.0, 0.0, 10.0)], workers=workers, seconds=10.0)
    run = make_run(workers, trace=trace, disk=Disk(stores=stores), **kwargs)
    return Seen(profile=make_profile(run), run=run, trace=trace)


def cause_of(*stores: StoreReads, **kwargs: Any) -> Found:
    found = reads_again(seen_with(*stores, **kwargs))
    assert found is not None
    return found


def test_pieces_that_cut_chunks_are_told_with_those_that_do_not() -> None:
    # 3/4 of 4 s of 20 s of both threads.
    cause = cause_of(make_store(seconds=4.0))

    assert (cause.name, cause.share) == ("reading again", pytest.approx(0.15))
    assert cause.fact == (
        "each chunk of .../images/he/0 is read 4.0 times, by pieces that cut them: 67.1 MB instead"
        " of 16.8 MB (add)"
    )
    assert cause.change == (
        "read .../images/he/0 with chunks=(1024, 1024) instead of chunks=(512, 512): the chunks of"
        " the store, or multiples of them"
    )
    assert cause.gain == pytest.approx((1 / (1 - 0.075), 1 / (1 - 0.15)))


def test_larger_pieces_become_multiples_and_stay_within_the_array() -> None:
    store = make_store(pieces=(1500, 4000), once=40, reads=40)

    assert cause_of(store).change == (
        "read .../images/he/0 with chunks=(2048, 4096) instead of chunks=(1500, 4000): multiples of"
        " the store's (1024, 1024)"
    )


def test_an_array_that_the_cell_has_a_name_for_is_called_so() -> None:
    store = make_store()
    element = make_element(store=store.array)

    assert cause_of(store, elements=(element,)).change.startswith("read image with ")


def test_chunks_too_few_for_the_threads_are_to_be_written_anew() -> None:
    assert cause_of(make_store(), workers=32).change == (
        "write .../images/he/0 again in chunks=(512, 512) instead of chunks=(1024, 1024)"
    )


def test_what_is_read_again_as_a_whole_is_to_be_kept() -> None:
    store = make_store(once=16, reads=32)

    cause = cause_of(store)
    assert "is read 2.0 times, by the same tasks again: " in cause.fact
    assert cause.change.startswith("compute what is made of it at once, dask.compute(a, b)")
    again = Recomputed(name="mean", blocks=1, made=2, seconds=1.0)
    assert reads_again(seen_with(store, recomputed=again)) is None  # it tells of that


@pytest.mark.parametrize(
    ("once", "reads", "share"),
    [
        (64, 128, 0.75),  # 4 times by cuts, and all of that twice: the cuts take more
        (32, 128, 0.75),  # twice by cuts, and all of that 4 times
        (64, 256, 0.75),  # as much of both
    ],
)
def test_of_two_reasons_that_which_takes_more_is_told(once: int, reads: int, share: float) -> None:
    cause = cause_of(make_store(once=once, reads=reads, seconds=20.0))

    assert cause.share == pytest.approx(share)
    assert ("cut them" in cause.fact) is (once == 64)


def test_little_saved_is_a_cause_without_a_gain() -> None:
    assert cause_of(make_store(seconds=0.1)).gain is None


@pytest.mark.parametrize(
    "store",
    [
        make_store(once=24, reads=24),  # 1.5 times is no more than that
        make_store(once=16, reads=16),
        make_store(chunk_bytes=2**16),  # 3 MiB for nothing
    ],
)
def test_what_costs_little_is_no_cause(store: StoreReads) -> None:
    assert reads_again(seen_with(store)) is None


def test_the_worst_array_is_told() -> None:
    assert "/b" in cause_of(make_store(), make_store(array="/b", seconds=3.0)).fact


def test_what_was_not_counted_is_taken_from_another_run_like_it() -> None:
    trace = ran([(0.0, 0.0, 10.0)], seconds=10.0)
    cold = make_run(1, trace=trace)
    counted = make_run(1, repeat=2, disk=Disk(stores=(make_store(),)))
    other = make_run(2, disk=Disk(stores=(make_store(array="/other"),)))
    profile = make_profile(other, cold, counted)

    found = reads_again(Seen(profile=profile, run=cold, trace=trace))

    assert found is not None
    assert "images/he/0" in found.fact


def test_chunks_not_aligned_are_told_once() -> None:
    element = make_element(store="/data/sample.zarr/images/he/0", store_chunks=(1, 9, 9), reads=4.0)

    def told(run: Any) -> list[str]:
        facts = (each.fact for each in element_notices(make_profile(run)))
        return [fact for fact in facts if "not aligned" in fact]

    assert len(told(make_run(1, elements=(element,)))) == 1
    counted = Disk(stores=(make_store(),))
    assert told(make_run(1, elements=(element,), disk=counted)) == []
