"""Times of two worker counts become speedup and efficiency."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdprofile.model.scaling import efficiency, speedup


def test_half_the_time_is_twice_as_fast() -> None:
    assert speedup(5.0, base_seconds=10.0) == 2.0


def test_twice_the_time_is_half_as_fast() -> None:
    assert speedup(20.0, base_seconds=10.0) == 0.5


def test_efficiency_is_relative_to_the_base_count() -> None:
    # From 2 to 4 workers, twice as fast is ideal.
    assert efficiency(2.0, workers=4, base_workers=2) == 1.0


@given(workers=st.integers(1, 1000), base_seconds=st.floats(0.001, 1e6))
def test_ideal_scaling_has_efficiency_1(workers: int, base_seconds: float) -> None:
    gained = speedup(base_seconds / workers, base_seconds=base_seconds)

    assert efficiency(gained, workers=workers, base_workers=1) == pytest.approx(1.0)
