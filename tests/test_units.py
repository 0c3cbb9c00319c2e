"""Bytes and seconds become text that says the same."""

from __future__ import annotations

import pytest
from dask.utils import parse_bytes
from hypothesis import given
from hypothesis import strategies as st

from sdprofile.units import format_bytes, format_limit, format_seconds, listed, plural

STEPS = {
    **{unit: 1000.0**power for power, unit in enumerate(("B", "kB", "MB", "GB", "TB", "PB"))},
    **{unit: 1024.0**power for power, unit in enumerate(("B", "KiB", "MiB", "GiB", "TiB", "PiB"))},
}


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [(0, "0 B"), (999, "999 B"), (5 * 10**9, "5.00 GB"), (12_340_000, "12.3 MB")],
)
def test_decimal_amounts_step_by_1000(nbytes: int, text: str) -> None:
    assert format_bytes(nbytes, decimal=True) == text


@pytest.mark.parametrize(
    ("nbytes", "text"), [(1000, "0.98 KiB"), (100 * 2**20, "100 MiB"), (2**30, "1.00 GiB")]
)
def test_binary_amounts_step_by_1024(nbytes: int, text: str) -> None:
    assert format_bytes(nbytes, decimal=False) == text


def test_amount_that_would_round_to_1000_takes_the_next_unit() -> None:
    assert format_bytes(999_600, decimal=True) == "1.00 MB"


@given(nbytes=st.integers(1, 10**15), decimal=st.booleans())
def test_amount_reads_back_within_half_a_percent(nbytes: int, decimal: bool) -> None:
    number, unit = format_bytes(nbytes, decimal=decimal).split()

    # 1000 to 1023 bytes are the worst: 0.98 KiB has two digits only.
    assert float(number) * STEPS[unit] == pytest.approx(nbytes, rel=0.0052)


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (2_210_000_000, "2.3GB"),
        (2_200_000_000, "2.2GB"),
        (23_000_000_001, "24GB"),
        (941_000_000, "950MB"),
        (991_000_000, "1GB"),
        (5 * 10**9, "5GB"),
    ],
)
def test_limit_is_rounded_up_to_two_digits(nbytes: int, text: str) -> None:
    assert format_limit(nbytes, decimal=True) == text


@pytest.mark.parametrize(
    ("nbytes", "text"), [(2**30, "1GiB"), (2**30 + 1, "1.1GiB"), (1010 * 2**20, "0.99GiB")]
)
def test_limit_in_powers_of_1024(nbytes: int, text: str) -> None:
    assert format_limit(nbytes, decimal=False) == text


@given(nbytes=st.integers(1, 10**17), decimal=st.booleans())
def test_limit_reads_back_as_enough_and_not_much_more(nbytes: int, decimal: bool) -> None:
    read = parse_bytes(format_limit(nbytes, decimal=decimal))

    # dask reads through floats, which cost up to a byte.
    assert nbytes - 1 <= read <= 1.11 * nbytes + 1


@pytest.mark.parametrize(
    ("items", "text"), [(["1"], "1"), (["1", "2"], "1 and 2"), (["1", "2", "4"], "1, 2 and 4")]
)
def test_items_are_listed_as_in_a_sentence(items: list[str], text: str) -> None:
    assert listed(items) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.000_25, "250 us"),
        (0.045, "45.0 ms"),
        (1.0, "1.00 s"),
        (99.9, "99.9 s"),
        (200, "3 min 20 s"),
        (3600, "60 min 00 s"),
    ],
)
def test_durations_use_the_unit_that_people_read(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.9996, "1.00 s"), (99.96, "1 min 40 s")])
def test_duration_never_reads_as_1000_of_a_unit(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@given(seconds=st.floats(0.001, 99.0))
def test_duration_reads_back_within_half_a_percent(seconds: float) -> None:
    number, unit = format_seconds(seconds).split()

    read = float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[unit]
    assert read == pytest.approx(seconds, rel=0.0051)


def test_only_one_is_singular() -> None:
    assert [plural(number, "worker") for number in (0, 1, 2)] == [
        "0 workers",
        "1 worker",
        "2 workers",
    ]
