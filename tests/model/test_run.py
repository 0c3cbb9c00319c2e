"""Times of two worker counts become speedup and efficiency."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdprofile.model.run import efficiency, serial_fraction, speedup


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


@pytest.mark.parametrize(
    ("gained", "fraction"), [(4.0, 0.0), (1.0, 1.0), (1.6, 0.5), (8.0, -1 / 6), (0.5, 7 / 3)]
)
def test_serial_fraction_from_1_to_4_workers(gained: float, fraction: float) -> None:
    assert serial_fraction(gained, workers=4, base_workers=1) == pytest.approx(fraction)


def test_serial_fraction_is_relative_to_the_base_count() -> None:
    assert serial_fraction(2.0, workers=8, base_workers=4) == 0.0


@given(serial=st.floats(0.0, 1.0), workers=st.integers(2, 1000))
def test_serial_fraction_is_that_of_amdahl(serial: float, workers: int) -> None:
    gained = 1 / (serial + (1 - serial) / workers)

    found = serial_fraction(gained, workers=workers, base_workers=1)

    assert found == pytest.approx(serial, abs=1e-9)
